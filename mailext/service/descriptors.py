"""How many descriptors the process may have, and what becomes of them."""

from __future__ import annotations

import resource

from twisted.logger import Logger

from mailext.config.model import Configuration

__all__ = ["most_connections", "raise_limit", "warn_if_short"]

_log = Logger()

# What is kept for files, the store and connections to next hops.
_RESERVED = 1500


def raise_limit() -> None:
    """Have as many descriptors as the system lets the process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            # A sandbox may forbid it; the server can do with what it has.
            _log.warn("The limit of descriptors stays at {soft}: {error}", soft=soft, error=error)


def most_connections() -> int:
    """How many connections there can be of all listeners together, so that enough is left for the work."""
    descriptors = _descriptors()
    return descriptors - min(_RESERVED, descriptors // 2)


def warn_if_short(configuration: Configuration) -> None:
    """Say in the log if the connections that ``[limits]`` allows do not fit."""
    wanted = sum(listener.limits.connections for listener in configuration.listeners.values())
    if wanted > most_connections():
        _log.warn(
            "The listeners may have {wanted} connections by [limits], but the process only {descriptors}"
            " descriptors: beyond {most} connections, clients are told 421. Raise LimitNOFILE, or lower"
            " connections",
            wanted=wanted,
            descriptors=_descriptors(),
            most=most_connections(),
        )


def _descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

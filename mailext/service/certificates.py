"""Certificates are read again when their files change."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from mailext.net.tls import ServerContextFactory

__all__ = ["CertificateWatch"]

_log = Logger()

_EVERY_SECONDS = 10.0


class CertificateWatch:
    """
    Looks at the files of the certificates now and then.

    :param current: gives what makes TLS contexts now, None without a
        certificate.
    """

    def __init__(self, clock: IReactorTime, current: Callable[[], ServerContextFactory | None]) -> None:
        self._current = current
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(_EVERY_SECONDS, now=False)

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        tls = self._current()
        if tls is None:
            return
        try:
            changed = tls.reload_if_changed()
        except (OSError, ValueError) as error:
            _log.error("A certificate has changed and cannot be used: {error}", error=error)
        else:
            if changed:
                _log.info("Certificates have changed and were read again")

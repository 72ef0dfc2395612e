"""
Which destinations keep the promise of REQUIRETLS, as far as deliveries have
shown: for rules that ask for it where it costs nothing (R20, RFC 8689 section
4.3).

A host that lacked something speaks against its destination at once, though
another one may have it all: who asks on the sender's behalf without having
been told to is not to have mail returned.

Only hosts that were connected to have shown anything, and of several that is as
a rule the first. It may be down when mail is asked for that only it would take:
that mail waits for it, as what demands REQUIRETLS does where a host fails for
now, and what is sent after the others were seen goes as ordinary mail.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

__all__ = ["KnownSupport", "SupportSink", "SupportStore", "Unlearned"]

_log = Logger()

_DAY = 86400.0
_KEPT = 14 * _DAY
_LIMIT = 20_000


class SupportSink(Protocol):
    """Is told what connections have proved."""

    def learned(self, destination: str, *, supported: bool) -> None:
        """
        :param destination: a recipient domain, as in its route.
        :param supported: whether a message with REQUIRETLS would have gone.
        """


class Unlearned:
    """A sink that forgets."""

    def learned(self, destination: str, *, supported: bool) -> None:
        """See :meth:`SupportSink.learned`."""


class SupportStore(Protocol):
    """Remembers over restarts."""

    def all(self) -> Deferred[Mapping[str, float]]:
        """:return: a Deferred of when each destination was last seen to support it."""

    def seen(self, destination: str, when: float) -> Deferred[None]:
        """A destination supports it. What is older than ``when`` allows may be forgotten."""

    def forget(self, destination: str) -> Deferred[None]:
        """A destination does not support it."""


class KnownSupport:
    """
    Knows for two weeks. A :class:`SupportSink`.

    :param now: the wall clock, seconds since the epoch.
    :param limit: how many destinations are known.
    """

    def __init__(self, store: SupportStore, now: Callable[[], float], limit: int = _LIMIT) -> None:
        self._store = store
        self._now = now
        self._limit = limit
        # The one that was seen last stands last.
        self._seen: OrderedDict[str, float] = OrderedDict()

    def load(self) -> Deferred[None]:
        """:return: a Deferred that fires when what was stored is known."""
        return self._store.all().addCallbacks(self._loaded, _failed)

    def supports(self, destination: str) -> bool:
        """Whether this is known of a destination."""
        seen = self._seen.get(destination)
        return seen is not None and self._now() < seen + _KEPT

    def learned(self, destination: str, *, supported: bool) -> None:
        """See :meth:`SupportSink.learned`."""
        if not supported:
            if self._seen.pop(destination, None) is not None:
                self._store.forget(destination).addErrback(_failed)
            return
        now = self._now()
        before = self._seen.get(destination)
        self._see(destination, now)
        # To the day: busy destinations are not written for each message.
        if before is None or now >= before + _DAY:
            self._store.seen(destination, now).addErrback(_failed)
        else:
            self._seen[destination] = before

    def _see(self, destination: str, when: float) -> None:
        self._seen[destination] = when
        self._seen.move_to_end(destination)
        if len(self._seen) > self._limit:
            forgotten, _ = self._seen.popitem(last=False)
            self._store.forget(forgotten).addErrback(_failed)

    def _loaded(self, stored: Mapping[str, float]) -> None:
        for destination, when in sorted(stored.items(), key=lambda item: item[1]):
            if destination not in self._seen:
                self._see(destination, when)


def _failed(failure: object) -> None:
    _log.warn("What destinations support cannot be stored: {failure}", failure=failure)

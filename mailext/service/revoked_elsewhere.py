"""Sessions end when another process has revoked an identity of their account."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.storage.revocations import Revocations

__all__ = ["RevokedElsewhere"]

_log = Logger()

# A login asks the registry itself: this is for sessions that are open already.
_EVERY = 2.0


class RevokedElsewhere:
    """
    Looks every two seconds.

    :param revocations: what other processes have revoked.
    :param log_out: called with an account whose sessions are to end.
    """

    def __init__(
        self, revocations: Revocations, clock: IReactorTime, log_out: Callable[[str], object]
    ) -> None:
        self._revocations = revocations
        self._clock = clock
        self._log_out = log_out
        self._last: int | None = None
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Begin: what was revoked before concerns no session."""
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _look(self) -> None:
        self._next = self._clock.callLater(_EVERY, self._look)
        Deferred.fromCoroutine(self._follow()).addErrback(self._failed)

    async def _follow(self) -> None:
        if self._last is None:
            self._last = await self._revocations.latest()
            return
        for number, account in await self._revocations.since(self._last):
            self._last = max(self._last, number)
            self._log_out(account)

    @staticmethod
    def _failed(failure: Failure) -> None:
        _log.failure("Nobody knows what other processes have revoked; that is asked again", failure)

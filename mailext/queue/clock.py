"""The two clocks of the queue."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

__all__ = ["QueueClock"]


class QueueClock:
    """
    Wall-clock time, and time that never jumps.

    :param clock: the reactor; its ``seconds()`` is the wall clock.
    :param monotonic: seconds of a clock that cannot be set, for example
        :func:`time.monotonic`.
    """

    def __init__(self, clock: IReactorTime, monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._offset = clock.seconds() - monotonic()

    def wall(self) -> float:
        """The wall clock: seconds since the epoch, for arrival and expiry."""
        return self._clock.seconds()

    def steady(self) -> float:
        """
        Seconds since the epoch as the wall clock showed them at the start, and
        from then on at the pace of the monotonic clock: for leases and retries.
        """
        return self._offset + self._monotonic()

    def call_later(self, delay: float, function: Callable[[], object]) -> IDelayedCall:
        """Call the function in ``delay`` seconds, at once if that is negative."""
        return self._clock.callLater(max(delay, 0.0), function)

    def pause(self, seconds: float) -> Deferred[None]:
        """:return: a Deferred that fires in so many seconds. It may be cancelled."""
        return deferLater(self._clock, seconds)

"""
Time-outs of a connection, by one timer that is seldom touched.

A deadline that is moved with every command would cancel and set a timer each
time. Here only a number is moved; the timer, when it runs out, looks at the
number and sleeps on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Deadline"]

#: Seconds over which the rate of a message is measured.
_RATE_WINDOW = 60.0
#: Seconds for which the client's time can stand still: an answer of ours that
#: never comes does not hold a connection for ever.
_PATIENCE = 600.0


class Deadline:
    """
    How long a client may take for what it is at.

    :param clock: the clock.
    :param expired: called once when the time is up.
    :param too_slow: called once when fewer octets came than must; None:
        ``expired`` is.
    """

    # There is one for each connection, and most of them are idle.
    __slots__ = (
        "_clock",
        "_end",
        "_expired",
        "_least_rate",
        "_octets",
        "_suspended",
        "_timer",
        "_too_slow",
        "_wake_at",
        "_window_end",
    )

    def __init__(
        self,
        clock: IReactorTime,
        expired: Callable[[], object],
        too_slow: Callable[[], object] | None = None,
    ) -> None:
        self._clock = clock
        self._expired = expired
        self._too_slow = too_slow or expired
        self._timer: IDelayedCall | None = None
        self._wake_at = math.inf
        self._end = math.inf
        self._suspended: float | None = None
        self._least_rate = 0.0
        self._window_end = math.inf
        self._octets = 0

    def begin(self, period: float, least_rate: float = 0.0) -> None:
        """
        The time begins anew.

        :param period: seconds until it is up.
        :param least_rate: octets a second that must be counted meanwhile.
        """
        now = self._clock.seconds()
        self._suspended = None
        self._end = now + period
        self._least_rate = least_rate
        self._window_end = now + _RATE_WINDOW if least_rate else math.inf
        self._octets = 0
        if not self._wake_at <= self._end <= self._window_end:
            self._wake_in_time(now)

    def count(self, octets: int) -> None:
        """The client has sent so many octets."""
        self._octets += octets

    def suspend(self) -> None:
        """It is not the client that is waited for: its time stands still."""
        if self._suspended is None:
            self._suspended = self._clock.seconds()

    def resume(self) -> None:
        """The time goes on where it was suspended."""
        if self._suspended is None:
            return
        now = self._clock.seconds()
        waited, self._suspended = now - self._suspended, None
        self._end += waited
        self._window_end += waited
        self._wake_in_time(now)

    def rest(self) -> None:
        """No time is up, until the next ``begin``, which is expected soon."""
        self._end = self._window_end = math.inf

    def stop(self) -> None:
        """No time is up any more, until the next ``begin``."""
        self.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._wake_at = None, math.inf

    def _wake_in_time(self, now: float) -> None:
        next_look = min(self._end, self._window_end)
        if next_look == math.inf:
            return
        if self._timer is None:
            self._timer = self._clock.callLater(next_look - now, self._look)
        elif next_look < self._wake_at:
            self._timer.reset(next_look - now)
        else:
            return
        self._wake_at = next_look

    def _look(self) -> None:
        self._timer, self._wake_at = None, math.inf
        now = self._clock.seconds()
        if self._suspended is not None:
            left = self._suspended + _PATIENCE - now
            if left > 0:
                self._timer, self._wake_at = self._clock.callLater(left, self._look), now + left
            else:
                self._expired()
            return
        if now >= self._end:
            self._expired()
            return
        if now >= self._window_end:
            if self._octets < self._least_rate * _RATE_WINDOW:
                self._too_slow()
                return
            self._octets = 0
            self._window_end = now + _RATE_WINDOW
        self._wake_in_time(now)

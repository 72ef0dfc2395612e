"""
What a jump of the wall clock would do to the reactor's timers, undone.

The reactor's timers go by the wall clock. Set back by an hour, it would let
every one of them wait for an hour: time-outs, retries, the answers to failed
logins. So each is moved by as much as the clock was. Set forward, it lets them
come early, which is left as it is: what they look at goes by a clock that
nobody can set where that matters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from twisted.logger import Logger

from mailext.per_turn import IThreadsReactor

__all__ = ["ClockWatch"]

_log = Logger()

_EVERY_SECONDS = 0.5
# Less than this is how clocks are corrected.
_A_JUMP = 2.0


class ClockWatch:
    """
    :param reactor: whose ``seconds()`` is the wall clock.
    :param monotonic: seconds of a clock that cannot be set.
    """

    def __init__(self, reactor: IThreadsReactor, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reactor = reactor
        self._monotonic = monotonic
        self._offset = self._difference()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, in a thread: timers are what would not come."""
        threading.Thread(target=self._run, name="mailext-clock", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()

    def look(self) -> None:
        """Move the timers if the clock was set back. To be called in the reactor."""
        jump = self._jump()
        if abs(jump) < _A_JUMP:
            return
        self._offset += jump
        now = self._reactor.seconds()
        for call in self._reactor.getDelayedCalls():
            # What was begun since the clock was set back is right as it is.
            if jump < 0 and call.getTime() - now > -jump - 2 * _EVERY_SECONDS:
                call.delay(jump)
        _log.warn("The wall clock has jumped by {seconds:+.0f} s", seconds=jump)

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            if abs(self._jump()) >= _A_JUMP:
                self._reactor.callFromThread(self.look)

    def _jump(self) -> float:
        return self._difference() - self._offset

    def _difference(self) -> float:
        return self._reactor.seconds() - self._monotonic()

"""How fast messages follow each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

__all__ = ["Pace"]


class Pace:
    """
    Lets one through at a time, for each key; who comes too early waits, the
    first first.

    :param interval: seconds from one to the next.
    """

    def __init__(self, clock: IReactorTime, interval: float) -> None:
        self._clock = clock
        self._interval = interval
        # Those who wait, by keys that have let one through not long ago.
        self._waiting: dict[Hashable, deque[Deferred[None]]] = {}

    def turn(self, key: Hashable) -> Deferred[None]:
        """
        :return: a Deferred that fires when it is one's turn. It can be
            cancelled.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            self._let_through(key, deque())
            return succeed(None)
        turn: Deferred[None] = Deferred(waiting.remove)
        waiting.append(turn)
        return turn

    def _let_through(self, key: Hashable, waiting: deque[Deferred[None]]) -> None:
        self._waiting[key] = waiting
        self._clock.callLater(self._interval, self._next, key)

    def _next(self, key: Hashable) -> None:
        waiting = self._waiting.pop(key)
        if waiting:
            turn = waiting.popleft()
            self._let_through(key, waiting)
            turn.callback(None)

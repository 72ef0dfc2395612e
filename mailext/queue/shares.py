"""A destination that is slow has a part of what can be under way, and the others have the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mailext.queue.dispatch import Deferral
from mailext.values import Outcome

__all__ = ["DestinationShares"]

# Whoever finds no room comes back after so many seconds at the earliest.
_SHORTEST = 1.0
# What was longer ago, in seconds, says little about how fast deliveries end.
_MEMORY = 60.0


@dataclass(slots=True)
class _Crowd:
    """
    Who found no room at a destination.

    :ivar since: since when deliveries are counted that end, steady time.
    :ivar ended: how many.
    :ivar last: when the last one is to come back, steady time.
    """

    since: float
    last: float
    ended: float = 0.0

    def count(self, now: float) -> None:
        """A delivery has ended."""
        self.ended += 1
        if now - self.since > _MEMORY:
            self.since = (self.since + now) / 2
            self.ended /= 2

    def next(self, now: float) -> float:
        """When the next one is to come back."""
        interval = (now - self.since) / max(self.ended, 1.0)
        return max(self.last, now + _SHORTEST) + interval


class DestinationShares:
    """
    Divides the deliveries that can be under way among destinations.

    A destination may have as many as are free for others: one that is slow
    gets half of all, two get a third each. Who finds no room is to come back
    one after the other, as fast as deliveries there have ended so far.

    :param steady: tells the time: seconds of a clock that never jumps.
    :param total: how many deliveries can be under way.
    :param longest: nobody is to come back later than that, in seconds.
    """

    def __init__(self, steady: Callable[[], float], *, total: int, longest: float = 300.0) -> None:
        self._steady = steady
        self._total = total
        self._longest = longest
        self._under_way: Counter[str] = Counter()
        self._free = total
        self._crowds: dict[str, _Crowd] = {}

    def enter(self, destination: str) -> Deferral | None:
        """
        Ask before a delivery.

        :return: why there is to be none for now; None: go on, and
            :meth:`leave` when it is over.
        """
        count = self._under_way[destination]
        if count >= self._free:
            return self._deferral(destination, count)
        self._under_way[destination] = count + 1
        self._free -= 1
        return None

    def leave(self, destination: str) -> None:
        """A delivery is over."""
        self._free += 1
        self._under_way[destination] -= 1
        if not self._under_way[destination]:
            del self._under_way[destination]
            self._crowds.pop(destination, None)
        elif (crowd := self._crowds.get(destination)) is not None:
            crowd.count(self._steady())

    def _deferral(self, destination: str, count: int) -> Deferral:
        now = self._steady()
        outcome = Outcome(451, "4.3.2", f"{destination} waits for {count} messages that are under way")
        if not count:
            return Deferral(outcome, now + _SHORTEST)
        crowd = self._crowds.get(destination)
        if crowd is None or now - crowd.last > _MEMORY:
            crowd = self._crowds[destination] = _Crowd(now, now)
        crowd.last = min(crowd.next(now), now + self._longest)
        return Deferral(outcome, crowd.last)

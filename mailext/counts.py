"""How many connections there are, and from where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, succeed

__all__ = ["ConnectionCounts", "LiveConnections"]

_T = TypeVar("_T")


class ConnectionCounts:
    """
    The connections of one listener. It outlives the factories that stand
    behind the listener one after the other.

    :ivar begun: how many there were since the start.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._all = 0
        self._per_address: Counter[str] = Counter()

    def add(self, address: str) -> None:
        """
        A connection has begun.

        :param address: the client's; empty for a socket of this machine.
        """
        self.begun += 1
        self._all += 1
        self._per_address[address] += 1

    def remove(self, address: str) -> None:
        """A connection has ended."""
        self._all -= 1
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    @property
    def open(self) -> int:
        """How many there are at the moment."""
        return self._all

    def is_full(self, address: str, connections: int, per_address: int) -> bool:
        """
        Whether one more would be too many.

        :param connections: how many there may be.
        :param per_address: how many of them from one address. Those without
            one are not counted by it.
        """
        from_one = self._per_address[address] if address else 0
        return self._all >= connections or from_one >= per_address


class LiveConnections(Generic[_T]):
    """
    The connections of one factory, by their protocols.

    :param counts: counts them together with those of other factories behind
        the same listener.
    """

    def __init__(self, counts: ConnectionCounts) -> None:
        self._counts = counts
        self._live: set[_T] = set()
        self._drained: list[Deferred[None]] = []

    def __bool__(self) -> bool:
        return bool(self._live)

    def __iter__(self) -> Iterator[_T]:
        """Those of the moment: they may end meanwhile."""
        return iter(tuple(self._live))

    def is_full(self, address: str, connections: int, per_address: int) -> bool:
        """See :meth:`ConnectionCounts.is_full`."""
        return self._counts.is_full(address, connections, per_address)

    def begun(self, protocol: _T, address: str) -> None:
        """
        A connection has begun.

        :param address: the client's; empty for a socket of this machine.
        """
        self._live.add(protocol)
        self._counts.add(address)

    def ended(self, protocol: _T, address: str) -> None:
        """A connection has ended."""
        self._live.discard(protocol)
        self._counts.remove(address)
        if not self._live:
            waiting, self._drained = self._drained, []
            for drained in waiting:
                drained.callback(None)

    def drained(self) -> Deferred[None]:
        """:return: a Deferred that fires when the last one is gone."""
        if not self._live:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        return drained

"""How many connections there are, and from where."""

from __future__ import annotations

from collections import Counter

__all__ = ["ConnectionCounts"]


class ConnectionCounts:
    """
    The connections of one listener. It outlives the factories that stand
    behind the listener one after the other.
    """

    def __init__(self) -> None:
        self._all = 0
        self._per_address: Counter[str] = Counter()

    def add(self, address: str) -> None:
        """
        A connection has begun.

        :param address: the client's; empty for a socket of this machine.
        """
        self._all += 1
        self._per_address[address] += 1

    def remove(self, address: str) -> None:
        """A connection has ended."""
        self._all -= 1
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def is_full(self, address: str, connections: int, per_address: int) -> bool:
        """
        Whether one more would be too many.

        :param connections: how many there may be.
        :param per_address: how many of them from one address. Those without
            one are not counted by it.
        """
        from_one = self._per_address[address] if address else 0
        return self._all >= connections or from_one >= per_address

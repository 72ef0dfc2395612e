"""How many connections there are, and from where."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed

from mailext.values import Place

__all__ = ["ConnectionCounts", "ConnectionLimits", "LiveConnections", "SharedDescriptors"]

_T = TypeVar("_T")


class ConnectionLimits(Protocol):
    """How many connections there may be at one time: of all clients, of one address, of one network."""

    @property
    def connections(self) -> int: ...

    @property
    def connections_per_address(self) -> int: ...

    @property
    def connections_per_network(self) -> int: ...


class SharedDescriptors:
    """
    The descriptors that all listeners have for their connections.

    :param most: how many.
    :ivar used: how many are in use.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0

    @property
    def are_used_up(self) -> bool:
        """Whether there is none for one more connection."""
        return self.used >= self._most


class ConnectionCounts:
    """
    The connections of one listener. It outlives the factories that stand
    behind the listener one after the other.

    :param shared: where other listeners take theirs from, too; None: there is
        no other.
    :ivar begun: how many there were since the start.
    """

    def __init__(self, shared: SharedDescriptors | None = None) -> None:
        self.begun = 0
        self._shared = shared or SharedDescriptors(sys.maxsize)
        self._all = 0
        self._per_address: Counter[str] = Counter()
        self._per_network: Counter[str] = Counter()

    def add(self, address: str) -> None:
        """
        A connection has begun.

        :param address: the client's; empty for a socket of this machine.
        """
        self._shared.used += 1
        self.add_elsewhere(address)

    def remove(self, address: str) -> None:
        """A connection has ended."""
        self._shared.used -= 1
        self.remove_elsewhere(address)

    def add_elsewhere(self, address: str) -> None:
        """A connection to another process has begun, which needs no descriptor here; as :meth:`add`."""
        self.begun += 1
        self._all += 1
        self._per_address[address] += 1
        self._per_network[_network(address)] += 1

    def remove_elsewhere(self, address: str) -> None:
        """A connection to another process has ended."""
        self._all -= 1
        for counts, key in ((self._per_address, address), (self._per_network, _network(address))):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]

    @property
    def open(self) -> int:
        """How many there are at the moment."""
        return self._all

    def by_address(self) -> Mapping[str, int]:
        """How many there are of each address."""
        return dict(self._per_address)

    def limit_reached(self, address: str, limits: ConnectionLimits) -> str:
        """
        Which limit one more connection would exceed.

        :param address: whose connection it is; one without an address is
            counted by the first limit only.
        :return: the key of ``[limits]``, or ``descriptors``; empty if it may
            come in.
        """
        if self._shared.are_used_up:
            return "descriptors"
        if self._all >= limits.connections:
            return "connections"
        if address and self._per_address[address] >= limits.connections_per_address:
            return "connections-per-address"
        if address and self._per_network[_network(address)] >= limits.connections_per_network:
            return "connections-per-network"
        return ""


class LiveConnections(Generic[_T]):
    """
    The connections of one factory, by their protocols.

    :param counts: counts them together with those of other factories behind
        the same listener.
    """

    def __init__(self, counts: ConnectionCounts) -> None:
        self._counts = counts
        self._live: dict[_T, str] = {}
        self._drained: list[Deferred[None]] = []

    def __bool__(self) -> bool:
        return bool(self._live)

    def __iter__(self) -> Iterator[_T]:
        """Those of the moment: they may end meanwhile."""
        return iter(tuple(self._live))

    def limit_reached(self, address: str, limits: ConnectionLimits) -> str:
        """See :meth:`ConnectionCounts.limit_reached`."""
        return self._counts.limit_reached(address, limits)

    def begun(self, protocol: _T, address: str) -> None:
        """
        A connection has begun.

        :param address: the client's; empty for a socket of this machine.
        """
        self._live[protocol] = address
        self._counts.add(address)

    def ended(self, protocol: _T) -> None:
        """A connection has ended."""
        self._counts.remove(self._live.pop(protocol))
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


def _network(address: str) -> str:
    return Place.of(address).network

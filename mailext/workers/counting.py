"""Connections that are counted in all processes, for the limits that hold over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from mailext.counts import ConnectionCounts, SharedDescriptors
from mailext.workers.messages import ConnectionBegun, ConnectionEnded

__all__ = ["ConnectionNews", "ElsewhereConnections", "TellingCounts"]

#: Tells other processes of a connection to this one.
ConnectionNews = Callable[[ConnectionBegun | ConnectionEnded], object]


class TellingCounts(ConnectionCounts):
    """
    The connections of one listener, of which other processes are told.

    :param listener: its name.
    """

    def __init__(self, listener: str, shared: SharedDescriptors, tell: ConnectionNews) -> None:
        super().__init__(shared)
        self._listener = listener
        self._tell = tell

    def add(self, address: str) -> None:
        """See :meth:`ConnectionCounts.add`."""
        super().add(address)
        self._tell(ConnectionBegun(self._listener, address))

    def remove(self, address: str) -> None:
        """See :meth:`ConnectionCounts.remove`."""
        super().remove(address)
        self._tell(ConnectionEnded(self._listener, address))


class ElsewhereConnections:
    """
    The connections to one other process, as far as it has told of them.

    :param counts: where they count, by listener.
    """

    def __init__(self, counts: Mapping[str, ConnectionCounts]) -> None:
        self._counts = counts
        self._open: Counter[tuple[str, str]] = Counter()

    def begun(self, news: ConnectionBegun) -> None:
        """One has begun."""
        self._open[news.listener, news.address] += 1
        self._counts[news.listener].add_elsewhere(news.address)

    def ended(self, news: ConnectionEnded) -> None:
        """One has ended."""
        self._open[news.listener, news.address] -= 1
        if not self._open[news.listener, news.address]:
            del self._open[news.listener, news.address]
        self._counts[news.listener].remove_elsewhere(news.address)

    def all_ended(self) -> list[ConnectionEnded]:
        """
        The process is gone, and they with it.

        :return: what others are to be told.
        """
        gone = [ConnectionEnded(*place) for place in self._open.elements()]
        for each in gone:
            self.ended(each)
        return gone

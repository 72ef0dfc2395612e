"""Content on its way from who writes it to a host that asks for it."""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

__all__ = ["ContentStream"]


class ContentStream:
    """
    Written at one end, iterated at the other: gives octets, or where there are
    none yet a Deferred that fires when there are.

    :param beginning: what is there from the start.
    :ivar wanted: whether it was asked for.
    :ivar begun: fires when the beginning was taken, or nothing ever will be.
    """

    def __init__(self, beginning: bytes) -> None:
        self.wanted = False
        self.begun: Deferred[None] = Deferred()
        self._parts = deque([beginning])
        self._ended = False
        self._closed = False
        self._more: Deferred[None] | None = None
        self._room: Deferred[None] | None = None

    def __iter__(self) -> ContentStream:
        return self

    def __next__(self) -> bytes | Deferred[None]:
        self.wanted = True
        if self._parts:
            return self._parts.popleft()
        if self._ended:
            raise StopIteration
        more: Deferred[None] = Deferred()
        self._more = more
        # Who is told now may write at once.
        self._fire()
        return more

    def write(self, data: bytes) -> Deferred[None] | None:
        """
        :return: None, or a Deferred that fires when everything was taken.
        """
        if self._closed:
            return None
        self._parts.append(data)
        self._tell()
        if not self._parts:
            return None
        self._room = self._room or Deferred()
        return self._room

    def end(self) -> None:
        """There is no more than was written."""
        self._ended = True
        self._tell()

    def close(self) -> None:
        """Nobody reads any more: who writes is not held up."""
        self._closed = True
        self._parts.clear()
        self._fire()

    def _tell(self) -> None:
        more, self._more = self._more, None
        if more is not None:
            more.callback(None)

    def _fire(self) -> None:
        if not self.begun.called:
            self.begun.callback(None)
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

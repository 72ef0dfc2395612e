"""Small contents that were just stored: whoever delivers them need not read them."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["RecentContents"]


class RecentContents:
    """
    Remembers contents until they are taken, or newer ones need the room.

    :param limit: how much is remembered, in octets.
    """

    def __init__(self, limit: int = 16 * 1024 * 1024) -> None:
        self._limit = limit
        self._octets = 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def put(self, queue_id: str, content: bytes) -> None:
        """Remember the content of a message."""
        self._contents[queue_id] = content
        self._octets += len(content)
        while self._octets > self._limit:
            _, forgotten = self._contents.popitem(last=False)
            self._octets -= len(forgotten)

    def take(self, queue_id: str) -> bytes | None:
        """The content of a message, which is then forgotten; None if it is not known."""
        content = self._contents.pop(queue_id, None)
        if content is not None:
            self._octets -= len(content)
        return content

"""Octets from the peer, taken as lines or as so many octets."""

from __future__ import annotations

__all__ = ["LineBuffer", "LineTooLongError"]


class LineTooLongError(ValueError):
    """
    A line exceeded the limit; it was skipped up to its CRLF.

    :ivar beginning: the first octets of the line.
    """

    def __init__(self, beginning: bytes) -> None:
        super().__init__("line too long")
        self.beginning = beginning


class LineBuffer:
    """
    Only CRLF ends a line. A line that exceeds the limit is never kept, and is
    told about when its end has come, however it was cut.
    """

    def __init__(self) -> None:
        self._octets = bytearray()
        self._searched = 0
        self._skipped: bytes | None = None

    def __len__(self) -> int:
        return len(self._octets)

    def append(self, data: bytes) -> None:
        self._octets += data

    def clear(self) -> None:
        self._octets.clear()
        self._searched = 0
        self._skipped = None

    def take(self, limit: int) -> bytes:
        """Everything there is, but at most so many octets."""
        taken = bytes(self._octets[:limit])
        del self._octets[:limit]
        self._searched = 0
        return taken

    def take_line(self, limit: int) -> bytes | None:
        """
        The next line without its CRLF, None while it is not complete.

        :param limit: the greatest length of a line, its CRLF included.
        :raise LineTooLongError: in place of a line that exceeds it.
        """
        end = self._octets.find(b"\r\n", self._searched)
        if end < 0:
            self._searched = max(len(self._octets) - 1, 0)
            if len(self._octets) > limit:
                self._skip(self._searched)
            return None
        if self._skipped is not None or end + 2 > limit:
            self._skip(end + 2)
            beginning, self._skipped = self._skipped, None
            raise LineTooLongError(beginning or b"")
        line = bytes(self._octets[:end])
        del self._octets[: end + 2]
        self._searched = 0
        return line

    def _skip(self, length: int) -> None:
        if self._skipped is None:
            self._skipped = bytes(self._octets[:16])
        del self._octets[:length]
        self._searched = 0

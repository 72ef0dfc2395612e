"""Lines out of a stream, with a bound and in linear time."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Lines", "OverlongLineError"]


class OverlongLineError(Exception):
    """A line exceeds the bound."""


class Lines:
    """
    Puts lines together.

    :param limit: the most octets of a line.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Take the next part of the stream.

        :return: the lines that it completes, without their LF.
        :raise OverlongLineError: if a line exceeds the bound, complete or not.
        """
        *complete, rest = data.split(b"\n")
        for part in complete:
            self._append(part)
            line = b"".join(self._parts)
            self._parts, self._length = [], 0
            yield line
        self._append(rest)

    def _append(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._limit:
            raise OverlongLineError
        self._parts.append(part)

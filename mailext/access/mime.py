"""
The parts of a message as places in its octets (RFC 2045, RFC 2046).

Nothing is decoded and put together again: a part that a client fetches has the
octets that were delivered. What the fields mean is left to :mod:`email`.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import BinaryIO

from mailext.message.headers import HeaderSection

__all__ = [
    "LONGEST_FIELD",
    "ContentType",
    "Octets",
    "Part",
    "close",
    "end_of_header",
    "octets_of",
    "parameters_of",
    "read_structure",
]

#: A message's octets.
Octets = bytes | mmap.mmap

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
# A message is searched once for each level, and described with all its parts.
_MOST_LEVELS = 20
_MOST_PARTS = 1000
#: Characters of a structured field that are looked at: the library takes time by
#: the square of its length.
LONGEST_FIELD = 8192


@dataclass(frozen=True, slots=True)
class ContentType:
    """
    :param main: lower case, as ``text``.
    :param sub: lower case, as ``plain``.
    :param parameters: their names in lower case.
    """

    main: str
    sub: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, value: str | None, default: str) -> ContentType:
        """
        :param value: of a Content-Type field; None where there is none.
        :param default: what holds where it makes no sense.
        """
        message = Message()
        message.set_default_type(default)
        if value is not None:
            message["Content-Type"] = value[:LONGEST_FIELD]
        return cls(message.get_content_maintype(), message.get_content_subtype(), parameters_of(message))


def parameters_of(message: Message, header: str = "content-type") -> dict[str, str]:
    """The parameters of a structured field, but for those that make no sense."""
    try:
        found = message.get_params([], header)
    except (ValueError, TypeError, IndexError, RecursionError):
        # The library trusts what RFC 2231 says of continuations.
        return {}
    return {name.lower(): collapse_rfc2231_value(value) for name, value in found[1:]}


@dataclass(slots=True)
class Part:
    """
    A message, or a part of one.

    :param start: where its header section begins.
    :param body: where its body begins.
    :param end: where it ends.
    :param children: of a multipart its parts; of a message/rfc822 the message
        within.
    """

    header: HeaderSection
    type: ContentType
    start: int
    body: int
    end: int
    children: list[Part] = field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        return self.type.main == "multipart" and bool(self.children)

    @property
    def is_message(self) -> bool:
        return (self.type.main, self.type.sub) == ("message", "rfc822") and bool(self.children)

    def first(self, name: bytes) -> str | None:
        """The unfolded body of the first field of this name (lower case)."""
        values = self.header.values(name)
        return values[0] if values else None


def read_structure(octets: Octets) -> Part:
    """The structure of a message."""
    return _Reader(octets).read(0, len(octets), "text/plain", 0)


def end_of_header(octets: Octets, start: int, end: int) -> int:
    """
    Where the header section ends, with the empty line.

    :param start: where a message, or a part, begins.
    :param end: where it ends.
    """
    if octets[start : min(start + 2, end)] == b"\r\n":
        # Without fields it begins with the empty line.
        return start + 2
    found = _END_OF_HEADER.search(octets, start, end)
    return found.end() if found else end


def octets_of(file: BinaryIO) -> Octets:
    """What a file holds; it can be closed then."""
    try:
        descriptor = file.fileno()
    except OSError:
        # It is in memory.
        return file.read()
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if os.fstat(descriptor).st_size else b""


def close(octets: Octets) -> None:
    """They are needed no more."""
    if isinstance(octets, mmap.mmap):
        octets.close()


class _Reader:
    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._parts = 0

    def read(self, start: int, end: int, default: str, level: int) -> Part:
        self._parts += 1
        body = end_of_header(self._octets, start, end)
        header = HeaderSection.parse(self._octets[start:body])[0]
        types = header.values(b"content-type")
        part = Part(header, ContentType.parse(types[0] if types else None, default), start, body, end)
        if level < _MOST_LEVELS:
            if part.type.main == "multipart":
                boundary = part.type.parameters.get("boundary", "")
                within = "message/rfc822" if part.type.sub == "digest" else "text/plain"
                for first, last in self._between(boundary, body, end):
                    part.children.append(self.read(first, last, within, level + 1))
            elif (part.type.main, part.type.sub) == ("message", "rfc822"):
                part.children.append(self.read(body, end, "text/plain", level + 1))
        return part

    def _between(self, boundary: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        if not boundary:
            return
        delimiter = re.compile(
            rb"(?:\r?\n|\A)--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
        )
        # The line end before a delimiter is part of it, here the header's own.
        position, first = max(start - 2, 0), None
        while found := delimiter.search(self._octets, position, end):
            if first is not None:
                yield first, max(found.start(), first)
            if found[1] or self._parts >= _MOST_PARTS:
                return
            position = found.end()
            first = self._octets.find(b"\n", position, end) + 1 or end
        if first is not None:
            # The last delimiter is missing.
            yield first, end

"""
The header section of a message: found incrementally, changed by whole fields.

RFC 5322 section 2.2 says what a field is. A line that is neither a field nor
the continuation of one ends the header section, as the empty line does; the
body then begins with that line, so that nothing behind it is ever taken for a
header field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailext.values import HeaderField, TlsDemand

__all__ = ["HeaderScanner", "HeaderSection", "HeaderTooLargeError", "tls_demand"]

# RFC 5322 section 2.1.1: a line has 998 characters at the most. What goes on
# longer without its colon is no field, so that this can be told in time.
_NAME = rb"([!-9;-~]{1,997})[ \t]{0,997}"
_NAME_SO_FAR = re.compile(_NAME)
_FIELD_SO_FAR = re.compile(_NAME + rb":")
_FIELD = re.compile(_NAME + rb":[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_FOLD = re.compile(r"\r\n(?=[ \t])")

#: The header field of RFC 8689 section 3, and its name in
#: draft-ietf-uta-smtp-require-tls-03 section 3.
_TLS_OPTIONAL_FIELDS = (b"tls-required", b"requiretls")


class HeaderTooLargeError(ValueError):
    """The header section is longer than the limit."""


@dataclass(frozen=True, slots=True)
class HeaderSection:
    """
    The fields of a message's header section, in their order.

    :param fields: for each field its name in lower case, and the whole field
        as it stands in the message with its final CRLF.
    """

    fields: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> tuple[HeaderSection, bytes]:
        """
        Split a message, or its beginning, into header section and the rest.

        :param data: canonical CRLF lines.
        :return: the header section, and what follows its end. The empty line
            that separates them belongs to neither.
        """
        fields = []
        position = 0
        while match := _FIELD.match(data, position):
            fields.append((match[1].lower(), match[0]))
            position = match.end()
        if data.startswith(b"\r\n", position):
            position += 2
        return cls(tuple(fields)), data[position:]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self.fields)

    def __bytes__(self) -> bytes:
        """The section as it is sent, the empty line behind it included."""
        return b"".join(field for _, field in self.fields) + b"\r\n"

    def count(self, *names: bytes) -> int:
        """How many fields have one of these names (lower case)."""
        return sum(name in names for name, _ in self.fields)

    def values(self, name: bytes) -> list[str]:
        """
        The unfolded bodies of the fields of this name (lower case), without
        surrounding white space; octets that are not UTF-8 are replaced.
        """
        return [
            _FOLD.sub("", field.partition(b":")[2].decode("utf-8", "replace")).strip()
            for field_name, field in self.fields
            if field_name == name
        ]

    def without(self, names: Iterable[str]) -> HeaderSection:
        """The section less every field of these names, in any case."""
        unwanted = {name.lower().encode("ascii") for name in names}
        if not unwanted:
            return self
        return HeaderSection(tuple(pair for pair in self.fields if pair[0] not in unwanted))

    def with_on_top(self, *added: HeaderField) -> HeaderSection:
        """
        The section with these fields before the others.

        :raise ValueError: if a name or value holds what could begin another
            field or line.
        """
        return HeaderSection(tuple(_encode(field) for field in added) + self.fields)


def _encode(field: HeaderField) -> tuple[bytes, bytes]:
    name = field.name.encode("ascii")
    raw = name + b": " + field.value.encode("utf-8") + b"\r\n"
    if not (match := _FIELD.fullmatch(raw)) or match[1] != name:
        raise ValueError(f"not a header field: {field.name!r}")
    return name.lower(), raw


class HeaderScanner:
    """
    Finds the end of the header section of a message that comes in pieces.

    :param limit: the greatest length of a header section, in octets.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> tuple[HeaderSection, bytes] | None:
        """
        Take the next piece, cut anywhere but within a CRLF: where makes no
        difference.

        :return: None while the end has not come; then the section, and the
            beginning of the body.
        :raise HeaderTooLargeError: if the section exceeds the limit.
        """
        searched = max(len(self._buffer) - 3, 0)
        self._buffer += data
        if self._buffer.startswith(b"\r\n") or self._buffer.find(b"\r\n\r\n", searched) >= 0:
            return self.finish()
        if len(self._buffer) <= self._limit:
            return None
        section, line = HeaderSection.parse(bytes(self._buffer))
        if b"\r\n" not in line:
            if _FIELD_SO_FAR.match(line) or (section.fields and line.startswith((b" ", b"\t"))):
                raise HeaderTooLargeError
            if _NAME_SO_FAR.fullmatch(line):
                return None
        return self.finish()

    def finish(self) -> tuple[HeaderSection, bytes]:
        """
        The message has ended, or its header section has: give what there is.

        :raise HeaderTooLargeError: if the section exceeds the limit.
        """
        data = bytes(self._buffer)
        self._buffer.clear()
        section, rest = HeaderSection.parse(data)
        if len(data) - len(rest) > self._limit:
            raise HeaderTooLargeError
        return section, rest


def tls_demand(headers: HeaderSection) -> TlsDemand:
    """
    What the header section says about TLS.

    :return: ``OPTIONAL`` where the field says No, and every instance of it
        does; ``NONE`` otherwise.
    """
    # R5, RFC 8689 sections 3 and 4.1.
    said = [value for name in _TLS_OPTIONAL_FIELDS for value in headers.values(name)]
    if said and all(value.lower() == "no" for value in said):
        return TlsDemand.OPTIONAL
    return TlsDemand.NONE

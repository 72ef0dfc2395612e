"""
What a client asks of a message with FETCH, as octets and places in its file.

What is asked comes from Twisted's parser; what is answered is found in the
octets of the message. Everything here blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import BinaryIO, ClassVar, Protocol, cast

from attrs import frozen

from mailext.access.describing import body_structure, envelope
from mailext.access.mime import Octets, Part, close, octets_of, read_structure
from mailext.message.headers import HeaderSection

__all__ = ["FetchedMessage", "Item", "MailboxMessage", "SimpleItem", "Slice", "sets_seen"]

# So much of a message is read along with its description, in octets.
_READ_ALONG = 64 * 1024
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Headers(Protocol):
    """The field names of a section."""

    negate: bool
    fields: Iterable[bytes]


class Item(Protocol):
    """What is asked of a message."""

    @property
    def type(self) -> str: ...


@frozen
class SimpleItem:
    """An item that is its name."""

    type: str


class AskedFor(Item, Protocol):
    """``BODY``, as :meth:`twisted.mail.imap4.IMAP4Server.arg_fetchatt` gives it."""

    peek: bool
    part: tuple[int, ...]
    header: _Headers | None
    text: object
    mime: object
    empty: bool
    partialBegin: int | None
    partialLength: int


class MailboxMessage(Protocol):
    """What is asked of a message: as :class:`twisted.mail.imap4.IMessage` and ``IMessageFile``."""

    def getUID(self) -> int: ...

    def getFlags(self) -> Iterable[str]: ...

    def getInternalDate(self) -> bytes: ...

    def getSize(self) -> int: ...

    def open(self) -> BinaryIO: ...


@frozen
class Slice:
    """So many octets of the message's file, from there on."""

    offset: int
    length: int


def sets_seen(asked: Item) -> bool:
    r"""Whether a client that is shown this has seen the message (RFC 3501 section 6.4.5)."""
    if asked.type == "body":
        section = cast("AskedFor", asked)
        return not section.peek and _is_section(section)
    return asked.type in {"rfc822", "rfc822text"}


def _is_section(asked: AskedFor) -> bool:
    return bool(asked.empty or asked.header or asked.text or asked.mime)


def _date_time(date: bytes) -> str:
    """
    ``date-time`` of RFC 3501 section 9.

    :param date: as an internet message has it.
    """
    moment = parsedate_to_datetime(date.decode("ascii"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # The names of months are not those of the locale.
    return f"{moment.day:2}-{_MONTHS[moment.month - 1]}-{moment:%Y %H:%M:%S %z}"


class FetchedMessage:
    """
    A message whose file is open.

    :param message: its file is opened now, if anything in it is asked for.
    :raise OSError: if it is gone.
    """

    def __init__(self, message: MailboxMessage, asked: Iterable[Item]) -> None:
        self._message = message
        self._octets: Octets = b""
        if any(each.type not in {"flags", "uid", "internaldate", "rfc822size"} for each in asked):
            with message.open() as file:
                self._octets = octets_of(file)

    def close(self) -> None:
        """The file is needed no more."""
        close(self._octets)

    def read(self, place: Slice) -> bytes:
        """Octets of the file."""
        return bytes(self._octets[place.offset : place.offset + place.length])

    def answer(self, sequence: int, asked: Iterable[Item]) -> Iterator[bytes | Slice]:
        """The FETCH response, with places where octets of the file stand that are not few."""
        yield b"* %d FETCH (" % sequence
        for index, each in enumerate(asked):
            if index:
                yield b" "
            if each.type == "body":
                yield from self._body(cast("AskedFor", each))
            else:
                yield from self._items[each.type](self)
        yield b")\r\n"

    @cached_property
    def _structure(self) -> Part:
        return read_structure(self._octets)

    def _flags(self) -> Iterator[bytes]:
        yield b"FLAGS (" + " ".join(self._message.getFlags()).encode("ascii") + b")"

    def _uid(self) -> Iterator[bytes]:
        yield b"UID %d" % self._message.getUID()

    def _internal_date(self) -> Iterator[bytes]:
        yield b'INTERNALDATE "' + _date_time(self._message.getInternalDate()).encode("ascii") + b'"'

    def _size(self) -> Iterator[bytes]:
        yield b"RFC822.SIZE %d" % self._message.getSize()

    def _envelope(self) -> Iterator[bytes]:
        yield b"ENVELOPE " + envelope(self._structure)

    def _body_structure(self) -> Iterator[bytes]:
        yield b"BODYSTRUCTURE " + body_structure(self._octets, self._structure, extended=True)

    def _whole(self) -> Iterator[bytes | Slice]:
        yield from self._literal(b"RFC822", 0, len(self._octets))

    def _header(self) -> Iterator[bytes | Slice]:
        yield from self._literal(b"RFC822.HEADER", 0, self._structure.body)

    def _text(self) -> Iterator[bytes | Slice]:
        yield from self._literal(b"RFC822.TEXT", self._structure.body, self._structure.end)

    def _body(self, asked: AskedFor) -> Iterator[bytes | Slice]:
        if not _is_section(asked):
            yield b"BODY " + body_structure(self._octets, self._structure, extended=False)
            return
        name = _section_name(asked)
        place = self._place(asked)
        if place is None:
            yield name + b" NIL"
        elif isinstance(place, bytes):
            chosen = _partial(asked, 0, len(place))
            shown = place[chosen.start : chosen.stop]
            yield b"%b {%d}\r\n%b" % (name, len(shown), shown)
        else:
            chosen = _partial(asked, *place)
            yield from self._literal(name, chosen.start, chosen.stop)

    def _literal(self, name: bytes, start: int, end: int) -> Iterator[bytes | Slice]:
        yield b"%b {%d}\r\n" % (name, end - start)
        place = Slice(start, end - start)
        yield self.read(place) if place.length <= _READ_ALONG else place

    def _place(self, asked: AskedFor) -> tuple[int, int] | bytes | None:
        """Where a section is, or its octets where it is made for this client; None if there is none."""
        if asked.empty and not asked.part:
            return 0, len(self._octets)
        part = self._part(asked.part)
        if part is not None and (asked.empty or asked.mime):
            return (part.body, part.end) if asked.empty else (part.start, part.body)
        if part is not None and asked.part:
            # HEADER and TEXT are of a message within.
            part = part.children[0] if part.is_message else None
        return None if part is None else _of_message(part, asked)

    def _part(self, numbers: Iterable[int]) -> Part | None:
        part = self._structure
        for depth, number in enumerate(numbers):
            if part.is_message and depth:
                part = part.children[0]
            if part.is_multipart:
                if number >= len(part.children):
                    return None
                part = part.children[number]
            elif number:
                # Part 1 of what is no multipart is its body.
                return None
        return part

    _items: ClassVar[Mapping[str, Callable[[FetchedMessage], Iterator[bytes | Slice]]]] = {
        "flags": _flags,
        "uid": _uid,
        "internaldate": _internal_date,
        "rfc822size": _size,
        "envelope": _envelope,
        "bodystructure": _body_structure,
        "rfc822": _whole,
        "rfc822header": _header,
        "rfc822text": _text,
    }


def _of_message(message: Part, asked: AskedFor) -> tuple[int, int] | bytes:
    if asked.text:
        return message.body, message.end
    assert asked.header is not None
    if asked.header.fields:
        return _chosen_fields(message.header, asked.header)
    return message.start, message.body


def _section_name(asked: AskedFor) -> bytes:
    words = [b"%d" % (number + 1) for number in asked.part]
    if asked.text:
        words.append(b"TEXT")
    elif asked.mime:
        words.append(b"MIME")
    elif asked.header is not None:
        words.append(_header_name(asked.header))
    name = b"BODY[" + b".".join(words) + b"]"
    return name if asked.partialBegin is None else name + b"<%d>" % asked.partialBegin


def _header_name(header: _Headers) -> bytes:
    fields = list(header.fields)
    if not fields:
        return b"HEADER"
    chosen = b"HEADER.FIELDS.NOT" if header.negate else b"HEADER.FIELDS"
    return chosen + b" (" + b" ".join(fields) + b")"


def _partial(asked: AskedFor, start: int, end: int) -> range:
    if asked.partialBegin is None:
        return range(start, end)
    first = min(start + asked.partialBegin, end)
    return range(first, min(first + asked.partialLength, end))


def _chosen_fields(header: HeaderSection, asked: _Headers) -> bytes:
    names = {name.lower() for name in asked.fields}
    fields = (field for name, field in header if (name in names) is not asked.negate)
    return b"".join(fields) + b"\r\n"

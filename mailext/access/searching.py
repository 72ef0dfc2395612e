"""
SEARCH (RFC 3501 section 6.4.4): what a client is looking for, and whether a
message is it.

A query is read once into a test of messages; what is malformed is told then.
Tests ask a message for no more than they need. They block.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from email import message_from_binary_file
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from functools import cached_property

from twisted.mail.imap4 import IllegalQueryError

from mailext.access.fetching import MailboxMessage
from mailext.access.sequences import NumberRanges, parse_ranges
from mailext.message.headers import HeaderSection

__all__ = ["Candidate", "Query", "Test", "read_query"]

#: A query as :func:`twisted.mail.imap4.parseNestedParens` gives it.
Query = Sequence["bytes | Query | None"]

_MOST_LEVELS = 50
_LONGEST_HEADER = 1 << 20
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_NUMBER = re.compile(r"[0-9]{1,10}")


class Candidate:
    """
    A message that may be it.

    :param sequence: its sequence number.
    """

    def __init__(self, sequence: int, message: MailboxMessage) -> None:
        self.sequence = sequence
        self._message = message

    @property
    def uid(self) -> int:
        return self._message.getUID()

    @cached_property
    def flags(self) -> frozenset[str]:
        return frozenset(self._message.getFlags())

    @cached_property
    def received(self) -> date:
        """The day of its internal date."""
        return parsedate_to_datetime(self._message.getInternalDate().decode("ascii")).date()

    @property
    def size(self) -> int:
        return self._message.getSize()

    @cached_property
    def header(self) -> HeaderSection:
        with self._message.open() as file:
            return HeaderSection.parse(file.read(_LONGEST_HEADER))[0]

    @cached_property
    def sent(self) -> date | None:
        """The day of its Date field, None where that tells none."""
        for value in self.header.values(b"date"):
            with contextlib.suppress(ValueError, IndexError):
                return parsedate_to_datetime(value).date()
        return None

    @cached_property
    def body(self) -> str:
        """The text of the body, decoded, in lower case."""
        with self._message.open() as file:
            message = message_from_binary_file(file)
        texts = []
        for part in message.walk():
            if part.get_content_maintype() == "text":
                octets = part.get_payload(decode=True)
                texts.append(_decoded(octets, part.get_content_charset("utf-8")))
        return "\n".join(texts).lower()

    def has(self, name: bytes, text: str) -> bool:
        """Whether a field of this name (lower case) has this text (lower case) in it."""
        return any(text in _readable(value).lower() for value in self.header.values(name))

    def has_anywhere(self, text: str) -> bool:
        """Whether header section or body has this text (lower case) in it."""
        return text in self.body or any(self.has(name, text) for name, _ in self.header)


def _decoded(octets: object, charset: str) -> str:
    if not isinstance(octets, bytes):
        return ""
    try:
        return octets.decode(charset, "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


def _readable(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


#: Whether a message is looked for.
Test = Callable[[Candidate], bool]


def read_query(query: Query, last_sequence: int, last_uid: int) -> Test:
    """
    :param query: texts in it are UTF-8.
    :param last_sequence: what ``*`` means as a sequence number.
    :param last_uid: what it means as an identifier.
    :raise IllegalQueryError: if it is malformed.
    """
    reader = _Reader(query, (last_sequence, last_uid), 0)
    test = reader.read_all()
    if test is None:
        raise IllegalQueryError("there is nothing to look for")
    return test


_FLAGS = (
    ("ANSWERED", "\\Answered"),
    ("DELETED", "\\Deleted"),
    ("DRAFT", "\\Draft"),
    ("FLAGGED", "\\Flagged"),
    ("SEEN", "\\Seen"),
)


def _key_of_flag(flag: str) -> Callable[[_Reader], Test]:
    return lambda _: lambda candidate: flag in candidate.flags


def _key_of_no_flag(flag: str) -> Callable[[_Reader], Test]:
    return lambda _: lambda candidate: flag not in candidate.flags


def _key_of_field(name: str) -> Callable[[_Reader], Test]:
    return lambda reader: _field(name.lower(), reader.text().lower())


class _Reader:
    """
    :param lasts: what ``*`` means: as a sequence number, as an identifier.
    :param level: how many levels are above.
    """

    def __init__(self, query: Query, lasts: tuple[int, int], level: int) -> None:
        self._rest = list(reversed(query))
        self._lasts = lasts
        self._level = level

    def read_all(self) -> Test | None:
        """All keys to the end, all of which must hold; None if there is none."""
        tests = []
        while self._rest:
            tests.append(self._read())
        return (lambda candidate: all(test(candidate) for test in tests)) if tests else None

    def _read(self) -> Test:
        if self._level > _MOST_LEVELS:
            raise IllegalQueryError("too deep")
        key = self._next()
        if not isinstance(key, bytes | None):
            test = _Reader(key, self._lasts, self._level + 1).read_all()
            if test is None:
                raise IllegalQueryError("nothing in parentheses")
            return test
        name = self._text_of(key).upper()
        if name[:1].isdigit() or name[:1] == "*":
            ranges = self._ranges(name, self._lasts[0])
            return lambda candidate: candidate.sequence in ranges
        read = self._keys.get(name)
        if read is None:
            raise IllegalQueryError("unknown search key")
        return read(self)

    def _inner(self) -> Test:
        self._level += 1
        try:
            return self._read()
        finally:
            self._level -= 1

    def _next(self) -> bytes | Query | None:
        if not self._rest:
            raise IllegalQueryError("something is missing at the end")
        return self._rest.pop()

    @staticmethod
    def _text_of(octets: bytes | None) -> str:
        try:
            # The parser takes the word for the absence of one.
            return "NIL" if octets is None else octets.decode("utf-8")
        except UnicodeDecodeError:
            raise IllegalQueryError("not in UTF-8") from None

    def text(self) -> str:
        octets = self._next()
        if not isinstance(octets, bytes | None):
            raise IllegalQueryError("a string is missing")
        return self._text_of(octets)

    def _number(self) -> int:
        text = self.text()
        if not _NUMBER.fullmatch(text):
            raise IllegalQueryError("not a number")
        return int(text)

    def _day(self) -> date:
        match = _DATE.fullmatch(self.text())
        try:
            if match is not None:
                return date(int(match[3]), 1 + _MONTHS.index(match[2].lower()), int(match[1]))
        except ValueError:
            pass
        raise IllegalQueryError("not a date")

    @staticmethod
    def _ranges(text: str, last: int) -> NumberRanges:
        try:
            return parse_ranges(text.encode("ascii"), last)
        except ValueError:
            raise IllegalQueryError("not a set of numbers") from None

    # Keys

    def _all(self) -> Test:
        return lambda _: True

    def _not(self) -> Test:
        test = self._inner()
        return lambda candidate: not test(candidate)

    def _or(self) -> Test:
        one, other = self._inner(), self._inner()
        return lambda candidate: one(candidate) or other(candidate)

    def _uid(self) -> Test:
        ranges = self._ranges(self.text(), self._lasts[1])
        return lambda candidate: candidate.uid in ranges

    def _header(self) -> Test:
        return _field(self.text().lower(), self.text().lower())

    def _body(self) -> Test:
        text = self.text().lower()
        return lambda candidate: text in candidate.body

    def _anywhere(self) -> Test:
        text = self.text().lower()
        return lambda candidate: candidate.has_anywhere(text)

    def _larger(self) -> Test:
        size = self._number()
        return lambda candidate: candidate.size > size

    def _smaller(self) -> Test:
        size = self._number()
        return lambda candidate: candidate.size < size

    def _keyword(self) -> Test:
        # There are none here.
        self.text()
        return lambda _: False

    def _unkeyword(self) -> Test:
        self.text()
        return self._all()

    def _new(self) -> Test:
        return lambda candidate: "\\Recent" in candidate.flags and "\\Seen" not in candidate.flags

    def _received(self, compare: Callable[[date, date], bool]) -> Test:
        day = self._day()
        return lambda candidate: compare(candidate.received, day)

    def _sent(self, compare: Callable[[date, date], bool]) -> Test:
        day = self._day()
        return lambda candidate: candidate.sent is not None and compare(candidate.sent, day)

    _keys: Mapping[str, Callable[[_Reader], Test]] = {
        "ALL": _all,
        "NOT": _not,
        "OR": _or,
        "UID": _uid,
        "HEADER": _header,
        "BODY": _body,
        "TEXT": _anywhere,
        "LARGER": _larger,
        "SMALLER": _smaller,
        "KEYWORD": _keyword,
        "UNKEYWORD": _unkeyword,
        "NEW": _new,
        "BEFORE": lambda self: self._received(date.__lt__),
        "ON": lambda self: self._received(date.__eq__),
        "SINCE": lambda self: self._received(date.__ge__),
        "SENTBEFORE": lambda self: self._sent(date.__lt__),
        "SENTON": lambda self: self._sent(date.__eq__),
        "SENTSINCE": lambda self: self._sent(date.__ge__),
        **{name: _key_of_field(name) for name in ("BCC", "CC", "FROM", "SUBJECT", "TO")},
        **{name: _key_of_flag(flag) for name, flag in _FLAGS},
        **{f"UN{name}": _key_of_no_flag(flag) for name, flag in _FLAGS},
        "RECENT": _key_of_flag("\\Recent"),
        "OLD": _key_of_no_flag("\\Recent"),
    }


def _field(name: str, text: str) -> Test:
    octets = name.encode("utf-8")
    return lambda candidate: candidate.has(octets, text)

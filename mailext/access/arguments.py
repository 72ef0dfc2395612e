"""
The arguments of IMAP commands, with bounds.

It stands before :class:`twisted.mail.imap4.IMAP4Server` and takes the place of
those of its ``arg_...`` methods that trust their clients, or do not know all
of RFC 3501 section 9.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.mail import imap4
from twisted.mail.imap4 import IllegalClientResponse, IllegalOperation, MessageSet

from mailext.access.sequences import parse_set

__all__ = ["LONGEST_LINE", "BoundedArguments"]

#: The longest command, its literals but for that of APPEND included.
LONGEST_LINE = 65536

_SIZE = re.compile(rb"\{([0-9]{1,10})\}")
_LITERAL_BEHIND = re.compile(rb"\{([0-9]{1,10})\}\Z")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"(?: |\Z)')
_ESCAPED = re.compile(rb'\\(["\\])')
# ATOM-CHAR and "]", and what clients send besides: "[" and octets of UTF-8.
_ASTRING = re.compile(rb'([^\x00-\x20\x7f(){%*"\\]+)(?: |\Z)')
_PATTERN = re.compile(rb'([^\x00-\x20\x7f(){"\\]+)(?: |\Z)')
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_FIELD_NAME = re.compile(rb"[!-9;-~]+")
_MOST_LEVELS = 50

_Argument = tuple[Any, bytes]


class _Asked(Protocol):
    part: tuple[int, ...]
    partialBegin: int | None
    header: Any


class BoundedArguments(imap4.IMAP4Server):
    """
    :cvar message_size: the largest message that may be appended, in octets.
    :ivar has_room: whether the disk has room for so many octets more.
    :ivar limit_reached: the key of ``[limits]`` that the command under way
        came up against; empty without one.
    """

    has_room: Callable[[int], bool]
    limit_reached = ""

    MAX_LENGTH = LONGEST_LINE
    message_size = 50 * 1024 * 1024

    def arg_astring(self, line: bytes, final: bool = False) -> _Argument | Deferred[_Argument]:  # noqa: FBT001, FBT002 - Twisted's
        return self._string(line, _ASTRING, final=final)

    def arg_list_mailbox(self, line: bytes) -> _Argument | Deferred[_Argument]:
        """The pattern of LIST and LSUB."""
        return self._string(line, _PATTERN, final=True)

    def _string(
        self, line: bytes, atom: re.Pattern[bytes], *, final: bool
    ) -> _Argument | Deferred[_Argument]:
        if line.startswith(b"{"):
            match = _SIZE.fullmatch(line)
            if match is None:
                raise IllegalClientResponse("malformed literal")
            if final and not int(match[1]):
                # Twisted waits for octets that do not come.
                return b"", b""
            literal: Deferred[_Argument] = self._stringLiteral(int(match[1]))
            return literal.addCallback(lambda found: (found[0], _without_space(found[1])))
        match = _QUOTED.match(line) or atom.match(line)
        if match is None:
            raise IllegalClientResponse("a string is missing or malformed")
        if match.re is _QUOTED:
            return _ESCAPED.sub(rb"\1", match[1]), line[match.end() :]
        return match[1], line[match.end() :]

    def arg_rest(self, line: bytes | None) -> _Argument:
        """All that follows, or nothing."""
        return line or b"", b""

    def arg_seqset(self, line: bytes) -> _Argument:
        octets, _, rest = line.partition(b" ")
        try:
            found: MessageSet = parse_set(octets)
        except ValueError:
            raise IllegalClientResponse("not a set of numbers") from None
        return found, rest

    def arg_fetchatt(self, line: bytes) -> _Argument:
        try:
            asked, rest = super().arg_fetchatt(line)
        except Exception:  # noqa: BLE001 - the parser raises what comes
            raise IllegalClientResponse("not what can be fetched") from None
        if not asked:
            raise IllegalClientResponse("nothing is to be fetched")
        for each in asked:
            if each.type == "body":
                _check_body(each)
        return asked, rest

    def arg_flaglist(self, line: bytes) -> _Argument:
        if line.startswith(b"("):
            if not line.endswith(b")"):
                raise IllegalClientResponse("a parenthesis is missing")
            line = line[1:-1]
        flags = line.split()
        if not all(_FLAG.fullmatch(flag) for flag in flags):
            raise IllegalClientResponse("not a flag")
        return flags, b""

    def opt_flaglist(self, line: bytes) -> _Argument:
        """The flags of APPEND, if there are any."""
        if not line.startswith(b"("):
            return [], line
        inside, parenthesis, rest = line.partition(b")")
        return self.arg_flaglist(inside + parenthesis)[0], _without_space(rest)

    def arg_searchkeys(self, line: bytes) -> _Argument | Deferred[_Argument]:
        literal = _LITERAL_BEHIND.search(line)
        if len(line) > LONGEST_LINE:
            raise IllegalClientResponse("too long")
        if literal is not None and _is_outside_quotes(line[: literal.start()]):
            arriving: Deferred[_Argument] = self._stringLiteral(int(literal[1]))
            return arriving.addCallback(
                lambda found: self.arg_searchkeys(line + b"\r\n" + found[0] + found[1])
            )
        if _levels(line) > _MOST_LEVELS:
            raise IllegalClientResponse("too deep")
        try:
            return imap4.parseNestedParens(line), b""
        except (ValueError, IndexError, imap4.MismatchedNesting, imap4.MismatchedQuoting):
            raise IllegalClientResponse("malformed") from None

    def arg_literal(self, line: bytes) -> Deferred[_Argument]:
        match = _SIZE.fullmatch(line or b"")
        if match is None:
            raise IllegalClientResponse("a literal is missing or malformed")
        if int(match[1]) > self.message_size:
            # RFC 7889 names the limit; the client has not sent anything yet.
            self.limit_reached = "message-size"
            raise IllegalOperation("the message is too big")
        if not self.has_room(int(match[1])):
            self.limit_reached = "disk-reserve"
            raise IllegalOperation("there is no room for it")
        arriving: Deferred[_Argument] = self._fileLiteral(int(match[1]))
        return arriving


def _without_space(rest: bytes) -> bytes:
    return rest.removeprefix(b" ")


def _check_body(asked: _Asked) -> None:
    if any(number < 0 for number in asked.part) or (asked.partialBegin or 0) < 0:
        raise IllegalClientResponse("parts are counted from 1")
    if asked.header is not None and asked.header.fields:
        names = [name.strip(b'"') for name in asked.header.fields]
        if not all(_FIELD_NAME.fullmatch(name) for name in names):
            raise IllegalClientResponse("not the name of a field")
        asked.header.fields = names


def _is_outside_quotes(line: bytes) -> bool:
    return line.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') % 2 == 0


def _levels(line: bytes) -> int:
    deepest = depth = 0
    for octet in line:
        # The parser takes brackets for parentheses.
        if octet in b"([":
            depth += 1
            deepest = max(deepest, depth)
        elif octet in b")]":
            depth -= 1
    return deepest

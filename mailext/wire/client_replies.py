"""
A server's replies, read as they come (RFC 5321 section 4.2).

Only CRLF ends a line: a bare CR or LF is what the injection of replies is made
of, and no server sends one. A reply's first digit is 2 to 5, and all its lines
carry one code. What is longer than the limits is a fault: a client that waits
for the end of it waits for ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mailext.wire.replies import Reply

__all__ = ["LONGEST_CHALLENGE", "ReplyError", "ReplyReader"]

#: RFC 4954 section 4: a challenge is the longest that a server has to say.
#: RFC 5321 section 4.5.3.1.5 grants 512 octets to other lines; many servers
#: take more.
LONGEST_CHALLENGE = 12288
_LONGEST_LINE = 2048
_USUAL_LINE = 80
_MOST_LINES = 200
_MOST_OCTETS = 65536

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ReplyError(ValueError):
    """What the server sends is no reply."""


class ReplyReader:
    """
    Takes octets, gives replies. How the octets were cut makes no difference.

    A reply's text has no control characters: they become ``?``.
    """

    def __init__(self) -> None:
        self._octets = b""
        self._position = 0
        self._searched = 0
        self._lines: list[str] = []
        self._code: bytes = b""
        self._size = 0

    def __bool__(self) -> bool:
        """Whether there is anything that was not given out as a reply."""
        return self._position < len(self._octets) or bool(self._lines)

    def append(self, data: bytes) -> None:
        # What is left is no more than a line, or the replies to one flight.
        self._octets = self._octets[self._position :] + data
        self._searched -= self._position
        self._position = 0

    def clear(self) -> None:
        """Forget what was not given out."""
        self._octets = b""
        self._position = self._searched = 0
        self._lines.clear()
        self._size = 0

    def next_reply(self) -> Reply | None:
        """
        The next reply, None while it is not complete.

        :raise ReplyError: why it is none.
        """
        while (line := self._take_line()) is not None:
            if not self._lines and line[3:4] == b" " and len(line) <= _USUAL_LINE:
                return _usual_reply(line)
            code, is_last, text = _parse(line)
            if self._lines and code != self._code:
                raise ReplyError("the lines of a reply have different codes")
            self._code = code
            self._lines.append(text)
            self._size += len(line)
            if is_last:
                lines, self._lines, self._size = self._lines, [], 0
                return _reply(code, lines)
            if len(self._lines) >= _MOST_LINES or self._size > _MOST_OCTETS:
                raise ReplyError("a reply has no end")
        return None

    def _take_line(self) -> bytes | None:
        octets, begin = self._octets, self._position
        end = octets.find(b"\n", self._searched)
        length = (end if end >= 0 else len(octets)) - begin
        if length > _LONGEST_LINE and not (length <= LONGEST_CHALLENGE and octets.startswith(b"334", begin)):
            raise ReplyError("a line is too long")
        if end < 0:
            self._searched = len(octets)
            return None
        line = octets[begin:end]
        if line.find(b"\r") != length - 1 or not length:
            raise ReplyError("a line has a bare CR or LF")
        self._position = self._searched = end + 1
        return line[:-1]


def _parse(line: bytes) -> tuple[bytes, bool, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ReplyError("a line does not begin with a reply code")
    text = _NOT_TEXT.sub("?", (match[3] or b"").decode("utf-8", "replace"))
    return match[1], match[2] != b"-", text


@lru_cache(maxsize=256)
def _usual_reply(line: bytes) -> Reply:
    # What a server says to MAIL, RCPT and DATA is the same for each message.
    code, _, text = _parse(line)
    return _reply(code, [text])


def _reply(code: bytes, lines: Sequence[str]) -> Reply:
    number = int(code)
    reply = Reply.parse_text(number, lines[0], default="") if lines[0] else Reply(number, None, ("",))
    if not reply.enhanced:
        return Reply(number, None, tuple(lines))
    # RFC 2034 section 4: each line begins with the enhanced status code.
    prefix = f"{reply.enhanced} "
    return Reply(number, reply.enhanced, (reply.lines[0], *(line.removeprefix(prefix) for line in lines[1:])))

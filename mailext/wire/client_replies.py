"""
A server's replies, read as they come (RFC 5321 section 4.2).

Only CRLF ends a line: a bare CR or LF is what the injection of replies is made
of, and no server sends one. A reply's first digit is 2 to 5, and all its lines
carry one code. What is longer than the limits is a fault: a client that waits
for the end of it waits for ever.
"""

from __future__ import annotations

import re

from mailext.wire.replies import Reply

__all__ = ["LONGEST_CHALLENGE", "ReplyError", "ReplyReader"]

#: RFC 4954 section 4: a challenge is the longest that a server has to say.
#: RFC 5321 section 4.5.3.1.5 grants 512 octets to other lines; many servers
#: take more.
LONGEST_CHALLENGE = 12288
_LONGEST_LINE = 2048
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
        self._octets = bytearray()
        self._searched = 0
        self._lines: list[str] = []
        self._code: bytes = b""
        self._size = 0

    def __bool__(self) -> bool:
        """Whether there is anything that was not given out as a reply."""
        return bool(self._octets or self._lines)

    def append(self, data: bytes) -> None:
        self._octets += data

    def clear(self) -> None:
        """Forget what was not given out."""
        self._octets.clear()
        self._searched = 0
        self._lines.clear()
        self._size = 0

    def next_reply(self) -> Reply | None:
        """
        The next reply, None while it is not complete.

        :raise ReplyError: why it is none.
        """
        while (line := self._take_line()) is not None:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ReplyError("a line does not begin with a reply code")
            if self._lines and match[1] != self._code:
                raise ReplyError("the lines of a reply have different codes")
            self._code = match[1]
            self._lines.append(_NOT_TEXT.sub("?", (match[3] or b"").decode("utf-8", "replace")))
            self._size += len(line)
            if match[2] != b"-":
                return self._complete()
            if len(self._lines) >= _MOST_LINES or self._size > _MOST_OCTETS:
                raise ReplyError("a reply has no end")
        return None

    def _take_line(self) -> bytes | None:
        end = self._octets.find(b"\n", self._searched)
        self._searched = len(self._octets)
        limit = LONGEST_CHALLENGE if self._octets.startswith(b"334") else _LONGEST_LINE
        if (end if end >= 0 else len(self._octets)) > limit:
            raise ReplyError("a line is too long")
        if end < 0:
            return None
        line = bytes(self._octets[: end - 1])
        if end < 1 or self._octets[end - 1] != ord("\r") or b"\r" in line:
            raise ReplyError("a line has a bare CR or LF")
        del self._octets[: end + 1]
        self._searched = 0
        return line

    def _complete(self) -> Reply:
        lines, self._lines, self._size = self._lines, [], 0
        code = int(self._code)
        reply = Reply.parse_text(code, lines[0], default="") if lines[0] else Reply(code, None, ("",))
        if not reply.enhanced:
            return Reply(code, None, tuple(lines))
        # RFC 2034 section 4: each line begins with the enhanced status code.
        prefix = f"{reply.enhanced} "
        return Reply(
            code, reply.enhanced, (reply.lines[0], *(line.removeprefix(prefix) for line in lines[1:]))
        )

"""
Message content, taken from the wire in chunks.

A body is never split into lines. The end of DATA is searched over the
boundaries of segments, and dots are un-stuffed, only where a line begins with a
dot; bare CR and LF are found in one pass, by the standard library's decoder of
newlines.
"""

from __future__ import annotations

from io import IncrementalNewlineDecoder

from mailext.wire.events import MessageData, MessageFault
from mailext.wire.replies import BAD_LINE_ENDINGS, MESSAGE_TOO_BIG, Reply

__all__ = ["ChunkDecoder", "Content", "DotDecoder", "has_bare_line_ending"]

_END = b"\r\n.\r\n"


def has_bare_line_ending(data: bytes) -> bool:
    """
    Whether a CR or LF stands alone.

    :param data: octets that begin and end outside of any CRLF.
    """
    seen = IncrementalNewlineDecoder(None, translate=False)
    seen.decode(data.decode("latin-1"), final=True)
    return seen.newlines not in {None, "\r\n"}


class DotDecoder:
    """
    Content behind DATA, up to CRLF.CRLF and nothing else (RFC 5321 section
    4.1.1.4).

    What might be the beginning of the end is held back, so that no piece
    given out ends within a CRLF or within the end.
    """

    def __init__(self) -> None:
        # The CRLF that ended the command line begins the search: a message
        # may be ended by its very first line.
        self._held = b"\r\n"
        self._at_start = True

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """
        Take the next octets.

        :return: the next part of the content, and what follows its end; None
            in its place while the end has not come.
        """
        buffer = self._held + data
        # Base64 has no dot, and to look for one octet costs next to nothing.
        has_dots = b"." in buffer and b"\r\n." in buffer
        end = buffer.find(_END) if has_dots else -1
        if end >= 0:
            content, rest = buffer[: end + 2], buffer[end + 5 :]
        else:
            kept = _possible_end(buffer)
            split = len(buffer) - kept
            content, self._held, rest = buffer[:split], buffer[split:], None
        if has_dots:
            content = content.replace(b"\r\n.", b"\r\n")
        if self._at_start and content:
            self._at_start = False
            content = content[2:]
        return content, rest


def _possible_end(buffer: bytes) -> int:
    """How many octets at the end of the buffer could begin the end of data."""
    for length in range(min(len(_END) - 1, len(buffer)), 0, -1):
        if buffer.endswith(_END[:length]):
            return length
    return 0


class ChunkDecoder:
    """
    Content from BDAT chunks (RFC 3030), which may be cut anywhere: a CR at
    the end of one is held back until it is known what follows.
    """

    def __init__(self) -> None:
        self._held = b""
        self._ends_line = True

    def feed(self, data: bytes) -> bytes:
        """Take the next octets; give the next part of the content."""
        content = self._held + data
        self._held = b""
        if content.endswith(b"\r"):
            content, self._held = content[:-1], b"\r"
        if content:
            self._ends_line = content.endswith(b"\r\n")
        return content

    def finish(self) -> bytes:
        """
        The last chunk is over: give what was held back, and the CRLF of a
        last line that has none, so that what is stored is whole lines.
        """
        if self._held:
            return self._held
        return b"" if self._ends_line else b"\r\n"


class Content:
    """
    What is asked of the content of one message, counted as it comes.

    Content that has a fault is still looked at, and what is wrong with its
    size or its lines comes before anything else: else the reply would depend
    on where the content was cut.

    :param limit: the greatest size of a message in octets.
    :ivar fault: why the message cannot be accepted, None while it can.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self.fault: Reply | None = None

    def take(self, data: bytes) -> MessageData | MessageFault | None:
        """
        Look at the next part of the content.

        :return: what to tell the owner, None where there is nothing new.
        """
        is_known = self.fault is not None
        self._size += len(data)
        if self._size > self._limit:
            self.fault = MESSAGE_TOO_BIG
        elif has_bare_line_ending(data):
            self.fault = BAD_LINE_ENDINGS
        if self.fault is None:
            return MessageData(data) if data else None
        return None if is_known else MessageFault()

"""
Message content, made ready for the wire in chunks: the other way round from
:mod:`mailext.wire.body`.

A body is never split into lines, and how it was cut makes no difference. A
bare CR or LF is never sent: to some server it would be the end of a line, and
perhaps that of the message (outbound SMTP smuggling).
"""

from __future__ import annotations

from mailext.wire.body import ChunkDecoder, has_bare_line_ending

__all__ = ["BareLineEndingError", "ChunkEncoder", "DotEncoder"]

#: Octets of a BDAT chunk; the last one may have less.
_CHUNK = 65536


class BareLineEndingError(ValueError):
    """The content has a CR or LF that stands alone: it cannot be sent."""

    def __init__(self) -> None:
        super().__init__("the message contains a bare CR or LF")


class _Lines:
    """Content in pieces that end outside of any CRLF, and end as a line does."""

    def __init__(self) -> None:
        self._pieces = ChunkDecoder()

    def feed(self, data: bytes) -> bytes:
        return _checked(self._pieces.feed(data))

    def finish(self) -> bytes:
        """The CRLF of a last line that has none."""
        return _checked(self._pieces.finish())


def _checked(content: bytes) -> bytes:
    if content and has_bare_line_ending(content):
        raise BareLineEndingError
    return content


class DotEncoder:
    """Content behind DATA (RFC 5321 section 4.5.2)."""

    def __init__(self) -> None:
        self._lines = _Lines()
        # The first line too may begin with a dot.
        self._at_line_start = True

    def feed(self, data: bytes) -> bytes:
        """
        Take the next part of the content; give what is to be sent.

        :raise BareLineEndingError: nothing of this part is sent.
        """
        content = self._lines.feed(data)
        if not content:
            return b""
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        if self._at_line_start and content.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_line_start = content.endswith(b"\r\n")
        return stuffed

    def finish(self) -> bytes:
        """
        The end of the content, with the CRLF of a last line that has none.

        :raise BareLineEndingError: if a CR was left.
        """
        return self._lines.finish() + b".\r\n"


class ChunkEncoder:
    """Content in BDAT chunks (RFC 3030)."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take the next part of the content; give the chunks to send, each with
        its command.

        :raise BareLineEndingError: nothing of this part is sent.
        """
        self._kept += self._lines.feed(data)
        chunks = []
        while len(self._kept) >= _CHUNK:
            chunks.append(b"BDAT %d\r\n" % _CHUNK + self._kept[:_CHUNK])
            del self._kept[:_CHUNK]
        return chunks

    def finish(self) -> bytes:
        """
        The last chunk, with its command.

        :raise BareLineEndingError: if a CR was left.
        """
        self._kept += self._lines.finish()
        return b"BDAT %d LAST\r\n" % len(self._kept) + self._kept

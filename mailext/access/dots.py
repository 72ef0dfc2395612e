"""A message as a multi-line response of POP3 (RFC 1939 section 3)."""

from __future__ import annotations

__all__ = ["DotStuffing"]


class DotStuffing:
    """
    Takes a message in pieces, cut anywhere. A dot behind a bare LF is doubled
    too: a client that takes that for the end of a line must not take what
    follows for the end of the message.
    """

    def __init__(self) -> None:
        self._last = b"\r\n"

    def feed(self, data: bytes) -> bytes:
        """The next piece, as it is sent."""
        if not data:
            return b""
        stuffed = data.replace(b"\n.", b"\n..")
        if self._last.endswith(b"\n") and data.startswith(b"."):
            stuffed = b"." + stuffed
        self._last = (self._last + data)[-2:]
        return stuffed

    def finish(self) -> bytes:
        """The end, with the CRLF of a last line that has none."""
        return b".\r\n" if self._last == b"\r\n" else b"\r\n.\r\n"

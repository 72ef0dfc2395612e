"""
Messages that would end themselves on their way out (outbound SMTP smuggling):
what is sent of them to the next hop behind DATA. They are data.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.vectors.smuggling import BARE_ENDS

HEAD = b"Subject: a message\r\n\r\n"
_STUFFING = "RFC 5321 section 4.5.2"


@dataclass(frozen=True)
class OutboundVector:
    """
    :param content: the message.
    :param sent: what is sent of it, the end included; None: it is not sent at all.
    """

    id: str
    content: bytes
    sent: bytes | None
    source: str


_SENT: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b".\r\n"),
    "line": (b"x\r\n", b"x\r\n.\r\n"),
    "last-line-without-end": (b"x", b"x\r\n.\r\n"),
    "end-of-data": (b"x\r\n.\r\ny\r\n", b"x\r\n..\r\ny\r\n.\r\n"),
    "end-of-data-first": (b".\r\nx\r\n", b"..\r\nx\r\n.\r\n"),
    "end-of-data-last": (b"x\r\n.\r\n", b"x\r\n..\r\n.\r\n"),
    "end-of-data-without-end": (b"x\r\n.", b"x\r\n..\r\n.\r\n"),
    "dot-alone": (b".", b"..\r\n.\r\n"),
    "dots": (b"..\r\n...\r\n", b"...\r\n....\r\n.\r\n"),
    "dot-within-line": (b"a.b\r\n", b"a.b\r\n.\r\n"),
    "dot-behind-space": (b" .\r\n", b" .\r\n.\r\n"),
    "smuggled-envelope": (
        b"x\r\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
        b"x\r\n..\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n.\r\n",
    ),
    "empty-lines": (b"\r\n\r\n\r\n", b"\r\n\r\n\r\n.\r\n"),
    "nul-dot": (b"\r\n\0.\r\n", b"\r\n\0.\r\n.\r\n"),
    "next-line": (b"x\xc2\x85.\xc2\x85\r\n", b"x\xc2\x85.\xc2\x85\r\n.\r\n"),
    "wide-crlf": (b"\xc4\x8d\xc4\x8a.\xc4\x8d\xc4\x8a\r\n", b"\xc4\x8d\xc4\x8a.\xc4\x8d\xc4\x8a\r\n.\r\n"),
    "dots-by-the-thousand": (b".\r\n" * 3000, b"..\r\n" * 3000 + b".\r\n"),
}

VECTORS = (
    *(OutboundVector(f"outbound-{name}", content, sent, _STUFFING) for name, (content, sent) in _SENT.items()),
    *(
        OutboundVector(f"outbound-bare-{name}", HEAD + b"body" + end + b"MAIL FROM:<evil@example.org>\r\n", None, source)
        for name, (end, source) in BARE_ENDS.items()
    ),
    *(
        OutboundVector(f"outbound-last-{name}", HEAD + b"body" + end, None, source)
        for name, (end, source) in BARE_ENDS.items()
    ),
)  # fmt: skip

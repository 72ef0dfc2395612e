"""What some server or other takes for the end of a message, and what is one."""

from __future__ import annotations

from tests.vectors.model import (
    BYE,
    HEAD,
    LHLO,
    MAIL,
    OPEN,
    OPENED,
    QUIT,
    RCPT,
    Listener,
    Threat,
    Vector,
    after_ehlo,
    chunk,
)

_SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n"

#: What some server or other once took for the end of a message.
BARE_ENDS = {
    "lf-dot-lf": (b"\n.\n", "CVE-2023-51764"),
    "lf-dot-crlf": (b"\n.\r\n", "CVE-2023-51764"),
    "crlf-dot-lf": (b"\r\n.\n", "CVE-2023-51765"),
    "crlf-dot-cr": (b"\r\n.\r", "CVE-2023-51766"),
    "cr-dot-crlf": (b"\r.\r\n", "CVE-2023-51766"),
    "cr-dot-cr": (b"\r.\r", "CVE-2023-51766"),
    "cr-dot-lf": (b"\r.\n", "CVE-2023-51766"),
    "lf-dot-cr": (b"\n.\r", "CVE-2023-51766"),
    "lf-lf-dot-crlf": (b"\n\n.\r\n", "CVE-2024-27305"),
    "lf-lf-dot-lf": (b"\n\n.\n", "CVE-2024-27305"),
    "cr-cr-dot-cr-cr": (b"\r\r.\r\r", "CVE-2023-51765"),
    "crlf-dot-cr-crlf": (b"\r\n.\r\r\n", "CVE-2023-51765"),
    "lf-dot-cr-crlf": (b"\n.\r\r\n", "CVE-2023-51765"),
    "lfcr-dot-lfcr": (b"\n\r.\n\r", "CVE-2023-51766"),
    "lfcr-dot-crlf": (b"\n\r.\r\n", "CVE-2023-51766"),
    "lf-dot-lf-crlf": (b"\n.\n\r\n", "CVE-2024-27305"),
    "crlf-dot-lf-crlf": (b"\r\n.\n\r\n", "CVE-2023-51765"),
    "crlf-dot-lf-dot-crlf": (b"\r\n.\n.\r\n", "CVE-2023-51765"),
    "crlf-dot-cr-dot-crlf": (b"\r\n.\r.\r\n", "CVE-2023-51766"),
    "cr-lf-split-by-letter": (b"\ra\n", "RFC 5321 section 2.3.8"),
    "cr-lf-dot-split-by-nul": (b"\r\x00\n.\r\x00\n", "CVE-2023-51765"),
    "bare-lf": (b"\n", "RFC 5321 section 2.3.8"),
    "bare-cr": (b"\r", "RFC 5321 section 2.3.8"),
    "lf-as-many-as-cr": (b"\n\r\n\r", "RFC 5321 section 2.3.8"),
}

#: What looks like an end, has nothing bare in it, and is content.
_FALSE_ENDS = {
    "nul-dot": (b"\r\n\x00.\r\n", b"\r\n\x00.\r\n", "CVE-2023-51764"),
    "dot-nul": (b"\r\n.\x00\r\n", b"\r\n\x00\r\n", "CVE-2023-51764"),
    "dot-space": (b"\r\n. \r\n", b"\r\n \r\n", "RFC 5321 section 4.5.2"),
    "space-dot": (b"\r\n .\r\n", b"\r\n .\r\n", "RFC 5321 section 4.5.2"),
    "dot-tab": (b"\r\n.\t\r\n", b"\r\n\t\r\n", "RFC 5321 section 4.5.2"),
    "stuffed-dot": (b"\r\n..\r\n", b"\r\n.\r\n", "RFC 5321 section 4.5.2"),
    "two-stuffed-dots": (b"\r\n...\r\n", b"\r\n..\r\n", "RFC 5321 section 4.5.2"),
    "form-feed": (b"\x0c.\x0c", b"\x0c.\x0c", "RFC 5321 section 2.3.8"),
    "vertical-tab": (b"\x0b.\x0b", b"\x0b.\x0b", "RFC 5321 section 2.3.8"),
    "next-line-latin1": (b"\x85.\x85", b"\x85.\x85", "RFC 5321 section 2.3.8"),
    "next-line-utf8": (b"\xc2\x85.\xc2\x85", b"\xc2\x85.\xc2\x85", "RFC 5321 section 2.3.8"),
    "line-separator": (b"\xe2\x80\xa8.\xe2\x80\xa8", b"\xe2\x80\xa8.\xe2\x80\xa8", "RFC 5321 section 2.3.8"),
    "full-width-stop": (b"\r\n\xef\xbc\x8e\r\n", b"\r\n\xef\xbc\x8e\r\n", "RFC 5321 section 4.5.2"),
    "escaped": (b"\\r\\n.\\r\\n", b"\\r\\n.\\r\\n", "RFC 5321 section 4.5.2"),
    "eight-bit-crlf": (b"\x8d\x8a.\x8d\x8a", b"\x8d\x8a.\x8d\x8a", "RFC 5321 section 2.3.8"),
    "wide-crlf": (
        b"\xc4\x8d\xc4\x8a.\xc4\x8d\xc4\x8a",
        b"\xc4\x8d\xc4\x8a.\xc4\x8d\xc4\x8a",
        "RFC 5321 section 2.3.8",
    ),
}


def _smuggling() -> list[Vector]:
    vectors = []
    for name, (end, source) in BARE_ENDS.items():
        content = HEAD + b"body" + end + _SMUGGLED.replace(b"\r\n.\r\n", b"\r\n..\r\n")
        vectors += [
            Vector(
                f"smuggling-data-{name}",
                Threat.SMUGGLING,
                (OPEN + b"DATA\r\n" + content + b".\r\n" + QUIT,),
                (*OPENED, "354", "550 5.6.0", BYE),
                source,
            ),
            Vector(
                f"smuggling-bdat-{name}",
                Threat.SMUGGLING,
                (OPEN + chunk(content) + QUIT,),
                (*OPENED, "550 5.6.0", BYE),
                source,
            ),
        ]
    for name, (wire, stored, source) in _FALSE_ENDS.items():
        vectors.append(
            Vector(
                f"smuggling-data-{name}",
                Threat.SMUGGLING,
                (OPEN + b"DATA\r\n" + HEAD + b"body" + wire + b"RSET\r\n.\r\n" + QUIT,),
                (*OPENED, "354", "250", BYE),
                source,
                messages=(HEAD + b"body" + stored + b"RSET\r\n",),
            )
        )
    return [
        *vectors,
        Vector(
            "smuggling-true-end-behind-bare-cr",
            Threat.SMUGGLING,
            (OPEN + b"DATA\r\n" + HEAD + b"body\r\r\n.\r\n" + _SMUGGLED + QUIT,),
            (*OPENED, "354", "550 5.6.0", "250", "250", "354", "250", BYE),
            "RFC 5321 section 4.1.1.4",
            messages=(b"smuggled\r\n",),
        ),
        Vector(
            "smuggling-empty-message",
            Threat.SMUGGLING,
            (OPEN + b"DATA\r\n.\r\n" + QUIT,),
            (*OPENED, "354", "250", BYE),
            "RFC 5321 section 4.1.1.4",
            messages=(b"",),
        ),
        Vector(
            "smuggling-stuffed-first-line",
            Threat.SMUGGLING,
            (OPEN + b"DATA\r\n..\r\n.\r\n" + QUIT,),
            (*OPENED, "354", "250", BYE),
            "RFC 5321 section 4.5.2",
            messages=(b".\r\n",),
        ),
        Vector(
            "smuggling-first-line-ends-with-lf",
            Threat.SMUGGLING,
            (OPEN + b"DATA\r\n.\n" + HEAD + b".\r\n" + QUIT,),
            (*OPENED, "354", "550 5.6.0", BYE),
            "CVE-2023-51764",
        ),
        Vector(
            "smuggling-lmtp-one-refusal-per-recipient",
            Threat.SMUGGLING,
            (
                LHLO
                + MAIL
                + RCPT
                + b"RCPT TO:<bob@example.org>\r\nDATA\r\n"
                + HEAD
                + b"body\n.\n"
                + HEAD
                + b".\r\n"
                + QUIT,
            ),
            ("250", "250", "250", "250", "354", "550 5.6.0", "550 5.6.0", BYE),
            "RFC 2033 section 4.2",
            Listener.LMTP,
        ),
        Vector(
            "smuggling-behind-lmtp-lf",
            Threat.SMUGGLING,
            (LHLO + MAIL + RCPT + b"DATA\r\n" + HEAD + b"\n.\r\nQUIT\r\n.\r\n" + QUIT,),
            ("250", "250", "250", "354", "550 5.6.0", BYE),
            "CVE-2023-51764",
            Listener.LMTP,
        ),
        Vector(
            "smuggling-line-feed-ends-no-command",
            Threat.SMUGGLING,
            (after_ehlo(b"NOOP\nMAIL FROM:<evil@example.org>\nRCPT TO:<bob@example.org>"),),
            ("250", "500 5.5.1", BYE),
            "RFC 5321 section 2.3.8",
        ),
        Vector(
            "smuggling-carriage-return-ends-no-command",
            Threat.SMUGGLING,
            (after_ehlo(b"NOOP x\rMAIL FROM:<evil@example.org>"),),
            ("250", "501 5.5.4", BYE),
            "RFC 5321 section 2.3.8",
        ),
        Vector(
            "smuggling-line-feed-after-data",
            Threat.SMUGGLING,
            (OPEN + b"DATA\n" + QUIT + QUIT,),
            (*OPENED, "500 5.5.1", BYE),
            "RFC 5321 section 2.3.8",
        ),
    ]


VECTORS = tuple(_smuggling())

"""BDAT."""

from __future__ import annotations

from tests.vectors.model import (
    BYE,
    CLOSED,
    EHLO,
    FULL,
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
    chunk,
)


def _chunks(name: str, wire: bytes, replies: tuple[str, ...], *messages: bytes) -> Vector:
    return Vector(
        f"bdat-{name}",
        Threat.CHUNKS,
        (wire + QUIT,),
        (*replies, BYE),
        "RFC 3030 section 2",
        messages=messages,
    )


VECTORS = (
    _chunks("in-one", OPEN + chunk(HEAD), (*OPENED, "250"), HEAD),
    _chunks("in-two", OPEN + chunk(HEAD, b"") + chunk(b"x\r\n"), (*OPENED, "250", "250"), HEAD + b"x\r\n"),
    _chunks("empty-last", OPEN + chunk(HEAD, b"") + b"BDAT 0 LAST\r\n", (*OPENED, "250", "250"), HEAD),
    _chunks("empty-message", OPEN + b"BDAT 0 LAST\r\n", (*OPENED, "250"), b""),
    _chunks("lower-case", OPEN + b"bdat 2 last\r\n\r\n", (*OPENED, "250"), b"\r\n"),
    _chunks("leading-zeros", OPEN + b"BDAT 0002 LAST\r\n\r\n", (*OPENED, "250"), b"\r\n"),
    _chunks("end-of-data-is-content", OPEN + chunk(b"a\r\n.\r\nb\r\n"), (*OPENED, "250"), b"a\r\n.\r\nb\r\n"),
    _chunks("dots-stay", OPEN + chunk(b"..a\r\n.b\r\n"), (*OPENED, "250"), b"..a\r\n.b\r\n"),
    _chunks("commands-are-content", OPEN + chunk(b"RSET\r\nQUIT\r\n"), (*OPENED, "250"), b"RSET\r\nQUIT\r\n"),
    _chunks(
        "cut-within-crlf",
        OPEN + chunk(b"a\r", b"") + chunk(b"\nb\r\n"),
        (*OPENED, "250", "250"),
        b"a\r\nb\r\n",
    ),
    _chunks(
        "cut-within-crlf-at-the-end",
        OPEN + chunk(b"a\r", b"") + chunk(b"\n"),
        (*OPENED, "250", "250"),
        b"a\r\n",
    ),
    _chunks("last-line-without-crlf", OPEN + chunk(b"a\r\nb"), (*OPENED, "250"), b"a\r\nb\r\n"),
    _chunks("ends-with-cr", OPEN + chunk(b"a\r"), (*OPENED, "550 5.6.0")),
    _chunks("cr-then-no-lf", OPEN + chunk(b"a\r", b"") + chunk(b"b\r\n"), (*OPENED, "250", "550 5.6.0")),
    _chunks(
        "ends-with-cr-then-another-message",
        OPEN + chunk(b"a\r") + MAIL + RCPT + chunk(b"b\r\n"),
        (*OPENED, "550 5.6.0", "250", "250", "250"),
        b"b\r\n",
    ),
    _chunks("begins-with-lf", OPEN + chunk(b"\na\r\n"), (*OPENED, "550 5.6.0")),
    _chunks(
        "lf-behind-complete-line",
        OPEN + chunk(b"a\r\n", b"") + chunk(b"\n"),
        (*OPENED, "250", "550 5.6.0"),
    ),
    _chunks(
        "bare-lf-told-at-the-end",
        OPEN + chunk(b"a\nb\r\n", b"") + chunk(b"c\r\n", b"") + chunk(b"d\r\n"),
        (*OPENED, "250", "250", "550 5.6.0"),
    ),
    _chunks("before-mail", EHLO + chunk(b"RSET\r\nDATA\r\n"), ("250", "503 5.5.1")),
    _chunks("before-rcpt", EHLO + MAIL + chunk(b"RSET\r\n") + RCPT, ("250", "250", "503 5.5.1", "250")),
    _chunks("before-ehlo", chunk(EHLO) + EHLO, ("503 5.5.1", "250")),
    _chunks("after-last", OPEN + chunk(HEAD) + chunk(QUIT), (*OPENED, "250", "503 5.5.1"), HEAD),
    _chunks("after-data", OPEN + b"DATA\r\n.\r\n" + chunk(QUIT), (*OPENED, "354", "250", "503 5.5.1"), b""),
    _chunks(
        "then-data",
        OPEN + chunk(HEAD, b"") + b"DATA\r\n" + chunk(b"x\r\n"),
        (*OPENED, "250", "503 5.5.1", "250"),
        HEAD + b"x\r\n",
    ),
    _chunks(
        "then-mail",
        OPEN + chunk(HEAD, b"") + MAIL + chunk(b""),
        (*OPENED, "250", "503 5.5.1", "250"),
        HEAD,
    ),
    _chunks(
        "then-rcpt",
        OPEN + chunk(HEAD, b"") + RCPT + chunk(b""),
        (*OPENED, "250", "503 5.5.1", "250"),
        HEAD,
    ),
    _chunks(
        "then-noop",
        OPEN + chunk(HEAD, b"") + b"NOOP\r\n" + chunk(b""),
        (*OPENED, "250", "250", "250"),
        HEAD,
    ),
    _chunks(
        "then-rset",
        OPEN + chunk(HEAD, b"") + b"RSET\r\n" + chunk(b""),
        (*OPENED, "250", "250", "503 5.5.1"),
    ),
    _chunks("then-ehlo", OPEN + chunk(HEAD, b"") + EHLO + chunk(b""), (*OPENED, "250", "250", "503 5.5.1")),
    _chunks("then-quit", OPEN + chunk(HEAD, b""), (*OPENED, "250")),
    _chunks(
        "refused-recipient",
        EHLO + MAIL + b"RCPT TO:<nobody@example.org>\r\n" + chunk(b"RSET\r\n"),
        ("250", "250", "550 5.1.1", "503 5.5.1"),
    ),
    _chunks("greatest", OPEN + chunk(FULL), (*OPENED, "250"), FULL),
    _chunks("beyond", OPEN + chunk(b"x" + FULL), (*OPENED, "552 5.3.4")),
    _chunks(
        "crosses-the-limit",
        OPEN + chunk(FULL, b"") + chunk(HEAD, b"") + chunk(b"x\r\n", b"") + chunk(b"y\r\n"),
        (*OPENED, "250", "552 5.3.4", "503 5.5.1", "503 5.5.1"),
    ),
    *(
        Vector(
            f"bdat-syntax-{name}",
            Threat.CHUNKS,
            (OPEN + line + b"\r\n" + EHLO,),
            (*OPENED, "501 5.5.4", CLOSED),
            "RFC 3030 section 2",
        )
        for name, line in {
            "no-size": b"BDAT",
            "last-alone": b"BDAT LAST",
            "unknown-word": b"BDAT 5 FIRST",
            "word-behind-last": b"BDAT 5 LAST LAST",
            "glued": b"BDAT 5LAST",
            "last-first": b"BDAT LAST 5",
            "line-feed": b"BDAT 5 LAST\nRSET",
            "carriage-return": b"BDAT 5\r LAST",
        }.items()
    ),
    Vector(
        "bdat-line-too-long",
        Threat.CHUNKS,
        (OPEN + b"BDAT ".ljust(600, b"0") + b"5 LAST\r\n" + EHLO,),
        (*OPENED, "500 5.5.2", CLOSED),
        "RFC 3030 section 2",
    ),
    Vector(
        "bdat-syntax-as-the-last-error",
        Threat.CHUNKS,
        (EHLO + b"FOO\r\n" * 7 + b"BDAT\r\n" + EHLO,),
        ("250", *["500 5.5.1"] * 7, "501 5.5.4", CLOSED),
        "RFC 3030 section 2",
    ),
    Vector(
        "bdat-huge-is-only-announced",
        Threat.CHUNKS,
        (OPEN + b"BDAT 99999999999999999999 LAST\r\n" + QUIT * 3,),
        OPENED,
        "RFC 3030 section 2",
    ),
    Vector(
        "bdat-lmtp-one-reply-per-recipient",
        Threat.CHUNKS,
        (LHLO + MAIL + RCPT + b"RCPT TO:<bob@example.org>\r\n" + chunk(HEAD, b"") + chunk(b"x\n") + QUIT,),
        ("250", "250", "250", "250", "250", "550 5.6.0", "550 5.6.0", BYE),
        "RFC 2033 section 4.3",
        Listener.LMTP,
    ),
    Vector(
        "bdat-lmtp-beyond",
        Threat.CHUNKS,
        (
            LHLO
            + MAIL
            + RCPT
            + b"RCPT TO:<bob@example.org>\r\n"
            + chunk(FULL + b"x\r\n", b"")
            + chunk(b"x\r\n")
            + MAIL
            + QUIT,
        ),
        ("250", "250", "250", "250", "552 5.3.4", "503 5.5.1", "503 5.5.1", "250", BYE),
        "RFC 2033 section 4.3",
        Listener.LMTP,
    ),
    Vector(
        "bdat-lmtp-without-recipients",
        Threat.CHUNKS,
        (LHLO + MAIL + b"RCPT TO:<nobody@example.org>\r\n" + chunk(QUIT) + b"RSET\r\n" + QUIT,),
        ("250", "250", "550 5.1.1", "250", BYE),
        "RFC 2033 section 4.3",
        Listener.LMTP,
    ),
    Vector(
        "bdat-lmtp-after-the-message",
        Threat.CHUNKS,
        (LHLO + MAIL + RCPT + chunk(HEAD) + chunk(QUIT) + QUIT,),
        ("250", "250", "250", "250", BYE),
        "RFC 2033 section 4.3",
        Listener.LMTP,
        messages=(HEAD,),
    ),
)

"""What comes before, with and behind STARTTLS."""

from __future__ import annotations

from tests.vectors.model import (
    BYE,
    CLOSED,
    EHLO,
    HEAD,
    LHLO,
    MAIL,
    OPEN,
    OPENED,
    QUIT,
    RCPT,
    STARTTLS,
    Listener,
    Threat,
    Vector,
    after_ehlo,
    chunk,
    command,
)


def _behind_starttls(name: str, behind: bytes, source: str) -> Vector:
    return Vector(
        f"starttls-injection-{name}",
        Threat.STARTTLS,
        (STARTTLS + behind,),
        ("250", CLOSED),
        source,
        one_segment=True,
    )


VECTORS = (
    _behind_starttls("command", b"NOOP\r\n", "CVE-2011-0411"),
    _behind_starttls("ehlo", EHLO, "CVE-2011-0411"),
    _behind_starttls("transaction", MAIL + RCPT + b"DATA\r\n", "CVE-2021-38371"),
    _behind_starttls("auth", b"AUTH PLAIN AGEAYg==\r\n", "CVE-2011-0411"),
    _behind_starttls("clientid", b"CLIENTID UUID x\r\n", "CVE-2011-0411"),
    _behind_starttls("part-of-a-command", b"RSE", "CVE-2021-33515"),
    _behind_starttls("empty-line", b"\r\n", "CVE-2021-33515"),
    _behind_starttls("nul", b"\0", "CVE-2021-33515"),
    _behind_starttls(
        "handshake-before-220", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "RFC 3207 section 4"
    ),
    _behind_starttls("second-starttls", b"STARTTLS\r\n", "CVE-2011-0411"),
    command("starttls-argument", Threat.STARTTLS, b"STARTTLS now", "501 5.5.4", "RFC 3207 section 4"),
    command("starttls-line-feed", Threat.STARTTLS, b"STARTTLS\nNOOP", "500 5.5.1", "CVE-2011-0411"),
    Vector(
        "starttls-before-ehlo",
        Threat.STARTTLS,
        (b"STARTTLS\r\n" + QUIT,),
        ("503 5.5.1", BYE),
        "RFC 3207 section 4",
    ),
    Vector(
        "starttls-under-tls",
        Threat.STARTTLS,
        (after_ehlo(b"STARTTLS"),),
        ("250", "503 5.5.1", BYE),
        "RFC 3207 section 4",
        Listener.TLS,
    ),
    Vector(
        "starttls-twice",
        Threat.STARTTLS,
        (STARTTLS, EHLO + b"STARTTLS\r\n" + QUIT),
        ("250", "220", "250", "503 5.5.1", BYE),
        "RFC 3207 section 4",
    ),
    Vector(
        "starttls-not-offered",
        Threat.STARTTLS,
        (LHLO + b"STARTTLS\r\n" + QUIT,),
        ("250", "502 5.5.1", BYE),
        "RFC 5321 section 4.2.4",
        Listener.LMTP,
    ),
    Vector(
        "starttls-forgets-ehlo",
        Threat.STARTTLS,
        (STARTTLS, MAIL + QUIT),
        ("250", "220", "503 5.5.1", BYE),
        "RFC 3207 section 4.2",
    ),
    Vector(
        "starttls-forgets-the-sender",
        Threat.STARTTLS,
        (EHLO + MAIL + b"STARTTLS\r\n", RCPT + EHLO + RCPT + QUIT),
        ("250", "250", "220", "503 5.5.1", "250", "503 5.5.1", BYE),
        "RFC 3207 section 4.2",
    ),
    Vector(
        "starttls-forgets-the-envelope",
        Threat.STARTTLS,
        (OPEN + b"STARTTLS\r\n", b"DATA\r\n" + EHLO + b"DATA\r\n" + QUIT),
        (*OPENED, "220", "503 5.5.1", "250", "503 5.5.1", BYE),
        "RFC 3207 section 4.2",
    ),
    Vector(
        "starttls-forgets-that-auth-was-tried",
        Threat.STARTTLS,
        (
            EHLO + b"AUTH PLAIN AGEAYg==\r\nSTARTTLS\r\n",
            EHLO + b"CLIENTID UUID 6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11\r\n" + QUIT,
        ),
        ("250", "538 5.7.11", "220", "250", "250", BYE),
        "RFC 3207 section 4.2",
    ),
    Vector(
        "starttls-within-a-message-is-content",
        Threat.STARTTLS,
        (OPEN + b"DATA\r\nSTARTTLS\r\n.\r\n" + QUIT,),
        (*OPENED, "354", "250", BYE),
        "RFC 5321 section 4.1.1.4",
        messages=(b"STARTTLS\r\n",),
    ),
    Vector(
        "starttls-between-chunks",
        Threat.STARTTLS,
        (OPEN + chunk(HEAD, b"") + b"STARTTLS\r\n" + QUIT,),
        (*OPENED, "250", "503 5.5.1", BYE),
        "RFC 3207 section 4",
    ),
)

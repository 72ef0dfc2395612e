"""Hostile clients of POP3."""

from __future__ import annotations

from base64 import b64encode

from tests.vectors.model import Threat
from tests.vectors.reader_model import Door, ReaderVector

_OK, _ERR = "+OK", "-ERR"
_SOURCE = "RFC 1939 section 3"


def _vector(
    name: str, threat: Threat, door: Door, command: bytes, told: str, source: str = _SOURCE
) -> ReaderVector:
    """One command, and that the session goes on behind it."""
    return ReaderVector(f"pop3-{name}", threat, door, command + b"\r\nCAPA\r\n", (told, _OK), source)


_NUMBERS: dict[str, tuple[bytes, str]] = {
    "first": (b"1", _OK),
    "leading-zeros": (b"0001", _OK),
    "zero": (b"0", _ERR),
    "negative": (b"-1", _ERR),
    "plus": (b"+1", _ERR),
    "underscore": (b"0_1", _ERR),
    "arabic": ("\u0661".encode(), _ERR),
    "full-width": ("\uff11".encode(), _ERR),
    "superscript": ("¹".encode(), _ERR),
    "hexadecimal": (b"0x1", _ERR),
    "fraction": (b"1.0", _ERR),
    "exponent": (b"1e0", _ERR),
    "beyond": (b"3", _ERR),
    "9-digits": (b"999999999", _ERR),
    "10-digits": (b"0000000001", _ERR),
    "500-digits": (b"1" * 500, _ERR),
    "words": (b"one", _ERR),
    "two": (b"1 2", _ERR),
    "nul": (b"1\0", _ERR),
    "space-behind": (b"1 ", _ERR),
    "star": (b"*", _ERR),
}

VECTORS = (
    *(
        _vector(f"{verb.decode().lower()}-{name}", Threat.NUMBERS, Door.POP3_OPEN, verb + b" " + number, told)
        for verb in (b"LIST", b"UIDL", b"DELE", b"RETR")
        for name, (number, told) in _NUMBERS.items()
    ),
    *(
        _vector(f"top-lines-{name}", Threat.NUMBERS, Door.POP3_OPEN, b"TOP 1 " + number, told)
        for name, (number, told) in _NUMBERS.items()
        if name not in ("zero", "beyond", "9-digits")
    ),
    *(
        _vector(name, Threat.COMMANDS, door, command, _ERR)
        for name, door, command in (
            ("stat-before-login", Door.POP3, b"STAT"),
            ("retr-before-login", Door.POP3, b"RETR 1"),
            ("dele-before-login", Door.POP3, b"DELE 1"),
            ("pass-without-user", Door.POP3, b"PASS secret"),
            ("user-without-name", Door.POP3, b"USER"),
            ("user-after-login", Door.POP3_OPEN, b"USER ann"),
            ("auth-after-login", Door.POP3_OPEN, b"AUTH PLAIN"),
            ("apop", Door.POP3, b"APOP ann c4c9334bac560ecc979e58001b3e22fb"),
            ("stat-argument", Door.POP3_OPEN, b"STAT 1"),
            ("rset-argument", Door.POP3_OPEN, b"RSET 1"),
            ("noop-argument", Door.POP3_OPEN, b"NOOP now"),
            ("capa-argument", Door.POP3_OPEN, b"CAPA all"),
            ("retr-nothing", Door.POP3_OPEN, b"RETR"),
            ("dele-nothing", Door.POP3_OPEN, b"DELE"),
            ("top-nothing", Door.POP3_OPEN, b"TOP"),
            ("top-no-lines", Door.POP3_OPEN, b"TOP 1"),
            ("unknown", Door.POP3_OPEN, b"XTND"),
            ("empty-line", Door.POP3_OPEN, b""),
            ("leading-space", Door.POP3_OPEN, b" STAT"),
            ("nul", Door.POP3_OPEN, b"ST\0AT"),
            ("8-bit", Door.POP3_OPEN, b"\xff\xfe"),
            ("method-of-the-class", Door.POP3_OPEN, b"__INIT__"),
            ("verb-with-underscore", Door.POP3_OPEN, b"do_STAT"),
            ("bare-line-feed", Door.POP3_OPEN, b"STAT\nDELE 1"),
            ("bare-carriage-return", Door.POP3_OPEN, b"STAT\rDELE 1"),
            ("http", Door.POP3, b"GET / HTTP/1.1"),
        )
    ),
    *(
        _vector(name, Threat.AUTH, Door.POP3, command, _ERR, source)
        for name, command, source in (
            ("auth-unknown", b"AUTH GSSAPI", "RFC 5034 section 4"),
            ("auth-8-bit", b"AUTH PLA\xc4\xb0N", "RFC 5034 section 4"),
            ("auth-not-base64", b"AUTH PLAIN !!!!", "RFC 5034 section 4"),
            ("auth-not-canonical", b"AUTH PLAIN AGFubgBzZWNyZXR=", "RFC 4648 section 3.5"),
            ("auth-empty", b"AUTH PLAIN =", "RFC 5034 section 4"),
            ("auth-three-nul", b"AUTH PLAIN " + b64encode(b"\0a\0b\0c"), "RFC 4616 section 2"),
            ("auth-not-utf8", b"AUTH PLAIN " + b64encode(b"\0\xff\0x"), "RFC 4616 section 2"),
        )
    ),
    *(
        _vector(f"{name}-in-clear", Threat.AUTH, Door.POP3_CLEAR, command, _ERR, "RFC 2595 section 2.3")
        for name, command in (("user", b"USER ann"), ("pass", b"PASS secret"), ("auth", b"AUTH PLAIN AGFubgBzZWNyZXQ="))
    ),
    _vector("stls-argument", Threat.STARTTLS, Door.POP3_CLEAR, b"STLS now", _ERR, "RFC 2595 section 4"),
    _vector("stls-under-tls", Threat.STARTTLS, Door.POP3, b"STLS", _ERR, "RFC 2595 section 4"),
    *(
        ReaderVector(f"pop3-stls-injection-{name}", Threat.STARTTLS, Door.POP3_CLEAR, b"STLS\r\n" + behind, (_ERR,), "CVE-2021-33515", ended=True)
        for name, behind in (
            ("command", b"CAPA\r\n"),
            ("login", b"USER ann\r\nPASS secret\r\n"),
            ("part-of-a-command", b"C"),
            ("line-end", b"\r\n"),
            ("nul", b"\0"),
            ("handshake", b"\x16\x03\x01"),
        )
    ),
    ReaderVector("pop3-line-too-long", Threat.LENGTHS, Door.POP3, b"USER " + b"x" * 1100 + b"\r\n", (_ERR,), "RFC 2449 section 4", ended=True),
    ReaderVector("pop3-line-without-end", Threat.LENGTHS, Door.POP3, b"x" * 100000, (), "RFC 2449 section 4"),
    ReaderVector("pop3-errors", Threat.LENGTHS, Door.POP3, b"FOO\r\n" * 30, (_ERR,) * 21, "RFC 1939 section 13", ended=True),
    ReaderVector("pop3-auth-cancelled", Threat.AUTH, Door.POP3, b"AUTH PLAIN\r\n*\r\nCAPA\r\n", ("+", _ERR, _OK), "RFC 5034 section 4"),
    ReaderVector("pop3-auth-command-for-response", Threat.AUTH, Door.POP3, b"AUTH PLAIN\r\nSTAT\r\nCAPA\r\n", ("+", _ERR, _OK), "RFC 5034 section 4"),
    ReaderVector("pop3-dele-twice", Threat.COMMANDS, Door.POP3_OPEN, b"DELE 1\r\nDELE 1\r\nRETR 1\r\nSTAT\r\n", (_OK, _ERR, _ERR, "+OK 1 "), "RFC 1939 section 5"),
    ReaderVector("pop3-behind-quit", Threat.COMMANDS, Door.POP3_OPEN, b"QUIT\r\nDELE 1\r\nSTAT\r\n", (_OK,), "RFC 1939 section 6", ended=True),
)  # fmt: skip

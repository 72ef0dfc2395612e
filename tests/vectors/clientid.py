"""CLIENTID."""

from __future__ import annotations

from tests.vectors.auth import GOOD, WRONG
from tests.vectors.model import BYE, EHLO, LHLO, QUIT, STARTTLS, Listener, Threat, Vector, command, under_tls

_UUID = b"6f1c2f0e-3a86-4d3b-9d0c-3f0e9f5d2a11"
_DRAFT = "draft-storey-smtp-client-id-13 section "


def _clientid(name: str, lines: tuple[bytes, ...], replies: tuple[str, ...], section: str) -> Vector:
    return under_tls(f"clientid-{name}", Threat.CLIENTID, lines, replies, _DRAFT + section)


_BAD_IDENTITIES = {
    "nothing": b"",
    "no-token": b"UUID",
    "no-token-but-space": b"UUID ",
    "type-of-17": b"A" * 17 + b" x",
    "type-with-underscore": b"DEVICE_ID x",
    "type-with-dot": b"a.b x",
    "type-not-ascii": "ÜÜID x".encode(),
    "type-with-nul": b"UU\0ID x",
    "token-of-129": b"UUID " + b"x" * 129,
    "token-with-space": b"UUID a b",
    "token-behind-two-spaces": b"UUID  a",
    "token-behind-tab": b"UUID\ta",
    "token-not-ascii": "UUID é".encode(),
    "token-with-nul": b"UUID a\0b",
    "token-with-line-feed": b"UUID a\nb",
    "token-with-carriage-return": b"UUID a\rX-Injected: b",
    "token-with-delete": b"UUID a\x7f",
    "token-with-escape": b"UUID \x1b[0m",
    "token-with-tab": b"UUID a\tb",
}

VECTORS = (
    *(
        _clientid(f"bad-{name}", (b"CLIENTID " + octets,), ("501 5.5.4",), "4")
        for name, octets in _BAD_IDENTITIES.items()
    ),
    _clientid("two-spaces-before-the-type", (b"CLIENTID  UUID " + _UUID,), ("501 5.5.4",), "5"),
    _clientid("good", (b"CLIENTID UUID " + _UUID,), ("250",), "4"),
    _clientid("lower-case", (b"clientid uuid " + _UUID,), ("250",), "4"),
    _clientid("longest", (b"CLIENTID " + b"A" * 16 + b" " + b"~" * 128,), ("250",), "5"),
    _clientid("shortest", (b"CLIENTID - !",), ("250",), "5"),
    _clientid("unknown-type", (b"CLIENTID X-NO-SUCH-TYPE x",), ("250",), "7"),
    _clientid("twice", (b"CLIENTID UUID " + _UUID,) * 2, ("250", "503 5.5.1"), "4"),
    _clientid(
        "twice-the-second-malformed", (b"CLIENTID UUID " + _UUID, b"CLIENTID"), ("250", "503 5.5.1"), "4"
    ),
    _clientid("again-after-malformed", (b"CLIENTID", b"CLIENTID UUID " + _UUID), ("501", "250"), "4"),
    _clientid(
        "again-after-transaction",
        (b"MAIL FROM:<>", b"CLIENTID UUID x", b"RSET", b"CLIENTID UUID x"),
        ("250", "503 5.5.1", "250", "250"),
        "4",
    ),
    _clientid("kept-by-rset", (b"CLIENTID UUID x", b"RSET", b"CLIENTID UUID x"), ("250", "250", "503"), "4"),
    _clientid(
        "kept-by-ehlo", (b"CLIENTID UUID x", b"EHLO a", b"CLIENTID UUID x"), ("250", "250", "503"), "4"
    ),
    _clientid("after-auth", (b"AUTH PLAIN " + GOOD, b"CLIENTID UUID x"), ("235", "503 5.5.1"), "4"),
    _clientid("after-failed-auth", (b"AUTH PLAIN " + WRONG, b"CLIENTID UUID x"), ("535", "503 5.5.1"), "4"),
    _clientid("after-malformed-auth", (b"AUTH", b"CLIENTID UUID x"), ("501", "503 5.5.1"), "4"),
    _clientid("after-unknown-mechanism", (b"AUTH FOO", b"CLIENTID UUID x"), ("504", "503 5.5.1"), "4"),
    _clientid(
        "after-cancelled-auth", (b"AUTH PLAIN", b"*", b"CLIENTID UUID x"), ("334", "501", "503 5.5.1"), "4"
    ),
    _clientid(
        "after-overlong-auth",
        (b"AUTH PLAIN " + b"A" * 13000, b"CLIENTID UUID x"),
        ("500 5.5.6", "503 5.5.1"),
        "4",
    ),
    _clientid("malformed-after-auth", (b"AUTH PLAIN " + GOOD, b"CLIENTID"), ("235", "503 5.5.1"), "4"),
    _clientid("in-a-transaction", (b"MAIL FROM:<>", b"CLIENTID UUID x"), ("250", "503 5.5.1"), "4"),
    _clientid("malformed-in-a-transaction", (b"MAIL FROM:<>", b"CLIENTID"), ("250", "503 5.5.1"), "4"),
    _clientid("line-too-long", (b"CLIENTID UUID " + b"x" * 600,), ("500 5.5.2",), "4"),
    _clientid("like-another-verb", (b"CLIENTIDX UUID x",), ("500 5.5.1",), "4"),
    command("clientid-in-clear", Threat.CLIENTID, b"CLIENTID UUID x", "500 5.5.1", _DRAFT + "4"),
    command("clientid-in-clear-malformed", Threat.CLIENTID, b"CLIENTID", "500 5.5.1", _DRAFT + "4"),
    Vector(
        "clientid-in-clear-before-ehlo",
        Threat.CLIENTID,
        (b"CLIENTID UUID x\r\n" + QUIT,),
        ("500 5.5.1", BYE),
        _DRAFT + "4",
    ),
    Vector(
        "clientid-not-enabled",
        Threat.CLIENTID,
        (LHLO + b"CLIENTID UUID x\r\n" + QUIT,),
        ("250", "500 5.5.1", BYE),
        _DRAFT + "3",
        Listener.LMTP,
    ),
    Vector(
        "clientid-before-ehlo",
        Threat.CLIENTID,
        (b"CLIENTID UUID x\r\n" + QUIT,),
        ("503 5.5.1", BYE),
        _DRAFT + "4",
        Listener.TLS,
    ),
    Vector(
        "clientid-after-helo",
        Threat.CLIENTID,
        (b"HELO client.example\r\nCLIENTID UUID x\r\n" + QUIT,),
        ("250", "503 5.5.1", BYE),
        _DRAFT + "4",
        Listener.TLS,
    ),
    Vector(
        "clientid-before-ehlo-under-tls",
        Threat.CLIENTID,
        (STARTTLS, b"CLIENTID UUID x\r\n" + EHLO + b"CLIENTID UUID x\r\n" + QUIT),
        ("250", "220", "503 5.5.1", "250", "250", BYE),
        _DRAFT + "4",
    ),
)

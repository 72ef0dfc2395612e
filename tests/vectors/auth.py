"""SASL exchanges."""

from __future__ import annotations

from base64 import b64encode

from tests.vectors.model import (
    ACCOUNT,
    BYE,
    CLOSED,
    EHLO,
    LHLO,
    PASSWORD,
    QUIT,
    Listener,
    Threat,
    Vector,
    command,
    under_tls,
)


def _plain(authorization: bytes, name: bytes, password: bytes) -> bytes:
    return b64encode(authorization + b"\0" + name + b"\0" + password)


GOOD = _plain(b"", ACCOUNT, PASSWORD)
WRONG = _plain(b"", ACCOUNT, b"wrong")
#: An AUTH PLAIN line of just the greatest length, and just beyond.
_LONGEST = b"AUTH PLAIN " + b64encode(b"\0" * ((12288 - 13) // 4 * 3))
_LONGEST = _LONGEST.ljust(12286)


def _auth(name: str, lines: tuple[bytes, ...], replies: tuple[str, ...], source: str) -> Vector:
    return under_tls(f"auth-{name}", Threat.AUTH, lines, replies, source)


VECTORS = (
    command("auth-in-clear", Threat.AUTH, b"AUTH PLAIN " + GOOD, "538 5.7.11", "RFC 4954 section 6"),
    command("auth-in-clear-malformed", Threat.AUTH, b"AUTH", "538 5.7.11", "RFC 4954 section 6"),
    Vector(
        "auth-not-offered",
        Threat.AUTH,
        (LHLO + b"AUTH PLAIN " + GOOD + b"\r\n" + QUIT,),
        ("250", "502 5.5.1", BYE),
        "RFC 5321 section 4.2.4",
        Listener.LMTP,
    ),
    Vector(
        "auth-before-ehlo",
        Threat.AUTH,
        (b"AUTH PLAIN " + GOOD + b"\r\n" + QUIT,),
        ("503 5.5.1", BYE),
        "RFC 4954 section 4",
        Listener.TLS,
    ),
    _auth("plain", (b"AUTH PLAIN " + GOOD,), ("235 2.7.0",), "RFC 4954 section 4"),
    _auth("plain-lower-case", (b"auth plain " + GOOD,), ("235 2.7.0",), "RFC 4422 section 3.1"),
    _auth("plain-prompted", (b"AUTH PLAIN", GOOD), ("334 ", "235 2.7.0"), "RFC 4954 section 4"),
    _auth(
        "login",
        (b"AUTH LOGIN", b64encode(ACCOUNT), b64encode(PASSWORD)),
        ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0"),
        "draft-murchison-sasl-login section 2",
    ),
    _auth(
        "login-with-name",
        (b"AUTH LOGIN " + b64encode(ACCOUNT), b64encode(PASSWORD)),
        ("334 UGFzc3dvcmQ6", "235 2.7.0"),
        "RFC 4954 section 4",
    ),
    _auth("wrong-password", (b"AUTH PLAIN " + WRONG,), ("535 5.7.8",), "RFC 4954 section 6"),
    _auth(
        "unknown-account",
        (b"AUTH PLAIN " + _plain(b"", b"nobody@example.org", PASSWORD),),
        ("535 5.7.8",),
        "RFC 4954 section 6",
    ),
    _auth(
        "wrong-authorization-identity",
        (b"AUTH PLAIN " + _plain(b"bob@example.org", ACCOUNT, PASSWORD),),
        ("535 5.7.8",),
        "RFC 4616 section 2",
    ),
    Vector(
        "auth-too-many-failures",
        Threat.AUTH,
        (EHLO + b"".join(b"AUTH PLAIN " + _plain(b"", ACCOUNT, b"%d" % n) + b"\r\n" for n in range(5)),),
        ("250", "535 5.7.8", "535 5.7.8", "535 5.7.8", CLOSED),
        "RFC 4954 section 4",
        Listener.TLS,
    ),
    _auth("alone", (b"AUTH",), ("501 5.5.4",), "RFC 4954 section 4"),
    _auth("mechanism-unknown", (b"AUTH GSSAPI",), ("504 5.5.4",), "RFC 4954 section 4"),
    _auth("mechanism-too-long", (b"AUTH " + b"A" * 21,), ("501 5.5.4",), "RFC 4422 section 3.1"),
    _auth("mechanism-not-ascii", (b"AUTH PLA\xc4\xb0N",), ("501 5.5.4",), "RFC 4422 section 3.1"),
    _auth("mechanism-with-nul", (b"AUTH PLAIN\0 =",), ("501 5.5.4",), "RFC 4422 section 3.1"),
    _auth("mechanism-with-line-feed", (b"AUTH PLAIN\n" + GOOD,), ("501 5.5.4",), "RFC 4422 section 3.1"),
    _auth("cancelled", (b"AUTH PLAIN", b"*", b"NOOP"), ("334", "501 5.7.0", "250"), "RFC 4954 section 4"),
    _auth(
        "cancelled-in-the-middle",
        (b"AUTH LOGIN", b64encode(ACCOUNT), b"*", b"AUTH PLAIN " + GOOD),
        ("334", "334", "501 5.7.0", "235"),
        "RFC 4954 section 4",
    ),
    _auth("initial-star-is-no-cancel", (b"AUTH PLAIN *",), ("501 5.5.2",), "RFC 4954 section 4"),
    _auth(
        "command-in-place-of-response",
        (b"AUTH PLAIN", b"MAIL FROM:<>"),
        ("334", "501 5.5.2"),
        "RFC 4954 section 4",
    ),
    _auth("empty-initial-response", (b"AUTH PLAIN =",), ("501 5.5.2",), "RFC 4954 section 4"),
    _auth("empty-response", (b"AUTH PLAIN", b""), ("334", "501 5.5.2"), "RFC 4954 section 4"),
    _auth("equals-sign-as-response", (b"AUTH PLAIN", b"="), ("334", "501 5.5.2"), "RFC 4954 section 4"),
    _auth("base64-with-space", (b"AUTH PLAIN AGFu bgBi",), ("501 5.5.2",), "RFC 4648 section 3.3"),
    _auth("base64-two-spaces", (b"AUTH PLAIN  " + GOOD,), ("501 5.5.2",), "RFC 4648 section 3.3"),
    _auth("base64-without-padding", (b"AUTH PLAIN AGEAYg",), ("501 5.5.2",), "RFC 4648 section 3.2"),
    _auth("base64-half-padding", (b"AUTH PLAIN AGEAYg=",), ("501 5.5.2",), "RFC 4648 section 3.2"),
    _auth("base64-too-much-padding", (b"AUTH PLAIN AGEAYg====",), ("501 5.5.2",), "RFC 4648 section 3.3"),
    _auth("base64-padding-within", (b"AUTH PLAIN AGE=AGIA",), ("501 5.5.2",), "RFC 4648 section 3.3"),
    _auth("base64-trailing-bits", (b"AUTH PLAIN AGEAYh==",), ("501 5.5.2",), "RFC 4648 section 3.5"),
    _auth("base64-url-alphabet", (b"AUTH PLAIN AGEA-_==",), ("501 5.5.2",), "RFC 4648 section 5"),
    _auth("base64-not-ascii", (b"AUTH PLAIN AGE\xc3\xa9Ygo=",), ("501 5.5.2",), "RFC 4648 section 3.3"),
    _auth("base64-with-nul", (b"AUTH PLAIN", b"AGEA\0Yg=="), ("334", "501 5.5.2"), "RFC 4648 section 3.3"),
    _auth(
        "base64-with-line-feed", (b"AUTH PLAIN", b"AGEA\nYg=="), ("334", "501 5.5.2"), "RFC 4648 section 3.3"
    ),
    _auth(
        "response-with-trailing-space",
        (b"AUTH PLAIN", GOOD + b" "),
        ("334", "501 5.5.2"),
        "RFC 4648 section 3.3",
    ),
    _auth(
        "twice",
        (b"AUTH PLAIN " + GOOD, b"AUTH PLAIN " + GOOD),
        ("235", "503 5.5.1"),
        "RFC 4954 section 4",
    ),
    _auth(
        "within-a-transaction",
        (b"MAIL FROM:<>", b"AUTH PLAIN " + GOOD),
        ("250", "503 5.5.1"),
        "RFC 4954 section 4",
    ),
    _auth("longest-line", (_LONGEST,), ("501 5.5.2",), "RFC 4954 section 4"),
    _auth("line-too-long", (_LONGEST + b" ",), ("500 5.5.6",), "RFC 4954 section 4"),
    _auth(
        "line-far-too-long",
        (b"AUTH PLAIN " + b"A" * 40000, b"NOOP"),
        ("500 5.5.6", "250"),
        "RFC 4954 section 4",
    ),
    _auth(
        "response-too-long",
        (b"AUTH PLAIN", b"A" * 12287, b"NOOP"),
        ("334", "500 5.5.6", "250"),
        "RFC 4954 section 4",
    ),
    _auth("longest-response", (b"AUTH PLAIN", b"A" * 12286), ("334", "501 5.5.2"), "RFC 4954 section 4"),
    _auth(
        "response-is-no-command",
        (b"AUTH LOGIN", b64encode(b"QUIT"), b64encode(b"x")),
        ("334", "334", "535 5.7.8"),
        "RFC 4954 section 4",
    ),
)

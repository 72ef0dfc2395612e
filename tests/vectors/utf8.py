"""UTF-8: what is none, what it must not say, and where it was not announced."""

from __future__ import annotations

from tests.vectors.model import Threat, command, recipient, recipient_utf8

_NOT_UTF8 = {
    "overlong-dot": b"\xc0\xae",
    "overlong-at": b"\xe0\x81\x80",
    "overlong-line-feed": b"\xc0\x8a",
    "overlong-nul": b"\xc0\x80",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "truncated": b"\xe2\x82",
    "continuation-alone": b"\x80",
    "beyond-unicode": b"\xf4\x90\x80\x80",
    "five-octets": b"\xf8\x88\x80\x80\x80",
    "latin1": b"\xe9",
    "byte-ff": b"\xff",
}
_FORBIDDEN_UTF8 = {
    "c1-next-line": "\x85",
    "c1-csi": "\x9b",
    "line-separator": "\u2028",
    "paragraph-separator": "\u2029",
}

VECTORS = (
    *(
        recipient_utf8(
            f"utf8-rcpt-{name}",
            Threat.UTF8,
            b"<a" + octets + b"@example.org>",
            "501 5.1.3",
            "RFC 3629 section 3",
        )
        for name, octets in _NOT_UTF8.items()
    ),
    *(
        command(f"utf8-ehlo-{name}", Threat.UTF8, b"EHLO a" + octets, "501 5.5.4", "RFC 3629 section 3")
        for name, octets in _NOT_UTF8.items()
    ),
    *(
        recipient_utf8(
            f"utf8-rcpt-{name}",
            Threat.UTF8,
            f"<a{text}b@example.org>".encode(),
            "501 5.1.3",
            "RFC 6531 section 3.3",
        )
        for name, text in _FORBIDDEN_UTF8.items()
    ),
    *(
        command(
            f"utf8-ehlo-{name}",
            Threat.UTF8,
            f"EHLO a{text}b".encode(),
            "501 5.5.4",
            "RFC 5321 section 4.1.1.1",
        )
        for name, text in _FORBIDDEN_UTF8.items()
    ),
    recipient(
        "utf8-rcpt-not-announced",
        Threat.UTF8,
        "<änn@example.org>".encode(),
        "553 5.6.7",
        "RFC 6531 section 3.5",
    ),
    recipient(
        "utf8-rcpt-domain-not-announced",
        Threat.UTF8,
        "<ann@exämple.org>".encode(),
        "553 5.6.7",
        "RFC 6531 section 3.5",
    ),
    recipient_utf8(
        "utf8-rcpt-announced", Threat.UTF8, "<änn@example.org>".encode(), "550 5.1.1", "RFC 6531 section 3.3"
    ),
    recipient_utf8(
        "utf8-rcpt-foreign-domain",
        Threat.UTF8,
        "<ann@exämple.org>".encode(),
        "550 5.7.1",
        "RFC 6531 section 3.3",
    ),
    recipient_utf8(
        "utf8-rcpt-full-width-at",
        Threat.UTF8,
        "<ann\uff20example.org>".encode(),
        "501 5.1.3",
        "RFC 6531 section 3.3",
    ),
    recipient_utf8(
        "utf8-rcpt-full-width-stop",
        Threat.UTF8,
        "<ann@example\uff0eorg>".encode(),
        "550 5.7.1",
        "RFC 6531 section 3.2",
    ),
    recipient_utf8(
        "utf8-rcpt-full-width-letters",
        Threat.UTF8,
        "<\uff41\uff4e\uff4e@example.org>".encode(),
        "550 5.1.1",
        "RFC 6531 section 3.2",
    ),
    recipient_utf8(
        "utf8-rcpt-decomposed",
        Threat.UTF8,
        "<ann\u0301@example.org>".encode(),
        "550 5.1.1",
        "RFC 6531 section 3.1",
    ),
    command(
        "utf8-mail-not-announced",
        Threat.UTF8,
        "MAIL FROM:<ö@client.example>".encode(),
        "553 5.6.7",
        "RFC 6531 section 3.5",
    ),
    command(
        "utf8-mail-announced",
        Threat.UTF8,
        "MAIL FROM:<ö@client.example> SMTPUTF8".encode(),
        "250 2.1.0",
        "RFC 6531 section 3.4",
    ),
    command(
        "utf8-mail-smtputf8-value",
        Threat.UTF8,
        b"MAIL FROM:<> SMTPUTF8=YES",
        "501 5.5.4",
        "RFC 6531 section 3.4",
    ),
    command(
        "utf8-mail-truncated",
        Threat.UTF8,
        b"MAIL FROM:<a\xc3@client.example> SMTPUTF8",
        "501 5.1.7",
        "RFC 3629 section 3",
    ),
    command(
        "utf8-verb", Threat.UTF8, "\uff25\uff28\uff2c\uff2f x".encode(), "500 5.5.1", "RFC 5321 section 2.4"
    ),
    command("utf8-verb-dotted-i", Threat.UTF8, "QU\u0131T".encode(), "500 5.5.1", "RFC 5321 section 2.4"),
    command(
        "utf8-keyword",
        Threat.UTF8,
        "MAIL FROM:<> \uff33\uff29\uff3a\uff25=1".encode(),
        "501 5.5.4",
        "RFC 5321 section 4.1.2",
    ),
    command(
        "utf8-envid",
        Threat.UTF8,
        "MAIL FROM:<> SMTPUTF8 ENVID=é".encode(),
        "501 5.5.4",
        "RFC 3461 section 4.4",
    ),
    command(
        "utf8-auth-parameter-not-announced",
        Threat.UTF8,
        "MAIL FROM:<> AUTH=é@client.example".encode(),
        "501 5.5.4",
        "RFC 6531 section 3.5",
    ),
    recipient(
        "utf8-orcpt-not-announced",
        Threat.UTF8,
        "<ann@example.org> ORCPT=utf-8;é@example.net".encode(),
        "501 5.5.4",
        "RFC 6533 section 3",
    ),
    recipient_utf8(
        "utf8-orcpt-announced",
        Threat.UTF8,
        "<ann@example.org> ORCPT=utf-8;é@example.net".encode(),
        "250 2.1.5",
        "RFC 6533 section 3",
    ),
)

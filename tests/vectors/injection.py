"""What could reach a header field, a log or a report."""

from __future__ import annotations

from tests.vectors.model import Threat, command, recipient

_BAD_NAMES = {
    "line-feed": b"a\nX-Injected: yes",
    "carriage-return": b"a\rX-Injected: yes",
    "nul": b"a\0b",
    "escape": b"\x1b[31mred",
    "backspace": b"a\x08b",
    "delete": b"a\x7f",
    "tab": b"a\tb",
    "two-words": b"a b",
    "nothing": b"",
    "too-long": b"a" * 256,
}
_BAD_XTEXT = {
    "crlf": b"a+0D+0AX-Injected:+20yes",
    "line-feed": b"a+0A",
    "nul": b"a+00b",
    "tab": b"a+09b",
    "delete": b"a+7F",
    "c1": b"a+85",
    "latin1": b"a+E9",
    "utf8-by-octets": b"a+C3+A9",
    "lower-case": b"a+2b",
    "plus-alone": b"a+",
    "plus-one-digit": b"a+4",
    "not-hexadecimal": b"a+GG",
    "equals-sign": b"a=b",
}

VECTORS = (
    *(
        command(
            f"injection-ehlo-{name}",
            Threat.INJECTION,
            b"EHLO " + octets,
            "501 5.5.4",
            "RFC 5321 section 4.1.1.1",
        )
        for name, octets in _BAD_NAMES.items()
    ),
    command(
        "injection-helo-line-feed", Threat.INJECTION, b"HELO a\nb", "501 5.5.4", "RFC 5321 section 4.1.1.1"
    ),
    command(
        "injection-ehlo-longest", Threat.INJECTION, b"EHLO " + b"a" * 255, "250", "RFC 5321 section 4.5.3.1.2"
    ),
    command("injection-ehlo-literal", Threat.INJECTION, b"EHLO [IPv6:::1]", "250", "RFC 5321 section 4.1.3"),
    *(
        command(
            f"injection-envid-{name}",
            Threat.INJECTION,
            b"MAIL FROM:<> ENVID=" + octets,
            "501 5.5.4",
            "RFC 3461 section 4",
        )
        for name, octets in _BAD_XTEXT.items()
    ),
    *(
        recipient(
            f"injection-orcpt-{name}",
            Threat.INJECTION,
            b"<ann@example.org> ORCPT=rfc822;" + octets,
            "501 5.5.4",
            "RFC 3461 section 4.2",
        )
        for name, octets in _BAD_XTEXT.items()
    ),
    recipient(
        "injection-orcpt",
        Threat.INJECTION,
        b"<ann@example.org> ORCPT=rfc822;a+2B+3D@b.example",
        "250",
        "RFC 3461 section 4.2",
    ),
    recipient(
        "injection-orcpt-no-type",
        Threat.INJECTION,
        b"<ann@example.org> ORCPT=ann",
        "501 5.5.4",
        "RFC 3461 section 4.2",
    ),
    recipient(
        "injection-orcpt-type",
        Threat.INJECTION,
        b"<ann@example.org> ORCPT=a+0Ab;c",
        "501 5.5.4",
        "RFC 3461 section 4.2",
    ),
    recipient(
        "injection-orcpt-raw-nul",
        Threat.INJECTION,
        b"<ann@example.org> ORCPT=rfc822;a\0b",
        "501 5.1.3",
        "RFC 3461 section 4.2",
    ),
    recipient(
        "injection-orcpt-too-long",
        Threat.INJECTION,
        b"<ann@example.org> ORCPT=rfc822;" + b"a" * 494,
        "501 5.5.4",
        "RFC 3461 section 4.2",
    ),
    command("injection-envid", Threat.INJECTION, b"MAIL FROM:<> ENVID=a+2Bb", "250", "RFC 3461 section 4.4"),
    command(
        "injection-envid-longest",
        Threat.INJECTION,
        b"MAIL FROM:<> ENVID=" + b"a" * 100,
        "250",
        "RFC 3461 section 4.4",
    ),
    command(
        "injection-envid-too-long",
        Threat.INJECTION,
        b"MAIL FROM:<> ENVID=" + b"a" * 101,
        "501 5.5.4",
        "RFC 3461 section 4.4",
    ),
    command(
        "injection-auth-parameter",
        Threat.INJECTION,
        b"MAIL FROM:<> AUTH=a+0A@client.example",
        "501 5.5.4",
        "RFC 4954 section 5",
    ),
    command(
        "injection-auth-parameter-no-mailbox",
        Threat.INJECTION,
        b"MAIL FROM:<> AUTH=ann",
        "501 5.5.4",
        "RFC 4954 section 5",
    ),
    command(
        "injection-noop", Threat.INJECTION, b"NOOP \x1b]0;title\x07", "501 5.5.4", "RFC 5321 section 4.1.1.9"
    ),
    command("injection-vrfy", Threat.INJECTION, b"VRFY a\rb", "501 5.5.4", "RFC 5321 section 4.1.1.6"),
    command("injection-help", Threat.INJECTION, b"HELP \0", "501 5.5.4", "RFC 5321 section 4.1.1.8"),
    command("injection-unknown-verb", Threat.INJECTION, b"FOO a\nb", "500 5.5.1", "RFC 5321 section 2.4"),
    command("injection-verb-with-nul", Threat.INJECTION, b"RS\0ET", "500 5.5.1", "RFC 5321 section 2.4"),
)

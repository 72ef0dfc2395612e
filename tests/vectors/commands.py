"""Verbs and their order."""

from __future__ import annotations

from tests.vectors.model import (
    BYE,
    CLOSED,
    EHLO,
    LHLO,
    MAIL,
    OPEN,
    OPENED,
    QUIT,
    RCPT,
    Listener,
    Threat,
    Vector,
    command,
)

VECTORS = (
    *(
        Vector(
            f"command-of-a-browser-{line.split()[0].decode().lower()}",
            Threat.COMMANDS,
            (line + b"\r\nHost: mx.example.org\r\n\r\n" + OPEN,),
            (CLOSED,),
            "Topf 2001, The HTML Form Protocol Attack",
        )
        for line in (
            b"GET / HTTP/1.1",
            b"POST / HTTP/1.1",
            b"put / HTTP/1.1",
            b"CONNECT a:25 HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
        )
    ),
    command("command-empty-line", Threat.COMMANDS, b"", "500 5.5.1", "RFC 5321 section 4.1.1"),
    command("command-spaces", Threat.COMMANDS, b"   ", "500 5.5.1", "RFC 5321 section 4.1.1"),
    command("command-leading-space", Threat.COMMANDS, b" NOOP", "500 5.5.1", "RFC 5321 section 4.1.1"),
    command(
        "command-binary",
        Threat.COMMANDS,
        b"\x16\x03\x01\x00\xa5\x01\xff",
        "500 5.5.1",
        "RFC 5321 section 2.4",
    ),
    command("command-not-ascii", Threat.COMMANDS, b"\xff\xfe", "500 5.5.1", "RFC 5321 section 2.4"),
    command("command-header-field", Threat.COMMANDS, b"Subject: hello", "500 5.5.1", "RFC 5321 section 2.4"),
    command("command-expn", Threat.COMMANDS, b"EXPN staff", "500 5.5.1", "RFC 5321 section 7.3"),
    command(
        "command-vrfy-tells-nothing", Threat.COMMANDS, b"VRFY nobody", "252 2.5.0", "RFC 5321 section 7.3"
    ),
    command(
        "command-xclient", Threat.COMMANDS, b"XCLIENT ADDR=127.0.0.1", "500 5.5.1", "RFC 5321 section 2.2.2"
    ),
    command("command-lhlo", Threat.COMMANDS, b"LHLO client.example", "500 5.5.1", "RFC 2033 section 4.1"),
    command("command-quit-argument", Threat.COMMANDS, b"QUIT now", "501 5.5.4", "RFC 5321 section 4.1.1.10"),
    command("command-rset-argument", Threat.COMMANDS, b"RSET now", "501 5.5.4", "RFC 5321 section 4.1.1.5"),
    command(
        "command-trailing-carriage-return", Threat.COMMANDS, b"RSET\r", "500 5.5.1", "RFC 5321 section 2.3.8"
    ),
    command("command-trailing-tab", Threat.COMMANDS, b"RSET\t", "250", "RFC 5321 section 4.1.1"),
    command(
        "command-trailing-space-behind-argument",
        Threat.COMMANDS,
        b"EHLO a \t",
        "250",
        "RFC 5321 section 4.1.1",
    ),
    command("command-trailing-space", Threat.COMMANDS, b"RSET \t ", "250", "RFC 5321 section 4.1.1"),
    Vector(
        "command-helo-in-lmtp",
        Threat.COMMANDS,
        (b"HELO a\r\nEHLO a\r\n" + LHLO + QUIT,),
        ("500 5.5.1", "500 5.5.1", "250", BYE),
        "RFC 2033 section 4.1",
        Listener.LMTP,
    ),
    Vector(
        "command-nested-mail",
        Threat.COMMANDS,
        (EHLO + MAIL + MAIL + QUIT,),
        ("250", "250", "503 5.5.1", BYE),
        "RFC 5321 section 4.1.4",
    ),
    Vector(
        "command-data-without-recipient",
        Threat.COMMANDS,
        (EHLO + MAIL + b"RCPT TO:<ann@example.net>\r\nDATA\r\n" + QUIT,),
        ("250", "250", "550 5.7.1", "503 5.5.1", BYE),
        "RFC 5321 section 3.3",
    ),
    Vector(
        "command-data-argument",
        Threat.COMMANDS,
        (OPEN + b"DATA now\r\n" + QUIT,),
        (*OPENED, "501 5.5.4", BYE),
        "RFC 5321 section 4.1.1.4",
    ),
    Vector(
        "command-second-message-needs-its-own-envelope",
        Threat.COMMANDS,
        (OPEN + b"DATA\r\n.\r\nDATA\r\n" + RCPT + QUIT,),
        (*OPENED, "354", "250", "503 5.5.1", "503 5.5.1", BYE),
        "RFC 5321 section 4.1.4",
        messages=(b"",),
    ),
    Vector(
        "command-behind-quit",
        Threat.COMMANDS,
        (EHLO + QUIT + OPEN,),
        ("250", BYE),
        "RFC 5321 section 4.1.1.10",
    ),
)

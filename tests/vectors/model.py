"""
Hostile vectors that the wire alone decides: what a client sends, and what it
must be told. They are data: whoever has a server of this site can run them.

The site: a server for ``example.org`` with the mailboxes of ``RECIPIENTS`` and
one account, under ``LIMITS``, with three listeners. It takes any sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailext.wire.limits import SessionLimits

DOMAIN = "example.org"
#: Local parts; each may have a subaddress behind "+".
RECIPIENTS = frozenset({"ann", "bob", "postmaster"})
ACCOUNT = b"ann@example.org"
PASSWORD = b"correct horse battery staple"
LIMITS = SessionLimits(
    message_size=4096, recipients=5, commands=60, errors=8, junk_commands=12, auth_failures=3
)


class Listener(Enum):
    #: ESMTP in clear; offers STARTTLS; AUTH and CLIENTID come with TLS.
    CLEAR = "clear"
    #: ESMTP under TLS from the start, with AUTH PLAIN and LOGIN and CLIENTID.
    TLS = "tls"
    #: LMTP, without TLS, AUTH and CLIENTID.
    LMTP = "lmtp"


class Threat(Enum):
    """The classes of hostile input that can be told from the octets alone."""

    SMUGGLING = "the end of a message"
    STARTTLS = "what surrounds STARTTLS"
    AUTH = "SASL exchanges"
    LENGTHS = "lengths and counts"
    ADDRESSES = "addresses"
    UTF8 = "UTF-8"
    NUMBERS = "numbers"
    CHUNKS = "BDAT"
    INJECTION = "what could reach a header field, a log or a report"
    CLIENTID = "CLIENTID"
    PARAMETERS = "parameters of MAIL and RCPT"
    COMMANDS = "verbs and their order"
    NAMES = "names that become files"


@dataclass(frozen=True)
class Vector:
    """
    :param flights: what the client sends. Where there are several, the client
        waits for the reply to STARTTLS and makes the handshake between them.
    :param replies: for each reply, the greeting left out, how its last line
        begins.
    :param source: the advisory or the section that decides it.
    :param messages: the contents that are accepted.
    :param one_segment: the outcome depends on the octets arriving together.
    """

    id: str
    threat: Threat
    flights: tuple[bytes, ...]
    replies: tuple[str, ...]
    source: str
    listener: Listener = Listener.CLEAR
    messages: tuple[bytes, ...] = ()
    one_segment: bool = False


EHLO = b"EHLO client.example\r\n"
LHLO = b"LHLO client.example\r\n"
MAIL = b"MAIL FROM:<sender@client.example>\r\n"
RCPT = b"RCPT TO:<ann@example.org>\r\n"
OPEN = EHLO + MAIL + RCPT
STARTTLS = EHLO + b"STARTTLS\r\n"
QUIT = b"QUIT\r\n"
HEAD = b"Subject: a message\r\n\r\n"
#: A message of just the greatest size.
FULL = HEAD + b"x" * (LIMITS.message_size - len(HEAD) - 2) + b"\r\n"
OPENED = ("250", "250 2.1.0", "250 2.1.5")
CLOSED = "421 4.7.0"
BYE = "221 2.0.0"


def after_ehlo(*lines: bytes) -> bytes:
    return EHLO + b"".join(line + b"\r\n" for line in lines) + QUIT


def command(
    name: str,
    threat: Threat,
    line: bytes,
    reply: str,
    source: str,
    listener: Listener = Listener.CLEAR,
) -> Vector:
    """One command after EHLO, and that the session goes on behind it."""
    ending = (BYE,) if not reply.startswith("421") else ()
    return Vector(name, threat, (after_ehlo(line),), ("250", reply, *ending), source, listener)


def recipient(name: str, threat: Threat, path: bytes, reply: str, source: str) -> Vector:
    lines = (b"MAIL FROM:<sender@client.example>", b"RCPT TO:" + path)
    return Vector(name, threat, (after_ehlo(*lines),), ("250", "250 2.1.0", reply, BYE), source)


def recipient_utf8(name: str, threat: Threat, path: bytes, reply: str, source: str) -> Vector:
    lines = (b"MAIL FROM:<sender@client.example> SMTPUTF8", b"RCPT TO:" + path)
    return Vector(name, threat, (after_ehlo(*lines),), ("250", "250 2.1.0", reply, BYE), source)


def under_tls(
    name: str, threat: Threat, lines: tuple[bytes, ...], replies: tuple[str, ...], source: str
) -> Vector:
    """Commands after EHLO under TLS."""
    return Vector(name, threat, (after_ehlo(*lines),), ("250", *replies, BYE), source, Listener.TLS)


def chunk(content: bytes, last: bytes = b" LAST") -> bytes:
    return b"BDAT %d%s\r\n%s" % (len(content), last, content)

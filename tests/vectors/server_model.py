"""
Hostile servers: what one says to our client at some point of a dialogue, and
what must come of it. They are data.

The client wants to hand over a message of ``ann@example.org`` to
``bob@example.net``, and another one behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

GREETING = b"220 mx.example.net ESMTP\r\n"
PLAIN = b"250 mx.example.net\r\n"
PIPELINING = b"250-mx.example.net\r\n250 PIPELINING\r\n"
CHUNKING = b"250-mx.example.net\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
OFFERS_TLS = b"250-mx.example.net\r\n250 STARTTLS\r\n"
OFFERS_AUTH = b"250-mx.example.net\r\n250 AUTH PLAIN LOGIN\r\n"
OK = b"250 2.0.0 OK\r\n"
GO_ON = b"354 Go on\r\n"


class Moment(Enum):
    """What our client has just said, and is to be answered by the hostile octets."""

    CONNECT = "nothing"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH LOGIN, under TLS"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "the end of the message"
    PIPELINED = "MAIL, RCPT and DATA in one segment"
    CHUNKS = "MAIL and RCPT, before BDAT"
    LAST_CHUNK = "BDAT LAST"
    LMTP_END = "the end of a message with two recipients, in LMTP"


#: What the server has said before.
BEFORE: dict[Moment, tuple[bytes, ...]] = {
    Moment.CONNECT: (),
    Moment.EHLO: (GREETING,),
    Moment.STARTTLS: (GREETING, OFFERS_TLS),
    Moment.AUTH: (GREETING, OFFERS_AUTH),
    Moment.MAIL: (GREETING, PLAIN),
    Moment.RCPT: (GREETING, PLAIN, OK),
    Moment.DATA: (GREETING, PLAIN, OK, OK),
    Moment.END: (GREETING, PLAIN, OK, OK, GO_ON),
    Moment.PIPELINED: (GREETING, PIPELINING),
    Moment.CHUNKS: (GREETING, CHUNKING),
    Moment.LAST_CHUNK: (GREETING, CHUNKING, OK + OK),
    Moment.LMTP_END: (GREETING, PIPELINING, OK + OK + OK + GO_ON),
}


class ServerThreat(Enum):
    """The classes of what a server can do to a client."""

    NO_REPLY = "octets that are no reply"
    ENDLESS = "replies without end"
    CODES = "codes that make no sense"
    INJECTED = "octets behind the reply to STARTTLS, and replies in advance"
    LIES = "EHLO replies that lie"
    REFUSALS = "refusals, and what they mean"
    WORDS = "what could reach a log or a report"


@dataclass(frozen=True)
class ServerVector:
    """
    :param said: what the server says then.
    :param comes_of_it: ``malformed``, ``unexpected``, ``injected`` or
        ``closing`` where the session is ended by it, and behind that what came
        of the message, if it was begun: ``code status``, or ``in doubt``. Else
        the last that the owner was told, or ``waits``.
    :param source: the advisory or the section that decides it.
    :param one_segment: the outcome depends on the octets arriving together.
    """

    id: str
    threat: ServerThreat
    moment: Moment
    said: bytes
    comes_of_it: str
    source: str
    one_segment: bool = False

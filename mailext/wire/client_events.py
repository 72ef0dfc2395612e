"""
What a client's session tells its owner.

A session never asks: the owner says what it wants to be done next, and is told
what came of it. Every transaction ends with exactly one of
:class:`MessageDone` and :class:`MessageInDoubt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mailext.values import Mailbox, Outcome
from mailext.wire.replies import Reply
from mailext.wire.states import Command

__all__ = [
    "Answered",
    "AuthChallenge",
    "BeginTls",
    "ClientEvent",
    "ContentRefused",
    "ContentWanted",
    "Fault",
    "FaultKind",
    "Greeted",
    "MessageDone",
    "MessageInDoubt",
]


@dataclass(frozen=True, slots=True)
class Greeted:
    """The server's greeting; an error is all it has for us."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The reply to EHLO, HELO, LHLO, CLIENTID, AUTH or QUIT, or a refusal of
    STARTTLS.
    """

    command: Command
    reply: Reply


@dataclass(frozen=True, slots=True)
class BeginTls:
    """
    STARTTLS was accepted: the owner begins the handshake and says
    ``tls_established()``.
    """


@dataclass(frozen=True, slots=True)
class AuthChallenge:
    """
    The server's challenge in a SASL exchange: the owner says ``respond()`` or
    ``cancel_authentication()``.

    :param data: decoded.
    """

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ContentWanted:
    """The message may be sent: ``send_content()``, then ``end_content()``."""


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The server takes no more of the message: nothing more is to be sent."""


@dataclass(frozen=True, slots=True)
class MessageDone:
    """
    A transaction has come to its end.

    :param outcomes: what came of each recipient.
    """

    outcomes: Mapping[Mailbox, Outcome]


@dataclass(frozen=True, slots=True)
class MessageInDoubt:
    """
    The connection was lost behind the end of the message: nobody knows whether
    the server has taken it.

    :param outcomes: what came of each recipient; those that are not known have
        a temporary outcome with ``in_doubt``.
    """

    outcomes: Mapping[Mailbox, Outcome]


class FaultKind(Enum):
    """Why a session has closed."""

    #: What the server sent is no reply, or has no end.
    MALFORMED = "malformed"
    #: A reply that nothing was said for, or that makes no sense to what was.
    UNEXPECTED = "unexpected"
    #: Octets behind the 220 to STARTTLS, in clear (CVE-2021-38371).
    INJECTED = "injected"
    #: The server closes the connection (421).
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Fault:
    """
    The session is closed, and the connection is to be cut.

    :param outcome: what that means for mail that should have gone this way:
        something temporary.
    """

    kind: FaultKind
    outcome: Outcome


ClientEvent = (
    Greeted
    | Answered
    | BeginTls
    | AuthChallenge
    | ContentWanted
    | ContentRefused
    | MessageDone
    | MessageInDoubt
    | Fault
)

"""
What a session tells its owner.

An event is either a question, and the session pauses until it was answered
with ``reply()`` (or as the event says), or a notice that wants no answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mailext.values import Mailbox, MailOptions, RcptOptions
from mailext.wire.states import Command

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "AuthCommand",
    "AuthResponse",
    "Event",
    "Hello",
    "MailCommand",
    "MessageData",
    "MessageEnd",
    "MessageFault",
    "MessageStart",
    "Question",
    "RcptCommand",
    "Reset",
    "Signal",
    "StartTls",
    "UnknownCommand",
]


class Signal(Enum):
    """There is no event now."""

    #: Feed the session with more.
    NEED_DATA = "need-data"
    #: The last event has not been answered yet.
    PAUSED = "paused"


NEED_DATA = Signal.NEED_DATA
PAUSED = Signal.PAUSED


class Question:
    """An event that the session waits upon."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Hello(Question):
    """
    EHLO, HELO or LHLO. A 250 ends any transaction and greets the client.

    :param name: the name that the client gave.
    """

    command: Command
    name: str


@dataclass(frozen=True, slots=True)
class StartTls(Question):
    """
    STARTTLS. After a 220 the owner begins the handshake and says
    ``tls_established()``.
    """


@dataclass(frozen=True, slots=True)
class AuthCommand(Question):
    """
    AUTH. Answered by ``reply()`` or ``challenge()``.

    :param mechanism: upper case.
    :param initial_response: decoded; None where none was given.
    """

    mechanism: str
    initial_response: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthResponse(Question):
    """
    The client's answer to a challenge. Answered as ``AuthCommand`` is.

    :param data: decoded.
    """

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailCommand(Question):
    """MAIL. ``reverse_path`` is None for ``<>``."""

    reverse_path: Mailbox | None
    options: MailOptions


@dataclass(frozen=True, slots=True)
class RcptCommand(Question):
    """RCPT."""

    forward_path: Mailbox
    options: RcptOptions


@dataclass(frozen=True, slots=True)
class MessageStart(Question):
    """
    DATA, or the first BDAT. Answered by ``accept_message()``, or by an error
    with ``reply()``, which ends the transaction.
    """


@dataclass(frozen=True, slots=True)
class MessageEnd(Question):
    """
    The message is complete. Answered by ``reply()``; in LMTP with as many
    replies as recipients were accepted, in their order (RFC 2033 section 4.2).
    """


@dataclass(frozen=True, slots=True)
class UnknownCommand(Question):
    """
    A verb that the session does not know.

    :param verb: upper case.
    """

    verb: bytes
    argument: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """A notice: RSET has ended a transaction."""


@dataclass(frozen=True, slots=True)
class MessageData:
    """
    A notice: the next part of the message, un-stuffed, cut anywhere but
    within a CRLF.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class MessageFault:
    """
    A notice: the message cannot be accepted and must be forgotten. The
    session reads on to its end and gives the reply there by itself.
    """


Event = (
    Hello
    | StartTls
    | AuthCommand
    | AuthResponse
    | MailCommand
    | RcptCommand
    | MessageStart
    | MessageEnd
    | UnknownCommand
    | Reset
    | MessageData
    | MessageFault
)

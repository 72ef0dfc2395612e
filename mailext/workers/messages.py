"""
What the main process and a worker say to each other.

A :class:`Question` has an answer, whatever else is said has none. Everything is
pickled; the classes have no slots because they are pickled quicker so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from twisted.cred.credentials import ICredentials
from zope.interface import Interface

from mailext.clientid.result import LoginRefusedError, LoginUnavailableError
from mailext.config.model import Configuration
from mailext.message.headers import HeaderSection
from mailext.storage.identity_keys import IdentityKeys
from mailext.values import (
    ClientIdentity,
    Envelope,
    LoginAttempt,
    LoginOutcome,
    Mailbox,
    MailOptions,
    Outcome,
    RcptOptions,
    SessionView,
    Verdict,
)

__all__ = [
    "AbortDelivery",
    "Admission",
    "Begin",
    "CommitDelivery",
    "ConnectionBegun",
    "ConnectionEnded",
    "CountQueue",
    "DeliveryPart",
    "Drain",
    "EndSessions",
    "JudgeMessage",
    "JudgeRecipient",
    "JudgeSender",
    "LetterArrived",
    "LogIn",
    "Logged",
    "NewAddresses",
    "NewConfiguration",
    "NewVerifiers",
    "OpenDelivery",
    "Ping",
    "Question",
    "Refusal",
    "SessionEnded",
    "Terms",
    "Unavailability",
]

T = TypeVar("T")


class Question(Generic[T]):
    """It is answered with a ``T``."""


# What the main process says


@dataclass(frozen=True)
class Terms:
    """
    Under what a worker serves.

    :param credentials: which kinds somebody can check, by listener.
    :param least: the level of the least log events that anybody wants to see.
    """

    configuration: Configuration
    credentials: Mapping[str, tuple[type[Interface], ...]]
    least: str


@dataclass(frozen=True)
class Begin(Question[None]):
    """
    The first thing that a worker hears; answered once it listens.

    :param endpoints: those of each listener, in the order of the sockets that
        the process was given.
    :param accounts: the addresses of the accounts, the oldest first.
    :param scram_secret: see :class:`mailext.accounts.scram.ScramVerifiers`.
    :param verifiers: as in :class:`NewVerifiers`.
    :param keys: what log lines name identities by.
    :param connections: those of other processes: how many of each address, by
        listener.
    """

    terms: Terms
    endpoints: Mapping[str, tuple[str, ...]]
    accounts: tuple[str, ...]
    scram_secret: bytes
    verifiers: Mapping[str, str]
    keys: IdentityKeys
    connections: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class NewConfiguration(Question[None]):
    """The configuration was read again; answered once it is taken up."""

    terms: Terms


@dataclass(frozen=True)
class NewAddresses:
    """Accounts have come or gone: the addresses of all, the oldest first."""

    accounts: tuple[str, ...]


@dataclass(frozen=True)
class NewVerifiers:
    """Verifiers of SCRAM have come, gone or changed: all of them, by account, in the form of RFC 5803."""

    verifiers: Mapping[str, str]


@dataclass(frozen=True)
class EndSessions:
    """The account is not what it was."""

    account: str


@dataclass(frozen=True)
class Ping(Question[None]):
    """Whether the worker does anything at all."""


@dataclass(frozen=True)
class Drain(Question[None]):
    """Take no new connections, and let transactions come to their end; answered when that is done."""


# What either says


@dataclass(frozen=True)
class ConnectionBegun:
    """
    :param address: the client's; empty for a socket of this machine.
    """

    listener: str
    address: str


@dataclass(frozen=True)
class ConnectionEnded:
    """As :class:`ConnectionBegun`."""

    listener: str
    address: str


# What a worker says


@dataclass(frozen=True)
class Admission:
    """
    A login that succeeded; see :class:`mailext.clientid.result.Login`.
    """

    avatar_id: str
    refusal: Verdict | None


@dataclass(frozen=True)
class Refusal:
    """A login that failed for good."""

    outcome: LoginOutcome
    reason: str

    def error(self) -> LoginRefusedError:
        """As the judge raises it."""
        return LoginRefusedError(self.outcome, self.reason)


@dataclass(frozen=True)
class Unavailability:
    """A login that could not be judged."""

    reason: str

    def error(self) -> LoginUnavailableError:
        """As the judge raises it."""
        return LoginUnavailableError(self.reason)


@dataclass(frozen=True)
class LogIn(Question[Admission | Refusal | Unavailability]):
    """See :meth:`mailext.clientid.login.LoginJudge.login`."""

    credentials: ICredentials
    attempt: LoginAttempt
    identity: ClientIdentity | None


@dataclass(frozen=True)
class SessionEnded:
    """See :meth:`mailext.clientid.login.LoginJudge.session_ended`."""

    session: SessionView


@dataclass(frozen=True)
class JudgeSender(Question[Verdict]):
    """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeSender`."""

    sender: Mailbox | None
    options: MailOptions
    session: SessionView


@dataclass(frozen=True)
class JudgeRecipient(Question[Verdict]):
    """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeRecipient`."""

    envelope: Envelope
    recipient: Mailbox
    options: RcptOptions
    session: SessionView


@dataclass(frozen=True)
class JudgeMessage(Question[Verdict]):
    """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeMessage`."""

    envelope: Envelope
    headers: HeaderSection
    session: SessionView


@dataclass(frozen=True)
class OpenDelivery:
    """
    A message for the queue begins.

    :param number: the worker's name for it.
    :param clientid: see :class:`mailext.queue.target.QueueTarget`.
    """

    number: int
    envelope: Envelope
    headers: HeaderSection
    clientid: str


@dataclass(frozen=True)
class DeliveryPart:
    """See :meth:`mailext.interfaces.IDelivery.write`."""

    number: int
    data: bytes


@dataclass(frozen=True)
class CommitDelivery(Question[Mapping[Mailbox, Outcome]]):
    """See :meth:`mailext.interfaces.IDelivery.commit`."""

    number: int


@dataclass(frozen=True)
class AbortDelivery:
    """See :meth:`mailext.interfaces.IDelivery.abort`."""

    number: int


@dataclass(frozen=True)
class CountQueue(Question[int]):
    """How many messages are in the queue."""


@dataclass(frozen=True)
class LetterArrived:
    """
    :param account: in whose Maildir it is, by its canonical address.
    """

    account: Mailbox


@dataclass(frozen=True)
class Logged:
    """
    A log event.

    :param event: as :func:`mailext.workers.log_events.packed` has it.
    """

    event: Mapping[str, object]

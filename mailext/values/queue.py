"""A message on its way: what became of each recipient, and what is still to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from mailext.values.envelopes import Envelope, Notify, Recipient

__all__ = ["Handover", "Outcome", "Progress", "QueueEntry", "QueuedRecipient", "RecipientState", "Settlement"]


class Handover(Enum):
    """Who answers for a recipient once its delivery was accepted."""

    #: Nobody has to: the message is where it was to go.
    FINAL = "final"
    #: The next hop: it knows NOTIFY, and reports itself (RFC 3461 section 5.2.2).
    NEXT_HOP = "next-hop"
    #: Nobody can: the next hop does not know NOTIFY (RFC 3461 section 5.2.3).
    UNREPORTED = "unreported"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of one recipient in one delivery attempt.

    :param code: 2xx delivered, 4xx to be tried again, 5xx failed for good.
    :param enhanced: the enhanced status code.
    :param text: in the words of whoever decided it.
    :param host: the name of the host whose reply this is, empty where it was
        decided here.
    :param handover: of a delivery: who reports on it from here on.
    :param in_doubt: the connection was lost behind the end of the message: it
        may have been delivered.
    """

    code: int
    enhanced: str
    text: str
    host: str = ""
    handover: Handover = Handover.FINAL
    in_doubt: bool = False

    @property
    def delivered(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


class RecipientState(StrEnum):
    """Where one recipient of a queued message stands."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """
    A recipient of a message in the queue.

    :param attempts: how many delivery attempts were made.
    :param last_reply: what the last attempt brought, as ``str()`` of its
        :class:`Outcome`; before the first one empty, or why there is none.
    :param reported: the events that its sender was told of.
    :param next_attempt: when it may be tried; wall clock, seconds since the
        epoch. Zero: with the message.
    :param in_doubt: whether the last attempt left in doubt what became of it.
    """

    recipient: Recipient
    state: RecipientState = RecipientState.QUEUED
    attempts: int = 0
    last_reply: str = ""
    reported: frozenset[Notify] = frozenset()
    next_attempt: float = 0.0
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """
    A message in the queue, without its content.

    :param id: the queue id that log lines, replies and commands name.
    :param arrived: when it was accepted; wall clock, seconds since the epoch.
    :param envelope: the envelope as it was accepted, with every recipient.
    :param recipients: the same recipients with their state.
    :param size: octets of the content.
    :param next_attempt: when it is due, and the first of its recipients; wall
        clock, seconds since the epoch.
    :param hold: whether it waits for an operator rather than for its time.
    :param clientid: the id of the client identity that submitted it (a keyed
        hash), empty without one; for the log.
    """

    id: str
    arrived: float
    envelope: Envelope
    recipients: tuple[QueuedRecipient, ...]
    size: int
    next_attempt: float
    hold: bool = False
    clientid: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What one attempt brought.

    :param queue_id: whose attempt it was.
    :param recipients: every recipient of the message with its new state.
    :param next_attempt: when to try again; wall clock, seconds since the epoch.
    :param hold: whether to keep the message for the operator.
    """

    queue_id: str
    recipients: tuple[QueuedRecipient, ...]
    next_attempt: float
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What an attempt has brought so far.

    :param queue_id: whose attempt it is.
    :param recipients: recipients with their new state, by their positions in
        the envelope.
    """

    queue_id: str
    recipients: Mapping[int, QueuedRecipient]

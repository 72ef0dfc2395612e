"""A queue entry, and a moment, as programs see them: the JSON form of ``mailext queue``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from mailext.message.headers import HeaderSection
from mailext.values import QueuedRecipient, QueueEntry

__all__ = [
    "EntryJson",
    "HeaderJson",
    "RecipientJson",
    "ShownEntryJson",
    "entry_as_json",
    "rfc3339",
    "shown_as_json",
]


class RecipientJson(TypedDict):
    """One recipient: where the copy goes, and where it stands."""

    address: str
    state: str
    attempts: int
    lastReply: str


class EntryJson(TypedDict):
    """One message in the queue. Times are RFC 3339 in UTC; the null reverse-path is empty."""

    id: str
    reversePath: str
    size: int
    arrived: str
    nextAttempt: str
    requiretls: str
    hold: bool
    recipients: list[RecipientJson]


class HeaderJson(TypedDict):
    """One header field, unfolded."""

    name: str
    value: str


class ShownEntryJson(EntryJson):
    """One message with its header section."""

    headers: list[HeaderJson]


def entry_as_json(entry: QueueEntry) -> EntryJson:
    """What ``queue list`` tells of a message."""
    return EntryJson(
        id=entry.id,
        reversePath=str(entry.envelope.reverse_path or ""),
        size=entry.size,
        arrived=rfc3339(entry.arrived),
        nextAttempt=rfc3339(entry.next_attempt),
        requiretls=entry.envelope.tls_demand.word,
        hold=entry.hold,
        recipients=[_recipient(queued) for queued in entry.recipients],
    )


def shown_as_json(entry: QueueEntry, headers: HeaderSection) -> ShownEntryJson:
    """What ``queue show`` tells of a message."""
    return ShownEntryJson(
        **entry_as_json(entry),
        headers=[_header(field) for _, field in headers],
    )


def _recipient(queued: QueuedRecipient) -> RecipientJson:
    return RecipientJson(
        address=str(queued.recipient.address),
        state=queued.state.value,
        attempts=queued.attempts,
        lastReply=queued.last_reply,
    )


def _header(field: bytes) -> HeaderJson:
    name, _, body = field.decode("utf-8", "replace").partition(":")
    return HeaderJson(name=name.rstrip(), value=body.replace("\r\n", "").strip())


def rfc3339(seconds: float) -> str:
    """A wall-clock time in UTC (RFC 3339), to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

"""Queued messages as rows, and rows as queued messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import Connection, RowMapping, Select, select

from mailext.storage.prepared import Row
from mailext.storage.schema import recipient
from mailext.values import (
    BodyType,
    Envelope,
    Mailbox,
    MailOptions,
    Notify,
    QueuedRecipient,
    QueueEntry,
    RcptOptions,
    Recipient,
    RecipientState,
    Ret,
    Settlement,
    TlsDemand,
)

__all__ = [
    "load_entries",
    "message_row",
    "recipient_rows",
    "rescheduled_row",
    "tried_recipient_rows",
]

# How many messages' recipients one statement asks for: a statement may not
# have any number of parameters.
_LOADED_TOGETHER = 500


def message_row(entry: QueueEntry, lease_until: float) -> Row:
    """The row of a new message."""
    envelope = entry.envelope
    options = envelope.options
    sender = envelope.reverse_path
    return {
        "id": entry.id,
        "arrived": entry.arrived,
        "size": entry.size,
        "clientid": entry.clientid,
        "sender_local_part": sender.local_part if sender else None,
        "sender_domain": sender.domain if sender else None,
        "declared_size": options.size,
        "body": options.body,
        "smtputf8": options.smtputf8,
        "auth": options.auth,
        "ret": options.ret,
        "envid": options.envid,
        "requiretls": options.requiretls,
        "tls_demand": int(envelope.tls_demand),
        "next_attempt": entry.next_attempt,
        "lease_until": lease_until,
        "hold": entry.hold,
    }


def recipient_rows(entry: QueueEntry) -> list[Row]:
    """The rows of a new message's recipients."""
    return [_recipient_row(entry.id, position, queued) for position, queued in enumerate(entry.recipients)]


def rescheduled_row(settlement: Settlement) -> Row:
    """What a settlement says of the message."""
    return {
        "queue_id": settlement.queue_id,
        "due": settlement.next_attempt,
        "to_hold": settlement.hold,
    }


def tried_recipient_rows(queue_id: str, recipients: Iterable[tuple[int, QueuedRecipient]]) -> list[Row]:
    """
    What an attempt says of recipients.

    :param recipients: each with its position in the envelope.
    """
    return [
        {
            "queue_id": queue_id,
            "at_position": position,
            "new_state": queued.state,
            "attempts_made": queued.attempts,
            "reply": queued.last_reply,
            "events_reported": _events_row(queued.reported),
            "recipient_due": queued.next_attempt,
            "doubtful": queued.in_doubt,
        }
        for position, queued in recipients
    ]


def load_entries(connection: Connection, messages: Select[tuple[object, ...]]) -> list[QueueEntry]:
    """
    :param messages: selects rows of messages, whole.
    :return: them with their recipients, in the order of the rows.
    """
    rows = connection.execute(messages).mappings().all()
    found: list[QueueEntry] = []
    for start in range(0, len(rows), _LOADED_TOGETHER):
        found += _with_recipients(connection, rows[start : start + _LOADED_TOGETHER])
    return found


def _recipient_row(queue_id: str, position: int, queued: QueuedRecipient) -> Row:
    address = queued.recipient.address
    original = queued.recipient.original
    options = queued.recipient.options
    return {
        "message_id": queue_id,
        "position": position,
        "local_part": address.local_part,
        "domain": address.domain,
        "original_local_part": original.local_part if original else None,
        "original_domain": original.domain if original else None,
        "notify": _events_row(options.notify),
        "orcpt": options.orcpt,
        "state": queued.state,
        "attempts": queued.attempts,
        "last_reply": queued.last_reply,
        "reported": _events_row(queued.reported),
        "next_attempt": queued.next_attempt,
        "in_doubt": queued.in_doubt,
    }


def _with_recipients(connection: Connection, rows: Sequence[RowMapping]) -> list[QueueEntry]:
    recipients = connection.execute(
        select(recipient)
        .where(recipient.c.message_id.in_([row["id"] for row in rows]))
        .order_by(recipient.c.message_id, recipient.c.position)
    ).mappings()
    by_message = {
        queue_id: tuple(map(_recipient_of, group))
        for queue_id, group in groupby(recipients, key=lambda row: str(row["message_id"]))
    }
    return [_entry_of(row, by_message.get(row["id"], ())) for row in rows]


def _entry_of(row: RowMapping, recipients: tuple[QueuedRecipient, ...]) -> QueueEntry:
    options = MailOptions(
        size=row["declared_size"],
        body=BodyType(row["body"]) if row["body"] else None,
        smtputf8=row["smtputf8"],
        auth=row["auth"],
        ret=Ret(row["ret"]) if row["ret"] else None,
        envid=row["envid"],
        requiretls=row["requiretls"],
    )
    envelope = Envelope(
        reverse_path=_mailbox(row["sender_local_part"], row["sender_domain"]),
        recipients=tuple(queued.recipient for queued in recipients),
        options=options,
        tls_demand=TlsDemand(row["tls_demand"]),
    )
    return QueueEntry(
        id=row["id"],
        arrived=row["arrived"],
        envelope=envelope,
        recipients=recipients,
        size=row["size"],
        next_attempt=row["next_attempt"],
        hold=row["hold"],
        clientid=row["clientid"],
    )


def _recipient_of(row: RowMapping) -> QueuedRecipient:
    return QueuedRecipient(
        recipient=Recipient(
            address=Mailbox(row["local_part"], row["domain"]),
            options=RcptOptions(notify=_events_of(row["notify"]), orcpt=row["orcpt"]),
            original=_mailbox(row["original_local_part"], row["original_domain"]),
        ),
        state=RecipientState(row["state"]),
        attempts=row["attempts"],
        last_reply=row["last_reply"],
        reported=_events_of(row["reported"]),
        next_attempt=row["next_attempt"],
        in_doubt=row["in_doubt"],
    )


def _events_row(events: frozenset[Notify]) -> str:
    return ",".join(sorted(events))


def _events_of(row: str) -> frozenset[Notify]:
    return frozenset(Notify(value) for value in row.split(",") if value)


def _mailbox(local_part: str | None, domain: str | None) -> Mailbox | None:
    if local_part is None or domain is None:
        return None
    return Mailbox(local_part, domain)

"""
The statements about queued messages: functions on a connection, each one
transaction's worth, and the bulk changes of the hot path.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection, RowMapping, Select, bindparam, case, func, select, update

from mailext.storage.schema import content, message, recipient
from mailext.storage.transactions import Row
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
    "ADD_LARGE",
    "ADD_SMALL",
    "REMOVE",
    "RESCHEDULE",
    "claim_due",
    "entries",
    "find_entry",
    "hold",
    "message_row",
    "messages_without_row_content",
    "next_due",
    "read_small_content",
    "recipient_rows",
    "release",
    "release_leases",
    "rescheduled_recipient_rows",
    "rescheduled_row",
]

#: A message with its content in a file: rows of message and of its recipients.
ADD_LARGE = (message.insert(), recipient.insert())

#: The same with the content in a row of its own.
ADD_SMALL = (*ADD_LARGE, content.insert())

#: A message leaves, with its recipients and its small content.
REMOVE = (message.delete().where(message.c.id == bindparam("queue_id")),)

#: An attempt is settled and the message stays. An operator's hold stays too.
RESCHEDULE = (
    update(message)
    .where(message.c.id == bindparam("queue_id"))
    .values(
        next_attempt=bindparam("due"),
        lease_until=0.0,
        hold=case((bindparam("to_hold"), True), else_=message.c.hold),
    ),
    update(recipient)
    .where(
        recipient.c.message_id == bindparam("queue_id"),
        recipient.c.position == bindparam("at_position"),
    )
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("attempts_made"),
        last_reply=bindparam("reply"),
        reported=bindparam("events_reported"),
    ),
)

# How many messages' recipients one statement asks for: a statement may not
# have any number of parameters.
_LOADED_TOGETHER = 500

_DUE = case(
    (message.c.lease_until > message.c.next_attempt, message.c.lease_until), else_=message.c.next_attempt
)


def claim_due(connection: Connection, now: float, lease_until: float, limit: int) -> list[QueueEntry]:
    """See :meth:`mailext.interfaces.IQueueStore.claimDue`."""
    due = (
        select(message)
        .where(~message.c.hold, message.c.next_attempt <= now, message.c.lease_until <= now)
        .order_by(message.c.next_attempt)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = _load(connection, due)
    if claimed:
        connection.execute(
            update(message)
            .where(message.c.id.in_([entry.id for entry in claimed]))
            .values(lease_until=lease_until)
        )
    return claimed


def next_due(connection: Connection) -> float | None:
    """See :meth:`mailext.interfaces.IQueueStore.nextDue`."""
    due: float | None = connection.scalar(select(func.min(_DUE)).where(~message.c.hold))
    return due


def release_leases(connection: Connection) -> None:
    """Give back the leases of a process that is no more."""
    connection.execute(update(message).where(message.c.lease_until > 0).values(lease_until=0.0))


def read_small_content(connection: Connection, queue_id: str) -> bytes | None:
    """:return: a content that is in a row, None if there is none."""
    return connection.scalar(select(content.c.data).where(content.c.message_id == queue_id))


def messages_without_row_content(connection: Connection) -> set[str]:
    """:return: the queue ids of the messages whose content is in a file."""
    with_row = select(content.c.message_id)
    return set(connection.scalars(select(message.c.id).where(message.c.id.not_in(with_row))))


def entries(connection: Connection) -> list[QueueEntry]:
    """:return: every message in the queue, the oldest first."""
    return _load(connection, select(message).order_by(message.c.arrived, message.c.id))


def find_entry(connection: Connection, queue_id: str) -> QueueEntry | None:
    """:return: the message of this queue id, None if there is none."""
    found = _load(connection, select(message).where(message.c.id == queue_id))
    return found[0] if found else None


def hold(connection: Connection, queue_id: str) -> bool:
    """
    Keep a message for the operator. An attempt under way is finished.

    :return: whether there is such a message.
    """
    statement = update(message).where(message.c.id == queue_id).values(hold=True)
    return connection.execute(statement).rowcount == 1


def release(connection: Connection, queue_id: str, now: float) -> bool:
    """
    Give a held message one more attempt at once, recipients that have failed
    included, unless that was reported. One that is not held is left alone.

    :param now: what counts as at once; seconds since the epoch.
    :return: whether there is such a message, and it was held.
    """
    released = connection.execute(
        update(message).where(message.c.id == queue_id, message.c.hold).values(hold=False, next_attempt=now)
    )
    if released.rowcount == 0:
        return False
    connection.execute(
        update(recipient)
        .where(
            recipient.c.message_id == queue_id,
            recipient.c.state == RecipientState.FAILED.value,
            recipient.c.reported.not_like(f"%{Notify.FAILURE}%"),
        )
        .values(state=RecipientState.QUEUED.value)
    )
    return True


def message_row(entry: QueueEntry) -> Row:
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
        "lease_until": 0.0,
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


def rescheduled_recipient_rows(settlement: Settlement) -> list[Row]:
    """What a settlement says of the recipients."""
    return [
        {
            "queue_id": settlement.queue_id,
            "at_position": position,
            "new_state": queued.state,
            "attempts_made": queued.attempts,
            "reply": queued.last_reply,
            "events_reported": _events_row(queued.reported),
        }
        for position, queued in enumerate(settlement.recipients)
    ]


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
    }


def _load(connection: Connection, messages: Select[tuple[object, ...]]) -> list[QueueEntry]:
    rows = connection.execute(messages).mappings().all()
    found: list[QueueEntry] = []
    for start in range(0, len(rows), _LOADED_TOGETHER):
        found += _with_recipients(connection, rows[start : start + _LOADED_TOGETHER])
    return found


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
    )


def _events_row(events: frozenset[Notify]) -> str:
    return ",".join(sorted(events))


def _events_of(row: str) -> frozenset[Notify]:
    return frozenset(Notify(value) for value in row.split(",") if value)


def _mailbox(local_part: str | None, domain: str | None) -> Mailbox | None:
    if local_part is None or domain is None:
        return None
    return Mailbox(local_part, domain)

"""
The statements of the queue's own work: the bulk changes of its hot path, and
functions on a connection, each one transaction's worth.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, select, update

from mailext.storage.message_rows import load_entries
from mailext.storage.schema import content, message, recipient
from mailext.values import QueueEntry

__all__ = [
    "ADD_LARGE",
    "ADD_SMALL",
    "RECORD",
    "REMOVE",
    "RESCHEDULE",
    "bring_forward",
    "claim_due",
    "messages_without_row_content",
    "next_due",
    "read_small_content",
    "release_leases",
]

#: A message with its content in a file: rows of message and of its recipients.
ADD_LARGE = (message.insert(), recipient.insert())

#: The same with the content in a row of its own.
ADD_SMALL = (*ADD_LARGE, content.insert())

#: A message leaves, with its recipients and its small content.
REMOVE = (message.delete().where(message.c.id == bindparam("queue_id")),)

#: What an attempt has brought some recipients, while it goes on.
RECORD = (
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
        next_attempt=bindparam("recipient_due"),
        in_doubt=bindparam("doubtful"),
    ),
)

#: An attempt is settled and the message stays. An operator's hold stays too.
RESCHEDULE = (
    update(message)
    .where(message.c.id == bindparam("queue_id"))
    .values(
        next_attempt=bindparam("due"),
        lease_until=0.0,
        hold=case((bindparam("to_hold"), True), else_=message.c.hold),
    ),
    *RECORD,
)

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
    claimed = load_entries(connection, due)
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


def bring_forward(connection: Connection, latest: float) -> None:
    """See :meth:`mailext.interfaces.IQueueStore.bringForward`."""
    for table in (message, recipient):
        connection.execute(update(table).where(table.c.next_attempt > latest).values(next_attempt=latest))


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

"""
The statements of what an operator asks of the queue: functions on a
connection, each one transaction's worth.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from mailext.queue.figures import QueueFigures
from mailext.storage.errors import NoMessageError
from mailext.storage.message_rows import load_entries
from mailext.storage.schema import message, recipient
from mailext.values import Notify, QueueEntry, RecipientState, TlsDemand

__all__ = [
    "QueueSelection",
    "Retried",
    "count",
    "demand_tls",
    "drop",
    "entries",
    "figures",
    "find_entry",
    "hold",
    "release",
    "retry",
]


@dataclass(frozen=True, slots=True)
class QueueSelection:
    """
    Which messages are asked for.

    :param limit: how many at most; None for all.
    :param held: only those on hold.
    :param domain: only those that some recipient of this domain still waits
        for, or has failed to get.
    """

    limit: int | None = None
    held: bool = False
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """
    Messages that are to be tried at once.

    :param queue_ids: the oldest message first.
    :param domains: where their recipients are.
    """

    queue_ids: list[str]
    domains: frozenset[str]


def entries(connection: Connection, selection: QueueSelection) -> list[QueueEntry]:
    """:return: the messages, the oldest first."""
    chosen = select(message.c.id)
    if selection.held:
        chosen = chosen.where(message.c.hold)
    if selection.domain is not None:
        unserved = select(recipient.c.message_id).where(
            recipient.c.state != RecipientState.DELIVERED.value,
            func.lower(recipient.c.domain) == selection.domain.lower(),
        )
        chosen = chosen.where(message.c.id.in_(unserved))
    if selection.limit is not None:
        # A queue id begins with the second of its making: the first ones are
        # the oldest, and need not be looked for among all.
        chosen = chosen.order_by(message.c.id).limit(selection.limit)
    oldest_first = (message.c.arrived, message.c.id)
    return load_entries(connection, select(message).where(message.c.id.in_(chosen)).order_by(*oldest_first))


def figures(connection: Connection) -> QueueFigures:
    """How much there is, and how old."""
    count, held, oldest = connection.execute(
        select(func.count(), func.count().filter(message.c.hold), func.min(message.c.arrived))
    ).one()
    return QueueFigures(count, held, oldest)


def count(connection: Connection) -> int:
    """How many messages there are."""
    return connection.execute(select(func.count()).select_from(message)).scalar_one()


def find_entry(connection: Connection, queue_id: str) -> QueueEntry | None:
    """:return: the message of this queue id, None if there is none."""
    found = load_entries(connection, select(message).where(message.c.id == queue_id))
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
    Let a held message go: who waits is tried at once. Where nobody waits it was
    held for its failures, and those that were not reported are tried again.

    :param now: what counts as at once; seconds since the epoch.
    :return: whether there is such a message, and it was held.
    """
    released = connection.execute(
        update(message).where(message.c.id == queue_id, message.c.hold).values(hold=False, next_attempt=now)
    )
    if released.rowcount == 0:
        return False
    waiting = update(recipient).where(
        recipient.c.message_id == queue_id, recipient.c.state == RecipientState.QUEUED.value
    )
    if connection.execute(waiting.values(next_attempt=0.0)).rowcount == 0:
        connection.execute(
            update(recipient)
            .where(
                recipient.c.message_id == queue_id,
                recipient.c.state == RecipientState.FAILED.value,
                recipient.c.reported.not_like(f"%{Notify.FAILURE}%"),
            )
            .values(state=RecipientState.QUEUED.value, next_attempt=0.0)
        )
    return True


def retry(connection: Connection, queue_id: str | None, now: float) -> Retried:
    """
    Let messages that wait for their time be tried at once. What is on hold
    stays there, and what is under way is left alone.

    :param queue_id: None for all of them.
    :param now: what counts as at once; seconds since the epoch.
    """
    chosen = [~message.c.hold] if queue_id is None else [~message.c.hold, message.c.id == queue_id]
    waiting = (
        recipient.c.message_id.in_(select(message.c.id).where(*chosen)),
        recipient.c.state == RecipientState.QUEUED.value,
    )
    oldest_first = select(message.c.id).where(*chosen).order_by(message.c.arrived, message.c.id)
    retried = Retried(
        list(connection.scalars(oldest_first)),
        frozenset(connection.scalars(select(recipient.c.domain).where(*waiting).distinct())),
    )
    connection.execute(update(recipient).where(*waiting).values(next_attempt=0.0))
    connection.execute(update(message).where(*chosen).values(next_attempt=now))
    return retried


def drop(connection: Connection, queue_id: str) -> QueueEntry:
    """
    Remove a message.

    :return: what it was.
    :raise NoMessageError: if there is no such message.
    """
    entry = _known_entry(connection, queue_id)
    connection.execute(message.delete().where(message.c.id == queue_id))
    return entry


def demand_tls(connection: Connection, queue_id: str, demand: TlsDemand) -> QueueEntry:
    """
    Change what a message demands of its path.

    :return: what it was.
    :raise NoMessageError: if there is no such message.
    """
    entry = _known_entry(connection, queue_id)
    connection.execute(
        update(message)
        .where(message.c.id == queue_id)
        .values(tls_demand=int(demand), requiretls=demand is TlsDemand.REQUIRE)
    )
    return entry


def _known_entry(connection: Connection, queue_id: str) -> QueueEntry:
    entry = find_entry(connection, queue_id)
    if entry is None:
        raise NoMessageError(f"there is no message {queue_id} in the queue")
    return entry

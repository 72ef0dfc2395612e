"""The durable queue, and the operator's questions about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IContentWriter, IQueueStore
from mailext.message.headers import HeaderSection
from mailext.queue.content import read_headers
from mailext.storage import messages
from mailext.storage.content import ContentFolder, ContentWriter, FileRemoval, NewFile
from mailext.storage.transactions import BulkChange, Transactions
from mailext.values import QueueEntry, RecipientState, Settlement

__all__ = ["QueueAdmin", "SqlQueueStore"]


@implementer(IQueueStore)
class SqlQueueStore:
    """
    The queue in a database, large contents in files beside it.

    :param transactions: what runs its operations.
    :param folder: where large contents are.
    """

    def __init__(self, transactions: Transactions, folder: ContentFolder) -> None:
        self._transactions = transactions
        self._folder = folder

    def openContent(self) -> IContentWriter:
        """See :meth:`mailext.interfaces.IQueueStore.openContent`."""
        return self._folder.new_writer()

    def add(self, entry: QueueEntry, content: IContentWriter) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.add`."""
        if not isinstance(content, ContentWriter):
            raise TypeError("the content was not opened by this store")
        message = [messages.message_row(entry)]
        recipients = messages.recipient_rows(entry)
        if content.is_small:
            data = [{"message_id": entry.id, "data": content.getvalue()}]
            change = BulkChange(messages.ADD_SMALL, (message, recipients, data))
        else:
            files = NewFile(self._folder, content, entry.id)
            change = BulkChange(messages.ADD_LARGE, (message, recipients), files)
        return self._transactions.change(change)

    def claimDue(self, now: float, leaseUntil: float, limit: int) -> Deferred[list[QueueEntry]]:
        """See :meth:`mailext.interfaces.IQueueStore.claimDue`."""
        return self._transactions.write(
            partial(messages.claim_due, now=now, lease_until=leaseUntil, limit=limit)
        )

    def nextDue(self) -> Deferred[float | None]:
        """See :meth:`mailext.interfaces.IQueueStore.nextDue`."""
        return self._transactions.read(messages.next_due)

    def readContent(self, entry: QueueEntry) -> Deferred[Iterator[bytes]]:
        """See :meth:`mailext.interfaces.IQueueStore.readContent`."""
        return self._transactions.read(partial(_read_content, folder=self._folder, queue_id=entry.id))

    def settle(self, settlement: Settlement) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.settle`."""
        waits = any(queued.state is RecipientState.QUEUED for queued in settlement.recipients)
        if waits or settlement.hold:
            rows = (
                [messages.rescheduled_row(settlement)],
                messages.rescheduled_recipient_rows(settlement),
            )
            return self._transactions.change(BulkChange(messages.RESCHEDULE, rows))
        removal = FileRemoval(self._folder, settlement.queue_id)
        rows_removed = ([{"queue_id": settlement.queue_id}],)
        return self._transactions.change(BulkChange(messages.REMOVE, rows_removed, removal))


class QueueAdmin:
    """
    What an operator asks of the queue.

    :param transactions: what runs its operations.
    :param folder: where large contents are.
    """

    def __init__(self, transactions: Transactions, folder: ContentFolder) -> None:
        self._transactions = transactions
        self._folder = folder

    def entries(self) -> Deferred[list[QueueEntry]]:
        """:return: a Deferred of every message in the queue, the oldest first."""
        return self._transactions.read(messages.entries)

    def show(self, queue_id: str) -> Deferred[tuple[QueueEntry, HeaderSection] | None]:
        """
        :return: a Deferred of a message and its header section, None if there
            is no such message.
        """
        return self._transactions.read(partial(_show, folder=self._folder, queue_id=queue_id))

    def hold(self, queue_id: str) -> Deferred[bool]:
        """
        Keep a message for the operator. An attempt under way is finished.

        :return: a Deferred of whether there is such a message.
        """
        return self._transactions.write(partial(messages.hold, queue_id=queue_id))

    def release(self, queue_id: str, now: float) -> Deferred[bool]:
        """
        Give a held message one more attempt at once, recipients that have
        failed included, unless that was reported. The queue manager wants to be
        woken then.

        :param now: seconds since the epoch.
        :return: a Deferred of whether there is such a message, and it was held.
        """
        return self._transactions.write(partial(messages.release, queue_id=queue_id, now=now))


def _read_content(connection: Connection, folder: ContentFolder, queue_id: str) -> Iterator[bytes]:
    small = messages.read_small_content(connection, queue_id)
    return folder.read(queue_id) if small is None else iter((small,))


def _show(
    connection: Connection, folder: ContentFolder, queue_id: str
) -> tuple[QueueEntry, HeaderSection] | None:
    entry = messages.find_entry(connection, queue_id)
    if entry is None:
        return None
    headers, _ = read_headers(_read_content(connection, folder, queue_id))
    return entry, headers

"""The durable queue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailext.interfaces import IContentWriter, IQueueStore
from mailext.storage import messages
from mailext.storage.content import ContentFolder, ContentWriter, FileRemoval, NewFile
from mailext.storage.message_rows import message_row, recipient_rows, rescheduled_row, tried_recipient_rows
from mailext.storage.recent import RecentContents
from mailext.storage.transactions import BulkChange, Transactions
from mailext.values import Progress, QueueEntry, RecipientState, Settlement

__all__ = ["SqlQueueStore", "read_content"]


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
        self._recent = RecentContents()

    def openContent(self) -> IContentWriter:
        """See :meth:`mailext.interfaces.IQueueStore.openContent`."""
        return self._folder.new_writer()

    def add(self, entry: QueueEntry, content: IContentWriter, leaseUntil: float = 0.0) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.add`."""
        if not isinstance(content, ContentWriter):
            raise TypeError("the content was not opened by this store")
        message = [message_row(entry, leaseUntil)]
        recipients = recipient_rows(entry)
        if content.is_small:
            value = content.getvalue()
            data = [{"message_id": entry.id, "data": value}]
            change = BulkChange(messages.ADD_SMALL, (message, recipients, data))
            if leaseUntil:
                # It is about to be read.
                self._recent.put(entry.id, value)
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
        recent = self._recent.take(entry.id)
        if recent is not None:
            return succeed(iter((recent,)))
        return self._transactions.read(partial(read_content, folder=self._folder, queue_id=entry.id))

    def settle(self, settlement: Settlement) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.settle`."""
        queue_id = settlement.queue_id
        waits = any(queued.state is RecipientState.QUEUED for queued in settlement.recipients)
        if waits or settlement.hold:
            recipients = tried_recipient_rows(queue_id, enumerate(settlement.recipients))
            return self._transactions.change(
                BulkChange(messages.RESCHEDULE, ([rescheduled_row(settlement)], recipients))
            )
        removal = FileRemoval(self._folder, queue_id)
        return self._transactions.change(BulkChange(messages.REMOVE, ([{"queue_id": queue_id}],), removal))

    def record(self, progress: Progress) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.record`."""
        recipients = tried_recipient_rows(progress.queue_id, progress.recipients.items())
        return self._transactions.change(BulkChange(messages.RECORD, (recipients,)))

    def bringForward(self, latest: float) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IQueueStore.bringForward`."""
        return self._transactions.write(partial(messages.bring_forward, latest=latest))


def read_content(connection: Connection, folder: ContentFolder, queue_id: str) -> Iterator[bytes]:
    """
    :return: the chunks of a message's content.
    :raise OSError: if there is none.
    """
    small = messages.read_small_content(connection, queue_id)
    return folder.read(queue_id) if small is None else iter((small,))

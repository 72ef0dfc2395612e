"""The queue for its operator."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from mailext.message.headers import HeaderSection
from mailext.queue.content import read_headers
from mailext.queue.figures import QueueFigures
from mailext.storage import operating
from mailext.storage.content import ContentFolder, FileRemoval
from mailext.storage.operating import QueueSelection, Retried
from mailext.storage.queue import read_content
from mailext.storage.transactions import Transactions
from mailext.values import QueueEntry, TlsDemand

__all__ = ["EVERYTHING", "QueueAdmin"]

#: Selects every message in the queue.
EVERYTHING = QueueSelection()


class QueueAdmin:
    """
    What an operator asks of the queue.

    :param transactions: what runs its operations.
    :param folder: where large contents are.
    """

    def __init__(self, transactions: Transactions, folder: ContentFolder) -> None:
        self._transactions = transactions
        self._folder = folder

    def entries(self, selection: QueueSelection = EVERYTHING) -> Deferred[list[QueueEntry]]:
        """:return: a Deferred of the messages in the queue, the oldest first."""
        return self._transactions.read(partial(operating.entries, selection=selection))

    def figures(self) -> Deferred[QueueFigures]:
        """:return: a Deferred of how much there is, and how old."""
        return self._transactions.read(operating.figures)

    def count(self) -> Deferred[int]:
        """:return: a Deferred of how many messages there are."""
        return self._transactions.read(operating.count)

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
        return self._transactions.write(partial(operating.hold, queue_id=queue_id))

    def release(self, queue_id: str, now: float) -> Deferred[bool]:
        """
        Let a held message go: who waits is tried at once. Where nobody waits it
        was held for its failures, and those that were not reported are tried
        again. The queue manager wants to be woken then.

        :param now: seconds since the epoch.
        :return: a Deferred of whether there is such a message, and it was held.
        """
        return self._transactions.write(partial(operating.release, queue_id=queue_id, now=now))

    def retry(self, queue_id: str | None, now: float) -> Deferred[Retried]:
        """
        Let messages that wait for their time be tried at once. What is on hold
        stays there, and what is under way is left alone. The queue manager
        wants to be woken then.

        :param queue_id: None for all of them.
        :param now: seconds since the epoch.
        :return: a Deferred of the :class:`~mailext.storage.operating.Retried`.
        """
        return self._transactions.write(partial(operating.retry, queue_id=queue_id, now=now))

    def drop(self, queue_id: str) -> Deferred[QueueEntry]:
        """
        Remove a message with its content. What comes of an attempt under way is
        not recorded any more.

        :return: a Deferred of what it was; it fails with
            :class:`~mailext.storage.errors.NoMessageError` if there is no such
            message.
        """
        removal = FileRemoval(self._folder, queue_id)
        return self._transactions.write(partial(operating.drop, queue_id=queue_id), removal)

    def demand_tls(self, queue_id: str, demand: TlsDemand) -> Deferred[QueueEntry]:
        """
        Change what a message demands of its path, from its next attempt on.

        :return: a Deferred of what it was; it fails with
            :class:`~mailext.storage.errors.NoMessageError` if there is no such
            message.
        """
        return self._transactions.write(partial(operating.demand_tls, queue_id=queue_id, demand=demand))


def _show(
    connection: Connection, folder: ContentFolder, queue_id: str
) -> tuple[QueueEntry, HeaderSection] | None:
    entry = operating.find_entry(connection, queue_id)
    if entry is None:
        return None
    headers, _ = read_headers(read_content(connection, folder, queue_id))
    return entry, headers

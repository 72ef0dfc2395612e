"""The durable queue."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from mailext.values import Progress, QueueEntry, Settlement

__all__ = ["IContentWriter", "IQueueStore"]


class IContentWriter(Interface):
    """Content on its way into the queue's store."""

    size: int = Attribute("int: octets written so far.")

    def write(data: bytes) -> None:
        """
        Append to the content.

        :param data: bytes.
        :raise OSError: if the disk refuses it; the content is then discarded.
        """

    def discard() -> None:
        """Forget the content. Safe to call twice, or after an error."""


class IQueueStore(Interface):
    """
    The durable queue. Every method that returns a Deferred fires it in the
    reactor's thread once the change is on stable storage.
    """

    def openContent() -> IContentWriter:
        """:return: a new :class:`IContentWriter`."""

    def add(entry: QueueEntry, content: IContentWriter, leaseUntil: float = 0.0) -> Deferred[None]:
        """
        Put a message into the queue: entry and content, or neither.

        :param entry: a :class:`~mailext.values.QueueEntry`.
        :param content: the :class:`IContentWriter` that holds its content.
        :param leaseUntil: until when it is leased from the beginning, and not
            to be claimed.
        :return: a Deferred of None.
        """

    def claimDue(now: float, leaseUntil: float, limit: int) -> Deferred[list[QueueEntry]]:
        """
        Lease messages whose next attempt is due and that nobody else holds.

        :param now: wall clock, seconds since the epoch.
        :param leaseUntil: when the lease lapses if nothing is settled.
        :param limit: how many at most.
        :return: a Deferred of a list of QueueEntry.
        """

    def nextDue() -> Deferred[float | None]:
        """
        :return: a Deferred of the earliest time at which :meth:`claimDue` would
            find something, wall clock, seconds since the epoch; None if
            nothing waits.
        """

    def readContent(entry: QueueEntry) -> Deferred[Iterator[bytes]]:
        """:return: a Deferred of an iterator over the content's chunks of bytes."""

    def settle(settlement: Settlement) -> Deferred[None]:
        """
        Record the outcomes of an attempt and give the lease back. A message
        with no recipient left to serve leaves the queue with its content,
        unless the settlement holds it.

        :param settlement: a :class:`~mailext.values.Settlement`.
        :return: a Deferred of None.
        """

    def record(progress: Progress) -> Deferred[None]:
        """
        Record what an attempt has brought so far. It goes on: the lease stays.

        :param progress: a :class:`~mailext.values.Progress`.
        :return: a Deferred of None.
        """

    def bringForward(latest: float) -> Deferred[None]:
        """
        Let nothing wait longer than until then.

        :param latest: wall clock, seconds since the epoch.
        :return: a Deferred of None.
        """

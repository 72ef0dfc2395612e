"""The queue as a worker sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.target import new_entry
from mailext.values import Envelope, Mailbox, Outcome, QueueEntry
from mailext.workers.channel import Channel
from mailext.workers.messages import AbortDelivery, CommitDelivery, DeliveryPart, OpenDelivery

__all__ = ["DistantQueue"]


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class DistantQueue:
    """
    Hands messages on to the queue of the main process. As
    :class:`~mailext.queue.target.QueueTarget` for whoever goes past it.

    :param numbers: by which the two processes know messages under way.
    """

    channel: Channel
    ids: Callable[[], str]
    clock: QueueClock
    clientid: str = ""
    numbers: Iterator[int] = field(default_factory=count)

    def submitted_by(self, clientid: str) -> DistantQueue:
        """See :meth:`mailext.queue.target.QueueTarget.submitted_by`."""
        return replace(self, clientid=clientid)

    def entry(self, envelope: Envelope, size: int) -> QueueEntry:
        """See :meth:`mailext.queue.target.QueueTarget.entry`."""
        return new_entry(envelope, size, self.ids(), self.clock, self.clientid)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        number = next(self.numbers)
        self.channel.tell(OpenDelivery(number, envelope, headers, self.clientid))
        return _DistantDelivery(self.channel, number)


@implementer(IDelivery)
class _DistantDelivery:
    """One message on its way to the main process."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._number = number

    def write(self, data: bytes) -> Deferred[None] | None:
        """See :meth:`mailext.interfaces.IDelivery.write`."""
        self._channel.tell(DeliveryPart(self._number, data))
        return self._channel.room()

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        return self._channel.ask(CommitDelivery(self._number))

    def abort(self) -> None:
        """See :meth:`mailext.interfaces.IDelivery.abort`."""
        self._channel.tell(AbortDelivery(self._number))

"""
The way past the queue, for a message that goes into one mailbox of this host.

The queue is for mail that has to wait. A message that is in the mailbox of its
only recipient before its client has the reply is safe without a place in it: one
sync takes the place of two, and nothing has to be recorded. Whatever keeps a small
one from the mailbox, it goes into the queue then, as if nobody had tried. A large
one is written once, into the mailbox's own file; of what keeps it from there its
client hears, who has the message still. See docs/reasons/performance.rst for what
this gains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.events import log_accepted, log_attempt, log_done
from mailext.values import (
    Envelope,
    Mailbox,
    Notify,
    Outcome,
    QueuedRecipient,
    QueueEntry,
    RecipientState,
    Settlement,
)

__all__ = ["Queue", "ShortcutTarget"]

# A body up to this size, in octets, is kept in memory for both ways.
_SMALL = 65536


class Queue(Protocol):
    """The queue, as whoever goes past it needs it: see :class:`mailext.queue.target.QueueTarget`."""

    @property
    def clock(self) -> QueueClock: ...

    def submitted_by(self, clientid: str) -> Queue: ...

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery: ...

    def entry(self, envelope: Envelope, size: int) -> QueueEntry: ...


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class ShortcutTarget:
    """
    Before the queue: takes messages past it.

    :param queue: for every message that has no shortcut.
    :param mailboxes: where the shortcut leads.
    :param has_mailbox: whether an address is that of a mailbox there, and the
        way to it is quick.
    """

    queue: Queue
    mailboxes: IDeliveryTarget
    has_mailbox: Callable[[Mailbox], bool]

    def submitted_by(self, clientid: str) -> ShortcutTarget:
        """See :meth:`mailext.queue.target.QueueTarget.submitted_by`."""
        return replace(self, queue=self.queue.submitted_by(clientid))

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        if not self._has_shortcut(envelope):
            return self.queue.startDelivery(envelope, headers)
        short = partial(_ShortDelivery, self, envelope, headers)
        delivery = self.mailboxes.startDelivery(envelope, headers)
        return delivery.addCallback(short) if isinstance(delivery, Deferred) else short(delivery)

    def _has_shortcut(self, envelope: Envelope) -> bool:
        if len(envelope.recipients) != 1:
            # One may be served and another not: that has to be recorded.
            return False
        (recipient,) = envelope.recipients
        # The queue reports on deliveries.
        return Notify.SUCCESS not in recipient.options.notify and self.has_mailbox(recipient.address)


@implementer(IDelivery)
class _ShortDelivery:
    """One message on its way past the queue, or into it."""

    def __init__(
        self, target: ShortcutTarget, envelope: Envelope, headers: HeaderSection, mailbox: IDelivery
    ) -> None:
        self._target = target
        self._envelope = envelope
        self._headers = headers
        self._mailbox = mailbox
        self._size = 0
        # The body, while it is small.
        self._body: list[bytes] = []
        self.abort = mailbox.abort

    def write(self, data: bytes) -> Deferred[None] | None:
        """See :meth:`mailext.interfaces.IDelivery.write`."""
        self._size += len(data)
        if self._size <= _SMALL:
            self._body.append(data)
        else:
            self._body.clear()
        return self._mailbox.write(data)

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        entry = self._target.queue.entry(self._envelope, len(bytes(self._headers)) + self._size)
        return self._mailbox.commit().addCallback(self._settled, entry)

    def _settled(
        self, outcomes: Mapping[Mailbox, Outcome], entry: QueueEntry
    ) -> Mapping[Mailbox, Outcome] | Deferred[Mapping[Mailbox, Outcome]]:
        ((address, outcome),) = outcomes.items()
        if outcome.delivered:
            self._log(entry, outcomes)
            return {address: Outcome(250, "2.0.0", f"Ok: delivered as {entry.id}")}
        return outcomes if self._size > _SMALL else self._into_the_queue()

    def _into_the_queue(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        queued = self._target.queue.startDelivery(self._envelope, self._headers)
        for part in self._body:
            queued.write(part)
        return queued.commit()

    def _log(self, entry: QueueEntry, outcomes: Mapping[Mailbox, Outcome]) -> None:
        delivered = tuple(
            QueuedRecipient(recipient, RecipientState.DELIVERED, attempts=1)
            for recipient in self._envelope.recipients
        )
        settlement = Settlement(entry.id, delivered, entry.next_attempt)
        log_accepted(entry)
        log_attempt(entry, outcomes, settlement)
        log_done(entry, settlement, self._target.queue.clock.wall())

"""The queue as a delivery target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import IContentWriter, IDelivery, IDeliveryTarget, IQueueStore
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.events import log_accepted
from mailext.queue.intake import NOT_LEASED, Intake
from mailext.values import BodyType, Envelope, Mailbox, Outcome, QueuedRecipient, QueueEntry

__all__ = ["QueueTarget", "new_entry"]

_log = Logger()

# Trouble with storage is temporary, whatever it is.
_STORAGE_TROUBLE = Outcome(451, "4.3.0", "Requested action aborted: local error in processing")


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class QueueTarget:
    """
    Takes messages into the queue.

    :param store: where they are kept.
    :param ids: makes queue ids.
    :param clock: tells the time of their arrival.
    :param intake: takes the messages over that were added.
    :param clientid: the id of the client identity that submits (a keyed
        hash), empty without one; for the log.
    """

    store: IQueueStore
    ids: Callable[[], str]
    clock: QueueClock
    intake: Intake
    clientid: str = ""

    def submitted_by(self, clientid: str) -> QueueTarget:
        """The same queue for the messages of one client identity, named by its id."""
        return replace(self, clientid=clientid)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        delivery = _QueueDelivery(self, envelope, self.store.openContent())
        delivery.write(bytes(headers))
        return delivery

    def entry(self, envelope: Envelope, size: int) -> QueueEntry:
        """A new entry that is due at once."""
        return new_entry(envelope, size, self.ids(), self.clock, self.clientid)


def new_entry(envelope: Envelope, size: int, queue_id: str, clock: QueueClock, clientid: str) -> QueueEntry:
    """
    An entry that is due at once.

    :param size: octets of the content.
    :param clientid: see :class:`QueueTarget`.
    """
    return QueueEntry(
        id=queue_id,
        arrived=clock.wall(),
        envelope=envelope,
        recipients=tuple(QueuedRecipient(recipient) for recipient in envelope.recipients),
        size=size,
        next_attempt=clock.steady(),
        clientid=clientid,
    )


@implementer(IDelivery)
class _QueueDelivery:
    """One message on its way into the queue."""

    def __init__(self, target: QueueTarget, envelope: Envelope, content: IContentWriter) -> None:
        self._target = target
        self._envelope = envelope
        self._content = content
        self._is_ascii = True
        self._trouble: OSError | None = None

    def write(self, data: bytes) -> None:
        """See :meth:`mailext.interfaces.IDelivery.write`."""
        self._is_ascii = self._is_ascii and data.isascii()
        if self._trouble is None:
            try:
                self._content.write(data)
            except OSError as error:
                self._trouble = error

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        if self._trouble is not None:
            return fail(self._trouble).addErrback(self._refused)
        target = self._target
        envelope = self._envelope if self._is_ascii else _eight_bit(self._envelope)
        entry = target.entry(envelope, self._content.size)
        lease = target.intake.reserve()
        added = target.store.add(entry, self._content, lease)
        if lease == NOT_LEASED:
            return added.addCallbacks(lambda _: self._waits(entry), self._refused)
        return added.addCallbacks(lambda _: self._goes_on(entry), self._withdrawn)

    def abort(self) -> None:
        """See :meth:`mailext.interfaces.IDelivery.abort`."""
        self._content.discard()

    def _goes_on(self, entry: QueueEntry) -> Mapping[Mailbox, Outcome]:
        accepted = self._accepted(entry)
        self._target.intake.begin(entry)
        return accepted

    def _waits(self, entry: QueueEntry) -> Mapping[Mailbox, Outcome]:
        accepted = self._accepted(entry)
        self._target.intake.wake()
        return accepted

    def _accepted(self, entry: QueueEntry) -> Mapping[Mailbox, Outcome]:
        log_accepted(entry)
        return self._envelope.to_each(Outcome(250, "2.0.0", f"Ok: queued as {entry.id}"))

    def _withdrawn(self, failure: Failure) -> Mapping[Mailbox, Outcome]:
        self._target.intake.withdraw()
        return self._refused(failure)

    def _refused(self, failure: Failure) -> Mapping[Mailbox, Outcome]:
        _log.failure("A message could not be put into the queue", failure)
        self._content.discard()
        return self._envelope.to_each(_STORAGE_TROUBLE)


def _eight_bit(envelope: Envelope) -> Envelope:
    # RFC 6152 section 3: such octets go to nobody who does not take them,
    # whether whoever sent them said so or not.
    return replace(envelope, options=replace(envelope.options, body=BodyType.EIGHT_BIT_MIME))

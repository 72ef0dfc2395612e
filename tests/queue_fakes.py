"""A target that does as it is told, and a store that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailext.interfaces import IDelivery, IDeliveryTarget, IQueueStore
from mailext.message.headers import HeaderSection
from mailext.queue.intake import NoIntake
from mailext.values import Envelope, Mailbox, Outcome, Progress, QueueEntry, Settlement

DELIVERED = Outcome(250, "2.0.0", "Delivered")


@implementer(IDelivery)
@dataclass(eq=False)
class FakeDelivery:
    """One delivery as the target saw it."""

    envelope: Envelope
    headers: HeaderSection
    outcome: Callable[[Mailbox], Outcome]
    answers: Callable[[Mapping[Mailbox, Outcome]], Deferred[Mapping[Mailbox, Outcome]]]
    body: bytes = b""
    aborted: bool = False
    writing: Callable[[bytes], Deferred[None] | None] = lambda data: None

    def write(self, data: bytes) -> Deferred[None] | None:
        self.body += data
        return self.writing(data)

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        recipients = self.envelope.recipients
        return self.answers({each.address: self.outcome(each.address) for each in recipients})

    def abort(self) -> None:
        self.aborted = True

    @property
    def addresses(self) -> list[Mailbox]:
        return [recipient.address for recipient in self.envelope.recipients]


@implementer(IDeliveryTarget)
@dataclass(eq=False)
class FakeTarget:
    """
    Delivers at once unless told otherwise.

    :ivar outcomes: what each address brings, if not a delivery.
    :ivar refusal: what ``startDelivery`` raises.
    """

    outcomes: dict[Mailbox, Outcome] = field(default_factory=dict)
    refusal: Exception | None = None
    answers: Callable[[Mapping[Mailbox, Outcome]], Deferred[Mapping[Mailbox, Outcome]]] = succeed
    writing: Callable[[bytes], Deferred[None] | None] = lambda data: None
    deliveries: list[FakeDelivery] = field(default_factory=list)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        if self.refusal is not None:
            raise self.refusal
        delivery = FakeDelivery(
            envelope,
            headers,
            lambda address: self.outcomes.get(address, DELIVERED),
            self.answers,
            writing=self.writing,
        )
        self.deliveries.append(delivery)
        return delivery


@implementer(IQueueStore)
class FailingStore:
    """
    A store in front of the real one, where some calls fail.

    :ivar failures: how many calls of a method are still to fail.
    """

    def __init__(self, store: IQueueStore) -> None:
        self.store = store
        self.failures: dict[str, int] = {}
        self.openContent = store.openContent
        self.add = store.add
        self.nextDue = store.nextDue
        self.bringForward = store.bringForward

    def _fails(self, method: str) -> bool:
        self.failures[method] = left = self.failures.get(method, 0) - 1
        return left >= 0

    def claimDue(self, now: float, leaseUntil: float, limit: int) -> Deferred[list[QueueEntry]]:
        if self._fails("claimDue"):
            return fail(OSError("no descriptors"))
        return self.store.claimDue(now, leaseUntil, limit)

    def readContent(self, entry: QueueEntry) -> Deferred[Iterator[bytes]]:
        if self._fails("readContent"):
            return fail(OSError("no descriptors"))
        return self.store.readContent(entry)

    def settle(self, settlement: Settlement) -> Deferred[None]:
        if self._fails("settle"):
            return fail(OSError("disk full"))
        return self.store.settle(settlement)

    def record(self, progress: Progress) -> Deferred[None]:
        if self._fails("record"):
            return fail(OSError("disk full"))
        return self.store.record(progress)


class WakeOnly(NoIntake):
    """
    The intake of a manager that claims everything.

    :param wake: called when something may be due.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake

    def wake(self) -> None:
        self._wake()

"""A queue with its manager, targets that do as they are told, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mailext.interfaces import IDeliveryTarget
from mailext.queue.aftermath import HOLD_FAILURES, Aftermath
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import Deferral, Group
from mailext.queue.ids import QueueIds
from mailext.queue.manager import QueueManager
from mailext.queue.reporting import ReportFailures
from mailext.queue.schedule import RetrySchedule
from mailext.queue.target import QueueTarget
from mailext.storage.store import Store, open_store_offline
from mailext.values import Envelope, Mailbox, Outcome, QueuedRecipient, QueueEntry, Recipient
from tests.queue_fakes import FailingStore, FakeDelivery, FakeTarget, WakeOnly
from tests.queue_samples import CONTENT, entry_of, envelope_to, written
from tests.support import success_result_of

START = 1000.0

Way = IDeliveryTarget | Outcome | Callable[[], IDeliveryTarget | Deferral]


class Waiting:
    """Commits that wait until the test lets them go."""

    def __init__(self) -> None:
        self.deferreds: list[Deferred[Mapping[Mailbox, Outcome]]] = []
        self.outcomes: list[Mapping[Mailbox, Outcome]] = []

    def __call__(self, outcomes: Mapping[Mailbox, Outcome]) -> Deferred[Mapping[Mailbox, Outcome]]:
        deferred: Deferred[Mapping[Mailbox, Outcome]] = Deferred()
        self.deferreds.append(deferred)
        self.outcomes.append(outcomes)
        return deferred

    def let_go(self, number: int) -> None:
        self.deferreds[number].callback(self.outcomes[number])


@dataclass(frozen=True)
class Closed:
    """A gate that lets nobody pass."""

    deferral: Deferral

    def enter(self) -> Deferral:
        return self.deferral

    def leave(self) -> None:
        raise AssertionError("nobody was let in")


@dataclass
class ByDomain:
    """A dispatch: a way for each of some domains, in their order."""

    ways: dict[str, Way] = field(default_factory=dict)

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        groups = []
        for domain, way in self.ways.items():
            if together := tuple(each for each in recipients if each.address.domain == domain):
                found = way() if callable(way) else way
                if isinstance(found, Deferral):
                    groups.append(Group(together, FakeTarget(), Closed(found)))
                else:
                    groups.append(Group(together, found))
        return groups


class QueueSite:
    """
    :ivar home: where recipients go that the dispatch sends nowhere else.
    """

    def __init__(self, folder: Path) -> None:
        self.opened: Store = open_store_offline(folder)
        self.store = FailingStore(self.opened.queue)
        self.home = FakeTarget()
        self.dispatch = ByDomain()
        self.clock = Clock()
        self.clock.advance(START)
        self.queue_clock = QueueClock(self.clock, self.clock.seconds)
        self.schedule = RetrySchedule((300.0, 900.0), give_up_after=86400.0, jitter=0.0)
        self.aftermath: Aftermath = HOLD_FAILURES
        self.manager = self.new_manager()

    def new_manager(self) -> QueueManager:
        return QueueManager(
            self.store,
            self.home,
            self.schedule,
            self.queue_clock,
            Random(1),
            aftermath=self.aftermath,
            dispatch=self.dispatch,
        )

    def report_failures(self) -> None:
        """From now on failures are reported."""
        ids = QueueIds(self.clock.seconds, Random(1))
        queue = QueueTarget(self.store, ids, self.queue_clock, WakeOnly(self._wake))
        self.aftermath = ReportFailures(
            self.store, lambda: queue, lambda: "mx.example.org", ids, self.queue_clock, lambda: 86400.0
        )
        self.manager = self.new_manager()

    def _wake(self) -> None:
        self.manager.wake()

    def add(self, *addresses: Mailbox, queue_id: str = "m1", envelope: Envelope | None = None) -> None:
        entry = entry_of(queue_id, envelope or envelope_to(*addresses), arrived=self.clock.seconds())
        success_result_of(self.store.add(entry, written(self.store, CONTENT)))

    def entries(self) -> list[QueueEntry]:
        return success_result_of(self.opened.queue_admin.entries())

    def recipients(self) -> dict[Mailbox, QueuedRecipient]:
        """Those of the only message, as they are recorded."""
        [entry] = self.entries()
        return {queued.recipient.address: queued for queued in entry.recipients}

    @property
    def reports(self) -> list[FakeDelivery]:
        """The deliveries of what came back."""
        return [each for each in self.home.deliveries if each.envelope.reverse_path is None]

    def close(self) -> None:
        success_result_of(self.opened.close())

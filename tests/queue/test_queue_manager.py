"""The queue manager on a real store, with a target that does as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent
from twisted.mail.smtp import SMTPServerError
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget, IQueueStore
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.manager import QueueManager
from mailext.queue.schedule import RetrySchedule
from mailext.storage.store import Store, open_store_offline
from mailext.values import (
    Envelope,
    Mailbox,
    Outcome,
    QueueEntry,
    RecipientState,
    TlsDemand,
)
from tests.queue_fakes import FailingStore, FakeTarget
from tests.queue_samples import (
    ANN,
    BOB,
    CONTENT,
    entry_of,
    envelope_to,
    large_content,
    with_demand,
    written,
)
from tests.support import logged, success_result_of

DEFERRED = Outcome(451, "4.2.0", "Later")
FAILED = Outcome(550, "5.2.1", "Never")

START = 1000.0


class Site:
    """A queue with its manager, a target and a clock."""

    def __init__(self, directory: Path) -> None:
        self.opened: Store = open_store_offline(directory)
        self.store = FailingStore(self.opened.queue)
        self.target = FakeTarget()
        self.clock = Clock()
        self.clock.advance(START)
        self.monotonic = self.clock.seconds
        self.schedule = RetrySchedule((300.0, 900.0), give_up_after=86400.0, jitter=0.0)
        self.manager = self.new_manager()

    def new_manager(self, concurrency: int = 20) -> QueueManager:
        clock = QueueClock(self.clock, self._steady)
        return QueueManager(self.store, self.target, self.schedule, clock, Random(1), concurrency=concurrency)

    def add(self, queue_id: str, *addresses: Mailbox, content: tuple[bytes, ...] = (CONTENT,)) -> None:
        size = sum(map(len, content))
        entry = entry_of(queue_id, envelope_to(*addresses), size=size, arrived=self.clock.seconds())
        success_result_of(self.store.add(entry, written(self.store, *content)))

    def _steady(self) -> float:
        return self.monotonic()

    def entries(self) -> list[QueueEntry]:
        return success_result_of(self.opened.queue_admin.entries())

    def entry(self) -> QueueEntry:
        (entry,) = self.entries()
        return entry


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    success_result_of(site.opened.close())


def of_kind(events: list[LogEvent], kind: str) -> list[LogEvent]:
    return [event for event in events if event.get("event") == kind]


def test_the_fakes_keep_the_contracts(site: Site) -> None:
    verifyObject(IDeliveryTarget, site.target)
    verifyObject(IQueueStore, site.store)
    delivery = site.target.startDelivery(envelope_to(ANN), HeaderSection())
    verifyObject(IDelivery, delivery)


@pytest.mark.requirement("R4")
def test_what_is_due_is_delivered_and_leaves_the_queue(site: Site) -> None:
    envelope = with_demand(envelope_to(ANN, BOB), TlsDemand.OPTIONAL)
    success_result_of(site.store.add(entry_of("m1", envelope), written(site.store, CONTENT)))
    with logged() as events:
        site.manager.start()
    (delivery,) = site.target.deliveries
    assert delivery.envelope == envelope
    assert bytes(delivery.headers) + delivery.body == CONTENT
    assert site.entries() == []

    (attempt,) = of_kind(events, "attempt")
    assert (attempt["queueId"], attempt["requiretls"], attempt["clientid"]) == ("m1", "optional", "")
    assert (attempt["delivered"], attempt["deferred"], attempt["failed"]) == (2, 0, 0)
    assert attempt["replies"]["ann@example.org"] == "250 2.0.0 Delivered"
    (done,) = of_kind(events, "done")
    assert (done["queueId"], done["recipients"]) == ("m1", 2)


def test_what_is_added_later_is_delivered_when_the_manager_is_woken(site: Site) -> None:
    site.manager.start()
    site.add("m1", ANN)
    assert site.target.deliveries == []
    site.manager.wake()
    assert site.entries() == []


def test_only_deferred_recipients_are_tried_again_and_on_schedule(site: Site) -> None:
    site.add("m1", ANN, BOB)
    site.target.outcomes[BOB] = DEFERRED
    site.manager.start()
    site.clock.advance(299)
    assert len(site.target.deliveries) == 1
    site.clock.advance(1)
    site.clock.advance(899)
    assert [each.addresses for each in site.target.deliveries] == [[ANN, BOB], [BOB]]
    assert [queued.attempts for queued in site.entry().recipients] == [1, 2]
    del site.target.outcomes[BOB]
    site.clock.advance(1)
    assert len(site.target.deliveries) == 3
    assert site.entries() == []


def test_another_schedule_holds_from_the_next_attempt_on(site: Site) -> None:
    site.add("m1", ANN)
    site.target.outcomes[ANN] = DEFERRED
    site.manager.start()
    site.manager.reschedule(RetrySchedule((20.0,), give_up_after=86400.0, jitter=0.0))
    site.clock.advance(300)
    assert site.entry().next_attempt == site.clock.seconds() + 20


def test_what_was_claimed_before_the_schedule_changed_is_attempted(site: Site) -> None:
    claimed: Deferred[None] = Deferred()
    claim = site.store.claimDue
    site.store.claimDue = lambda *asked: claimed.addCallback(lambda _: claim(*asked))
    site.add("m1", ANN)
    site.manager.start()
    site.manager.reschedule(site.schedule)
    claimed.callback(None)
    assert site.entries() == []


def test_a_permanent_failure_waits_for_the_operator(site: Site) -> None:
    site.add("m1", ANN)
    site.target.outcomes[ANN] = FAILED
    with logged() as events:
        site.manager.start()
        site.clock.advance(7 * 86400)
    assert site.entry().hold
    assert [event["hold"] for event in of_kind(events, "attempt")] == [True]
    assert of_kind(events, "done") == []

    site.target.outcomes.clear()
    assert success_result_of(site.opened.queue_admin.release("m1", site.clock.seconds()))
    site.manager.wake()
    assert site.entries() == []


def test_what_expires_is_held(site: Site) -> None:
    site.add("m1", ANN)
    site.target.outcomes[ANN] = DEFERRED
    site.manager.start()
    for _ in range(100):
        site.clock.advance(900)
    assert site.entry().hold
    assert site.entry().recipients[0].state is RecipientState.FAILED
    tried = len(site.target.deliveries)
    site.clock.advance(86400)
    assert len(site.target.deliveries) == tried


@pytest.mark.parametrize(
    ("refusal", "reply", "held"),
    [
        (SMTPServerError(550, b"5.7.1 Not here"), "550 5.7.1 Not here", True),
        (SMTPServerError(552, "Too big"), "552 5.3.0 Too big", True),
        (SMTPServerError(450, b"Busy"), "450 4.3.0 Busy", False),
        (
            SMTPServerError(250, b"Odd"),
            "451 4.3.0 Requested action aborted: local error in processing",
            False,
        ),
        (OSError("disk full"), "451 4.3.0 Requested action aborted: local error in processing", False),
    ],
)
def test_a_target_that_refuses_the_whole_message(
    site: Site, refusal: Exception, reply: str, held: bool
) -> None:
    site.add("m1", ANN, BOB)
    site.target.refusal = refusal
    site.manager.start()
    assert {queued.last_reply for queued in site.entry().recipients} == {reply}
    assert site.entry().hold is held


def test_one_message_in_trouble_does_not_stop_the_others(site: Site) -> None:
    def refuse_large(data: bytes) -> None:
        if b"POISON" in data:
            raise RuntimeError("a bug in a target")

    site.target.writing = refuse_large
    for number in range(10):
        site.add(
            f"m{number}", ANN, content=(b"Subject: x\r\n\r\n", b"POISON\r\n" if number == 3 else b"Fine\r\n")
        )
    with logged() as events:
        site.manager.start()
    assert site.entry().id == "m3"
    assert site.entry().recipients[0].last_reply.startswith("451 4.3.0")
    assert [delivery.aborted for delivery in site.target.deliveries].count(True) == 1
    assert [event["queueId"] for event in events if "log_failure" in event] == ["m3"]


def test_a_commit_that_fails_is_a_temporary_failure(site: Site) -> None:
    site.add("m1", ANN)
    site.target.answers = lambda outcomes: fail(OSError("disk full"))
    site.manager.start()
    assert not site.entry().hold
    assert site.entry().recipients[0].state is RecipientState.QUEUED
    assert not site.target.deliveries[0].aborted


def test_content_that_cannot_be_read_is_a_temporary_failure(site: Site) -> None:
    site.add("m1", ANN)
    site.store.failures["readContent"] = 1
    site.manager.start()
    assert site.entry().recipients[0].last_reply.startswith("451 4.3.0")
    site.clock.advance(300)
    assert site.entries() == []


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


def test_so_many_at_a_time_and_no_more(site: Site) -> None:
    waiting = site.target.answers = Waiting()
    manager = site.new_manager(concurrency=2)
    for number in range(5):
        site.add(f"m{number}", ANN)
    manager.start()
    assert len(site.target.deliveries) == 2
    manager.wake()
    assert len(site.target.deliveries) == 2
    waiting.let_go(1)
    assert len(site.target.deliveries) == 3
    for number in (0, 2, 3, 4):
        waiting.let_go(number)
    assert site.entries() == []


def test_an_attempt_that_outlives_its_lease_is_not_joined_by_a_second(site: Site) -> None:
    waiting = site.target.answers = Waiting()
    site.add("m1", ANN)
    site.manager.start()
    site.clock.advance(86400)
    site.manager.wake()
    assert len(site.target.deliveries) == 1
    waiting.let_go(0)
    assert site.entries() == []


def test_stopping_waits_for_what_is_under_way_and_begins_nothing(site: Site) -> None:
    waiting = site.target.answers = Waiting()
    manager = site.new_manager(concurrency=1)
    site.add("m1", ANN)
    site.add("m2", ANN)
    manager.start()
    stopped = manager.stop()
    assert not stopped.called
    waiting.let_go(0)
    assert stopped.called
    assert len(site.target.deliveries) == 1
    assert site.entry().id == "m2"
    assert site.clock.getDelayedCalls() == []
    assert manager.stop().called


def test_outcomes_that_cannot_be_recorded_are_not_delivered_again(site: Site) -> None:
    site.add("m1", ANN)
    site.store.failures["settle"] = 3
    site.manager.start()
    for _ in range(2):
        site.clock.advance(5)
        site.manager.wake()
        assert len(site.entries()) == 1
    site.clock.advance(5)
    assert site.entries() == []
    assert len(site.target.deliveries) == 1


def test_stopping_tries_once_more_to_record_outcomes_then_gives_up(site: Site) -> None:
    site.add("m1", ANN)
    site.store.failures["settle"] = 2
    with logged() as events:
        site.manager.start()
        assert site.manager.stop().called
    assert site.clock.getDelayedCalls() == []
    assert [event["queueId"] for event in events if "log_failure" in event] == ["m1", "m1"]


def test_a_store_that_cannot_be_read_is_asked_again(site: Site) -> None:
    site.add("m1", ANN)
    site.store.failures["claimDue"] = 2
    site.manager.start()
    site.clock.advance(5)
    assert len(site.entries()) == 1
    site.clock.advance(5)
    assert site.entries() == []


def test_after_a_restart_what_is_due_later_is_not_forgotten(site: Site) -> None:
    site.add("m1", ANN)
    site.target.outcomes[ANN] = DEFERRED
    site.manager.start()
    success_result_of(site.manager.stop())
    site.target.outcomes.clear()
    site.new_manager().start()
    site.clock.advance(299)
    assert len(site.entries()) == 1
    site.clock.advance(1)
    assert site.entries() == []


def test_a_jump_of_the_wall_clock_causes_no_storm(site: Site) -> None:
    ticks = 0.0
    site.monotonic = lambda: ticks
    manager = site.new_manager()
    site.target.outcomes[ANN] = DEFERRED
    for number in range(5):
        site.add(f"m{number}", ANN)
    manager.start()
    assert len(site.target.deliveries) == 5
    # The wall clock is set forward by an hour, and the timers with it.
    site.clock.advance(3600)
    assert len(site.target.deliveries) == 5
    ticks += 300
    site.clock.advance(300)
    assert len(site.target.deliveries) == 10


def test_a_large_content_leaves_the_reactor_room_and_waits_for_a_slow_target(site: Site) -> None:
    chunks = tuple(large_content(300_000))
    site.add("m1", ANN, content=chunks)
    slow: list[Deferred[None]] = []

    def writing(data: bytes) -> Deferred[None] | None:
        if len(slow) == 1:
            return None
        slow.append(Deferred())
        return slow[-1]

    site.target.writing = writing
    site.manager.start()
    (delivery,) = site.target.deliveries
    first = len(delivery.body)
    site.clock.advance(0)
    assert len(delivery.body) == first
    slow[0].callback(None)
    assert first < len(delivery.body) < sum(map(len, chunks))
    site.clock.pump([0] * 10)
    assert bytes(delivery.headers) + delivery.body == b"".join(chunks)
    assert site.entries() == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            (b"X-Long: %b\r\n\r\nBody\r\n" % (b"x" * 200_000),), id="a header section of many chunks"
        ),
        pytest.param((b"Subject: no body\r\n",), id="no end of the header section"),
        pytest.param((b"\r\nBody\r\n",), id="no header section"),
    ],
)
def test_the_target_gets_what_was_stored(site: Site, content: tuple[bytes, ...]) -> None:
    site.add("m1", ANN, content=content)
    site.manager.start()
    site.clock.pump([0] * 10)
    (delivery,) = site.target.deliveries
    assert (bytes(delivery.headers) + delivery.body).startswith(b"".join(content))
    assert site.entries() == []


def test_a_target_may_need_time_to_begin_and_to_write(site: Site) -> None:
    @implementer(IDeliveryTarget)
    class Slow:
        def __init__(self) -> None:
            self.started: Deferred[IDelivery] = Deferred()

        def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> Deferred[IDelivery]:
            self.delivery = site.target.startDelivery(envelope, headers)
            return self.started

    written_down: Deferred[None] = Deferred()
    site.target.writing = lambda data: written_down
    slow = Slow()
    verifyObject(IDeliveryTarget, slow)
    clock = QueueClock(site.clock, site.clock.seconds)
    manager = QueueManager(site.store, slow, site.schedule, clock, Random(1))
    site.add("m1", ANN)
    manager.start()
    slow.started.callback(slow.delivery)
    assert len(site.entries()) == 1
    written_down.callback(None)
    assert site.entries() == []


def test_being_woken_while_it_asks_the_store_is_not_forgotten(site: Site) -> None:
    asked: list[Deferred[list[QueueEntry]]] = []
    claim = site.store.claimDue

    def claim_slowly(now: float, leaseUntil: float, limit: int) -> Deferred[list[QueueEntry]]:
        answer: Deferred[list[QueueEntry]] = Deferred()
        asked.append(answer)
        return answer.addCallback(lambda _: claim(now, leaseUntil, limit))

    site.store.claimDue = claim_slowly  # type: ignore[method-assign]
    site.manager.start()
    site.manager.wake()
    stopped_early = site.new_manager()
    stopped_early.start()
    quiet = stopped_early.stop()
    assert len(asked) == 2
    site.add("m1", ANN)
    asked[1].callback([])
    assert quiet.called
    assert len(site.target.deliveries) == 0
    asked[0].callback([])
    assert len(asked) == 3

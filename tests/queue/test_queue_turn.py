"""What ends an attempt before its time, and what is in doubt then."""

from __future__ import annotations

import email

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import Deferral
from mailext.queue.undelivered import UndeliveredError
from mailext.values import Envelope, Mailbox, Notify, Outcome, RcptOptions, Recipient, RecipientState
from tests.queue_fakes import FakeTarget
from tests.queue_samples import ANN, BOB, CAROL
from tests.queue_site import QueueSite, Waiting
from tests.support import logged

LOST = Outcome(451, "4.4.2", "Lost the connection", in_doubt=True)
LATER = Outcome(451, "4.2.0", "Later")


# Stopping


@implementer(IDeliveryTarget)
class Dialling:
    """A target that never gets as far as the content."""

    def __init__(self) -> None:
        self.cancelled = 0

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> Deferred[IDelivery]:
        return Deferred(self._cancel)

    def _cancel(self, _: Deferred[IDelivery]) -> None:
        self.cancelled += 1


def test_stopping_ends_within_its_grace(queue: QueueSite) -> None:
    queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = dialling = Dialling()
    queue.add(ANN, CAROL)
    queue.manager.start()
    stopped = queue.manager.stop(grace=7.0)
    queue.clock.advance(6.9)
    assert not stopped.called
    assert dialling.cancelled == 0
    with logged() as events:
        queue.clock.advance(0.1)
    assert stopped.called
    assert dialling.cancelled == 1
    assert [event["queueIds"] for event in events if "queueIds" in event] == ["m1"]
    assert queue.clock.getDelayedCalls() == []


def test_who_was_not_served_is_due_at_once_after_a_restart(queue: QueueSite) -> None:
    queue.dispatch.ways["example.net"] = Dialling()
    queue.add(CAROL)
    queue.manager.start()
    queue.manager.stop(grace=0.0)
    queue.clock.advance(0)
    assert queue.recipients()[CAROL].attempts == 0
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    queue.new_manager().start()
    assert len(far.deliveries) == 1
    assert queue.entries() == []


def test_groups_that_wait_for_their_turn_are_cut_off_too(queue: QueueSite) -> None:
    dialling = Dialling()
    addresses = [Recipient(Mailbox("ann", f"{number}.example")) for number in range(115)]
    for recipient in addresses:
        queue.dispatch.ways[recipient.address.domain] = dialling
    queue.add(envelope=Envelope(CAROL, tuple(addresses)))
    queue.manager.start()
    stopped = queue.manager.stop(grace=1.0)
    queue.clock.advance(1)
    assert stopped.called
    assert dialling.cancelled == 100
    assert {queued.attempts for queued in queue.recipients().values()} == {0}


def test_what_was_cut_off_at_the_very_end_is_in_doubt(queue: QueueSite) -> None:
    queue.home.answers = Waiting()
    queue.add(ANN)
    queue.manager.start()
    queue.manager.stop(grace=1.0)
    queue.clock.advance(1)
    ann = queue.recipients()[ANN]
    assert (ann.state, ann.attempts, ann.in_doubt) == (RecipientState.QUEUED, 1, True)
    assert ann.next_attempt == queue.clock.seconds() + 300


def test_what_is_cut_off_within_the_content_is_taken_back(queue: QueueSite) -> None:
    slow: Deferred[None] = Deferred()
    queue.home.writing = lambda data: slow
    queue.add(ANN)
    queue.manager.start()
    queue.manager.stop(grace=1.0)
    queue.clock.advance(1)
    assert queue.home.deliveries[0].aborted
    assert queue.recipients()[ANN].attempts == 0


def test_what_ends_within_the_grace_is_settled_and_keeps_nobody_waiting(queue: QueueSite) -> None:
    waiting = queue.home.answers = Waiting()
    queue.add(ANN)
    queue.manager.start()
    stopped = queue.manager.stop(grace=60.0)
    waiting.let_go(0)
    assert stopped.called
    assert queue.entries() == []
    assert queue.clock.getDelayedCalls() == []


def test_what_is_claimed_while_it_stops_is_given_back(queue: QueueSite) -> None:
    asked: Deferred[None] = Deferred()
    claim = queue.store.claimDue
    queue.store.claimDue = lambda *when: asked.addCallback(lambda _: claim(*when))  # type: ignore[method-assign]
    queue.add(ANN)
    queue.manager.start()
    stopped = queue.manager.stop()
    asked.callback(None)
    assert stopped.called
    assert queue.home.deliveries == []
    queue.store.claimDue = claim  # type: ignore[method-assign]
    queue.new_manager().start()
    assert len(queue.home.deliveries) == 1


# Dropping


def test_a_message_that_is_dropped_under_way_is_neither_served_nor_reported(queue: QueueSite) -> None:
    queue.report_failures()
    slow = queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = dialling = Dialling()
    queue.add(ANN, CAROL)
    queue.manager.start()
    queue.opened.queue_admin.drop("m1")
    with logged() as events:
        queue.manager.abandon("m1")
    assert dialling.cancelled == 1
    assert [event for event in events if event.get("event")] == []
    assert queue.entries() == []
    assert len(slow.deferreds) == 1
    queue.manager.abandon("m1")
    assert queue.manager.stop().called


# Doubt


def test_doubt_is_tried_once_more_by_the_schedule_and_then_reported(queue: QueueSite) -> None:
    queue.report_failures()
    queue.dispatch.ways["example.com"] = far = FakeTarget({Mailbox("dave", "example.com"): LOST})
    queue.add(Mailbox("dave", "example.com"))
    queue.manager.start()
    queue.manager.wake()
    queue.clock.advance(299)
    assert len(far.deliveries) == 1
    queue.clock.advance(1)
    assert len(far.deliveries) == 2
    (report,) = queue.reports
    text = email.message_from_bytes(bytes(report.headers) + report.body).get_payload()[0].get_payload()
    assert "554 5.4.2 It may have arrived, and is not tried a third time: Lost the connection" in text
    assert queue.entries() == []


def test_doubt_is_recorded_before_the_other_groups_end(queue: QueueSite) -> None:
    queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = FakeTarget({CAROL: LOST})
    queue.add(ANN, CAROL)
    queue.manager.start()
    carol = queue.recipients()[CAROL]
    assert (carol.in_doubt, carol.attempts, carol.next_attempt) == (True, 1, queue.clock.seconds() + 300)


def test_an_attempt_without_doubt_in_between_makes_it_the_first_again(queue: QueueSite) -> None:
    queue.add(ANN)
    queue.home.outcomes[ANN] = LOST
    queue.manager.start()
    for outcome, delay in ((LATER, 300), (LOST, 900)):
        queue.home.outcomes[ANN] = outcome
        queue.clock.advance(delay)
    assert len(queue.home.deliveries) == 3
    assert queue.recipients()[ANN].state is RecipientState.QUEUED


# Reports of groups


def test_who_is_served_early_is_reported_before_that_is_recorded(queue: QueueSite) -> None:
    queue.report_failures()
    slow = Waiting()
    queue.dispatch.ways |= {"example.net": FakeTarget(), "example.com": FakeTarget(answers=slow)}
    dave = Mailbox("dave", "example.com")
    tell = RcptOptions(frozenset({Notify.SUCCESS, Notify.FAILURE}))
    queue.add(envelope=Envelope(BOB, (Recipient(CAROL, tell), Recipient(dave, tell))))
    queue.store.failures["record"] = 10**6
    queue.manager.start()
    assert len(queue.reports) == 1
    assert queue.recipients()[CAROL].state is RecipientState.QUEUED
    queue.store.failures.clear()
    slow.outcomes[0] = {dave: Outcome(550, "5.1.1", "Unknown")}
    slow.let_go(0)
    queue.clock.advance(5)
    assert len(queue.reports) == 2
    assert queue.entries() == []


def test_the_failures_of_all_groups_are_one_report(queue: QueueSite) -> None:
    queue.report_failures()
    waiting = Waiting()
    addresses = [Mailbox("dave", f"{number}.example") for number in range(4)]
    for address in addresses:
        queue.dispatch.ways[address.domain] = FakeTarget(
            {address: Outcome(550, "5.1.1", "Unknown")}, answers=waiting
        )
    queue.add(*addresses)
    queue.manager.start()
    for number in range(4):
        assert queue.reports == []
        waiting.let_go(number)
    (report,) = queue.reports
    assert report.body.count(b"Action: failed") == 4


# A destination that is dead


@implementer(IDeliveryTarget)
class Dead:
    """The hosts of a domain, none of which answers."""

    def __init__(self, backoff: DestinationBackoff, clock: Clock) -> None:
        self.backoff = backoff
        self.clock = clock
        self.tries: list[float] = []
        self.alive = False

    def way(self) -> IDeliveryTarget | Deferral:
        deferral = self.backoff.deferral("example.net")
        return self if deferral is None else deferral

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        self.tries.append(self.clock.seconds())
        if self.alive:
            self.backoff.reached("example.net")
            return FakeTarget().startDelivery(envelope, headers)
        cause = Outcome(451, "4.4.1", "Cannot connect")
        self.backoff.failed("example.net", cause)
        raise UndeliveredError({CAROL: cause})


@pytest.fixture
def dead(queue: QueueSite) -> Dead:
    target = Dead(DestinationBackoff(queue.queue_clock.steady), queue.clock)
    queue.dispatch.ways["example.net"] = target.way
    return target


def test_a_dead_host_costs_one_attempt_and_not_thousands(queue: QueueSite, dead: Dead) -> None:
    for number in range(1000):
        queue.add(CAROL, queue_id=f"m{number:04d}")
    queue.manager.start()
    assert len(dead.tries) == 1
    recipients = [entry.recipients[0] for entry in queue.entries()]
    assert sum(queued.attempts for queued in recipients) == 1
    assert sum("left alone for a while: Cannot connect" in queued.last_reply for queued in recipients) == 999
    for _ in range(60):
        queue.clock.advance(60)
    # In an hour, by pauses that double: after 1, 3, 7, 15 and 31 minutes.
    assert len(dead.tries) <= 7
    dead.alive = True
    for _ in range(60):
        queue.clock.advance(60)
    assert queue.entries() == []


def test_others_are_served_meanwhile(queue: QueueSite, dead: Dead) -> None:
    for number in range(50):
        queue.add(CAROL, queue_id=f"m{number:04d}")
        queue.add(ANN, queue_id=f"n{number:04d}")
    queue.manager.start()
    assert len(queue.home.deliveries) == 50
    assert len(dead.tries) == 1


# Clocks


@pytest.fixture
def ticks(queue: QueueSite) -> list[float]:
    """A monotonic clock: its time is the first item."""
    ticks = [500.0]
    queue.queue_clock = QueueClock(queue.clock, lambda: ticks[0])
    queue.manager = queue.new_manager()
    return ticks


def restart(queue: QueueSite, ticks: list[float]) -> None:
    """Another process: its clock goes by what the wall clock shows now."""
    queue.manager.stop()
    queue.queue_clock = QueueClock(queue.clock, lambda: ticks[0])
    queue.manager = queue.new_manager()
    queue.manager.start()


def pass_time(queue: QueueSite, ticks: list[float], seconds: float) -> None:
    ticks[0] += seconds
    queue.clock.advance(seconds)


def test_a_retry_is_in_time_over_a_restart(queue: QueueSite, ticks: list[float]) -> None:
    queue.add(ANN)
    queue.home.outcomes[ANN] = LATER
    queue.manager.start()
    pass_time(queue, ticks, 100)
    restart(queue, ticks)
    queue.home.outcomes.clear()
    pass_time(queue, ticks, 199)
    assert len(queue.home.deliveries) == 1
    pass_time(queue, ticks, 1)
    assert queue.entries() == []


def test_a_wall_clock_that_was_set_back_between_two_runs_delays_nothing_for_years(
    queue: QueueSite, ticks: list[float]
) -> None:
    queue.clock.rightNow += 10**8
    queue.queue_clock = QueueClock(queue.clock, lambda: ticks[0])
    queue.manager = queue.new_manager()
    queue.add(ANN)
    queue.home.outcomes[ANN] = LATER
    queue.manager.start()
    assert len(queue.home.deliveries) == 1
    queue.manager.stop()
    queue.clock.rightNow -= 10**8
    restart(queue, ticks)
    queue.home.outcomes.clear()
    # The longest delay of the schedule.
    pass_time(queue, ticks, 900)
    assert queue.entries() == []

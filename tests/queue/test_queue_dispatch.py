"""Recipients of one message that go to different targets."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, fail
from twisted.mail.smtp import SMTPServerError

from mailext.queue.dispatch import Deferral
from mailext.queue.undelivered import LeftAloneError, UndeliveredError
from mailext.values import Mailbox, Outcome, RecipientState
from tests.queue_fakes import DELIVERED, FakeTarget
from tests.queue_samples import ANN, BOB, CAROL, CONTENT
from tests.queue_site import QueueSite, Waiting
from tests.support import logged

LATER = Outcome(451, "4.4.1", "Left alone")
DAVE = Mailbox("dave", "example.com")


def replies(queue: QueueSite, *addresses: Mailbox) -> dict[str, str]:
    """What an attempt brings, as the log tells it."""
    queue.add(*addresses)
    with logged() as events:
        queue.manager.start()
    [attempt] = [event for event in events if event.get("event") == "attempt"]
    told: dict[str, str] = attempt["replies"]
    return told


def test_each_group_goes_its_way_with_the_whole_content(queue: QueueSite) -> None:
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    assert replies(queue, ANN, BOB, CAROL) == dict.fromkeys(map(str, (ANN, BOB, CAROL)), str(DELIVERED))
    [home], [away] = queue.home.deliveries, far.deliveries
    assert (home.addresses, away.addresses) == ([ANN, BOB], [CAROL])
    for delivery in home, away:
        assert bytes(delivery.headers) + delivery.body == CONTENT
    assert queue.entries() == []


def test_the_own_target_is_not_asked_for_nobody(queue: QueueSite) -> None:
    queue.dispatch.ways["example.net"] = FakeTarget()
    assert replies(queue, CAROL) == {str(CAROL): str(DELIVERED)}
    assert queue.home.deliveries == []


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (SMTPServerError(550, b"5.7.1 No"), "550 5.7.1 No"),
        (OSError("broken"), "451 4.3.0 Requested action aborted: local error in processing"),
        (
            UndeliveredError({CAROL: Outcome(550, "5.1.1", "Unknown", "mx.example.net")}),
            "550 5.1.1 Unknown",
        ),
        (UndeliveredError({ANN: DELIVERED}), "451 4.3.0 No outcome"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_trouble_of_one_group_is_its_own(queue: QueueSite, refusal: Exception, expected: str) -> None:
    queue.dispatch.ways["example.net"] = FakeTarget(refusal=refusal)
    assert replies(queue, ANN, CAROL) == {str(ANN): str(DELIVERED), str(CAROL): expected}


def test_a_target_that_gives_up_of_its_own_accord_is_tried_by_the_schedule(queue: QueueSite) -> None:
    far = FakeTarget(refusal=CancelledError())
    queue.dispatch.ways["example.net"] = far
    assert replies(queue, CAROL)[str(CAROL)].startswith("451 4.3.0")
    assert queue.recipients()[CAROL].next_attempt == queue.clock.seconds() + 300


def test_a_group_may_be_settled_without_a_try_and_without_reading(queue: QueueSite) -> None:
    queue.dispatch.ways["example.net"] = LATER
    queue.store.failures["readContent"] = 1
    assert replies(queue, CAROL) == {str(CAROL): str(LATER)}
    assert queue.recipients()[CAROL].attempts == 1
    assert queue.store.failures["readContent"] == 1


def test_one_group_does_not_wait_for_another(queue: QueueSite) -> None:
    slow = queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    queue.add(ANN, CAROL)
    queue.manager.start()
    assert [delivery.addresses for delivery in far.deliveries] == [[CAROL]]
    slow.let_go(0)
    assert queue.entries() == []


def test_no_more_groups_at_a_time_than_are_good_for_the_others(queue: QueueSite) -> None:
    waiting = Waiting()
    addresses = [Mailbox("ann", f"{number}.example") for number in range(130)]
    for address in addresses:
        queue.dispatch.ways[address.domain] = FakeTarget(answers=waiting)
    queue.add(*addresses)
    queue.manager.start()
    assert len(waiting.deferreds) == 100
    for number in range(130):
        waiting.let_go(number)
    assert queue.entries() == []


def test_a_dispatch_that_fails_defers_the_message(queue: QueueSite) -> None:
    queue.dispatch.elsewhere = lambda entry, recipients: 1 / 0  # type: ignore[method-assign]
    with logged() as events:
        told = replies(queue, ANN, DAVE)
    assert {reply[:9] for reply in told.values()} == {"451 4.3.0"}
    assert told.keys() == {str(ANN), str(DAVE)}
    assert any("log_failure" in event for event in events)


# What is recorded before the end


def test_who_was_served_is_recorded_while_others_are_under_way(queue: QueueSite) -> None:
    slow = queue.home.answers = Waiting()
    queue.dispatch.ways |= {
        "example.net": FakeTarget(),
        "example.com": FakeTarget({DAVE: Outcome(550, "5.1.1", "Unknown")}),
    }
    queue.add(ANN, CAROL, DAVE)
    queue.manager.start()
    recorded = queue.recipients()
    assert (recorded[CAROL].state, recorded[CAROL].last_reply) == (RecipientState.DELIVERED, str(DELIVERED))
    # A failure is recorded with the others: to try again does no harm.
    assert recorded[DAVE].state is recorded[ANN].state is RecipientState.QUEUED
    slow.let_go(0)
    assert queue.recipients()[DAVE].state is RecipientState.FAILED


def test_a_crash_has_only_those_served_again_that_were_under_way(queue: QueueSite) -> None:
    queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    queue.add(ANN, CAROL)
    queue.manager.start()
    assert len(far.deliveries) == 1
    # The process dies, and its timers and leases with it.
    for call in queue.clock.getDelayedCalls():
        call.cancel()
    queue.clock.advance(3600)
    queue.home = FakeTarget()
    queue.new_manager().start()
    assert [delivery.addresses for delivery in queue.home.deliveries] == [[ANN]]
    assert len(far.deliveries) == 1
    assert queue.entries() == []


def test_a_message_with_one_group_is_recorded_once(queue: QueueSite) -> None:
    queue.store.failures["record"] = 1
    replies(queue, ANN, BOB)
    assert queue.entries() == []
    assert queue.store.failures["record"] == 1


def test_what_cannot_be_recorded_early_is_tried_again(queue: QueueSite) -> None:
    slow = queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = FakeTarget()
    queue.store.failures["record"] = 1
    queue.add(ANN, CAROL)
    queue.manager.start()
    slow.let_go(0)
    assert queue.recipients()[CAROL].state is RecipientState.QUEUED
    queue.clock.advance(5)
    assert queue.entries() == []


def test_what_cannot_be_recorded_early_is_recorded_at_the_end(queue: QueueSite) -> None:
    slow = queue.home.answers = Waiting()
    queue.dispatch.ways["example.net"] = FakeTarget()
    queue.store.failures["record"] = 2
    queue.add(ANN, CAROL)
    queue.manager.start()
    stopped = queue.manager.stop()
    assert queue.recipients()[CAROL].state is RecipientState.QUEUED
    slow.let_go(0)
    assert stopped.called
    assert queue.entries() == []


def test_groups_that_end_while_another_is_recorded_lose_nothing(queue: QueueSite) -> None:
    slow, quick = Waiting(), Waiting()
    queue.home.answers = slow
    queue.dispatch.ways |= {
        "example.net": FakeTarget(answers=quick),
        "example.com": FakeTarget(answers=quick),
    }
    queue.store.failures["record"] = 1
    queue.add(ANN, CAROL, DAVE)
    queue.manager.start()
    quick.let_go(0)
    quick.let_go(1)
    assert [queue.recipients()[each].state for each in (CAROL, DAVE)] == [
        RecipientState.QUEUED,
        RecipientState.DELIVERED,
    ]
    queue.clock.advance(5)
    assert {queue.recipients()[each].state for each in (CAROL, DAVE)} == {RecipientState.DELIVERED}
    slow.outcomes[0] = {ANN: LATER}
    slow.let_go(0)
    states = [queued.state for queued in queue.recipients().values()]
    assert states == [RecipientState.QUEUED, RecipientState.DELIVERED, RecipientState.DELIVERED]


# Recipients that are not tried


def test_a_deferral_is_no_attempt(queue: QueueSite) -> None:
    start = queue.clock.seconds()
    queue.dispatch.ways["example.net"] = lambda: Deferral(LATER, until=start + 60)
    queue.add(CAROL)
    with logged() as events:
        queue.manager.start()
    [event] = [event for event in events if event.get("event")]
    assert (event["event"], event["recipients"], event["reasons"]) == ("left-alone", 1, [str(LATER)])
    carol = queue.recipients()[CAROL]
    assert (carol.attempts, carol.last_reply, carol.next_attempt) == (0, str(LATER), start + 60)
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    queue.clock.advance(59)
    assert far.deliveries == []
    queue.clock.advance(1)
    assert queue.entries() == []


def test_nor_is_it_one_if_the_target_finds_out(queue: QueueSite) -> None:
    due = queue.clock.seconds() + 60
    queue.dispatch.ways["example.net"] = FakeTarget(refusal=LeftAloneError(Deferral(LATER, due)))
    queue.add(CAROL)
    queue.manager.start()
    carol = queue.recipients()[CAROL]
    assert (carol.attempts, carol.last_reply, carol.next_attempt) == (0, str(LATER), due)


def test_each_group_is_tried_again_at_its_own_time(queue: QueueSite) -> None:
    start = queue.clock.seconds()
    queue.home.outcomes[ANN] = Outcome(451, "4.2.0", "Later")
    queue.dispatch.ways["example.net"] = lambda: Deferral(LATER, until=start + 60)
    queue.add(ANN, CAROL)
    queue.manager.start()
    queue.dispatch.ways["example.net"] = far = FakeTarget()
    queue.clock.advance(60)
    assert len(far.deliveries) == 1
    assert len(queue.home.deliveries) == 1
    assert queue.recipients()[ANN].attempts == 1
    queue.clock.advance(239)
    assert len(queue.home.deliveries) == 1
    queue.home.outcomes.clear()
    queue.clock.advance(1)
    assert queue.entries() == []


def test_the_end_of_a_commit_that_fails_is_temporary(queue: QueueSite) -> None:
    queue.dispatch.ways["example.net"] = FakeTarget(answers=lambda _: fail(OSError("disk full")))
    assert replies(queue, CAROL)[str(CAROL)].startswith("451 4.3.0")

"""When a message is tried again, and what an attempt means for it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from mailext.queue.aftermath import HOLD_FAILURES
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.schedule import RetrySchedule
from mailext.queue.settlement import SettlementRules, given_back, without_second_doubt
from mailext.values import Mailbox, Outcome, QueuedRecipient, QueueEntry, RecipientState, Settlement
from tests.queue_samples import ANN, BOB, CAROL, entry_of, envelope_to

DELIVERED = Outcome(250, "2.0.0", "Delivered")
DEFERRED = Outcome(451, "4.2.0", "Later")
FAILED = Outcome(550, "5.2.1", "Never")

SCHEDULE = RetrySchedule((300.0, 900.0, 3600.0), give_up_after=86400.0)


def rules(now: float = 2000.0) -> SettlementRules:
    clock = Clock()
    clock.advance(now)
    return SettlementRules(SCHEDULE, QueueClock(clock, clock.seconds), Random(1))


def test_delays_go_up_and_the_last_one_repeats() -> None:
    exact = RetrySchedule((300.0, 900.0, 3600.0), give_up_after=86400.0, jitter=0.0)
    assert [exact.delay(attempts, 0.3) for attempts in (1, 2, 3, 4, 50)] == [300, 900, 3600, 3600, 3600]
    assert exact.longest_delay == 3600


@given(attempts=st.integers(1, 1000), chance=st.floats(0, 1))
def test_jitter_stays_within_its_part(attempts: int, chance: float) -> None:
    base = (300.0, 900.0, 3600.0)[min(attempts, 3) - 1]
    assert base * 0.9 <= SCHEDULE.delay(attempts, chance) <= base * 1.1
    assert SCHEDULE.delay(attempts, chance) <= SCHEDULE.longest_delay


@given(chance=st.floats(0, 1))
def test_a_pause_is_no_shorter_than_it_must_be(chance: float) -> None:
    assert 60 <= SCHEDULE.pause(60.0, chance) <= 66


@pytest.mark.parametrize(("delays", "jitter"), [((), 0.1), ((0.0,), 0.1), ((5.0, -1.0), 0.1), ((5.0,), 1.0)])
def test_a_schedule_that_would_storm_is_refused(delays: tuple[float, ...], jitter: float) -> None:
    with pytest.raises(ValueError, match="retry schedule"):
        RetrySchedule(delays, 100.0, jitter)


def held(outcomes: dict[Mailbox, Outcome], entry: QueueEntry) -> Settlement:
    """What the rules say where failures are held."""
    return HOLD_FAILURES.weigh(entry, rules().settle(entry, outcomes), outcomes)


def test_all_delivered_leaves_nothing_to_do() -> None:
    settlement = held({ANN: DELIVERED, BOB: DELIVERED}, entry_of("a", envelope_to(ANN, BOB)))
    assert [queued.state for queued in settlement.recipients] == [RecipientState.DELIVERED] * 2
    assert not settlement.hold


def test_a_deferred_recipient_is_tried_again_before_a_failed_one_holds_the_message() -> None:
    settlement = held({ANN: FAILED, BOB: DEFERRED}, entry_of("a", envelope_to(ANN, BOB)))
    assert [queued.state for queued in settlement.recipients] == [
        RecipientState.FAILED,
        RecipientState.QUEUED,
    ]
    assert not settlement.hold
    assert 2000 + 270 <= settlement.next_attempt <= 2000 + 330


def test_a_permanent_failure_holds_the_message() -> None:
    settlement = held({ANN: FAILED, BOB: DELIVERED}, entry_of("a", envelope_to(ANN, BOB)))
    assert settlement.hold
    assert settlement.recipients[0].last_reply == "550 5.2.1 Never"


def test_a_recipient_without_an_outcome_stays_as_it_is() -> None:
    entry = entry_of("a", envelope_to(ANN, BOB))
    settlement = rules().settle(entry, {ANN: DELIVERED})
    assert settlement.recipients[1] == entry.recipients[1]
    # It is due with the message.
    assert settlement.next_attempt == entry.next_attempt
    assert given_back(entry).recipients == entry.recipients


def tried(queued: QueuedRecipient, attempts: int = 1, **facts: Any) -> QueuedRecipient:
    return replace(queued, attempts=attempts, last_reply="451 4.2.0 Later", **facts)


def test_each_recipient_has_its_own_time() -> None:
    entry = entry_of("a", envelope_to(ANN, BOB))
    first, second = entry.recipients
    entry = replace(entry, recipients=(first, tried(second, attempts=2)))
    ann, bob = rules().settle(entry, {ANN: DEFERRED, BOB: DEFERRED}).recipients
    assert 2000 + 270 <= ann.next_attempt <= 2000 + 330
    assert 2000 + 3600 * 0.9 <= bob.next_attempt <= 2000 + 3600 * 1.1


def test_who_is_deferred_together_is_due_together() -> None:
    settlement = rules().settle(entry_of("a", envelope_to(ANN, BOB)), {ANN: DEFERRED, BOB: DEFERRED})
    assert {queued.next_attempt for queued in settlement.recipients} == {settlement.next_attempt}


def test_who_is_left_alone_was_not_tried() -> None:
    entry = entry_of("a", envelope_to(ANN, BOB))
    entry = replace(entry, recipients=(entry.recipients[0], tried(entry.recipients[1], in_doubt=True)))
    alone = Outcome(451, "4.4.1", "Left alone")
    settlement = rules().settle(entry, {ANN: alone, BOB: alone}, {ANN: 2060.0, BOB: 2060.0})
    ann, bob = settlement.recipients
    assert (ann.attempts, bob.attempts) == (0, 1)
    # The words of a host say more.
    assert (ann.last_reply, bob.last_reply) == ("451 4.4.1 Left alone", "451 4.2.0 Later")
    assert bob.in_doubt
    assert 2060 <= settlement.next_attempt <= 2066


def test_who_is_left_alone_expires_too() -> None:
    entry = entry_of("a", envelope_to(ANN), arrived=2000.0 - 86400.0)
    (ann,) = rules().settle(entry, {ANN: DEFERRED}, {ANN: 2060.0}).recipients
    assert (ann.state, ann.attempts) == (RecipientState.FAILED, 0)


LOST = Outcome(451, "4.4.2", "Lost the connection", in_doubt=True)


def test_doubt_is_remembered_until_an_attempt_is_certain() -> None:
    entry = entry_of("a", envelope_to(ANN))
    (doubtful,) = rules().settle(entry, {ANN: LOST}).recipients
    assert (doubtful.state, doubtful.in_doubt) == (RecipientState.QUEUED, True)
    (certain,) = rules().settle(replace(entry, recipients=(doubtful,)), {ANN: DEFERRED}).recipients
    assert not certain.in_doubt


def test_doubt_twice_in_a_row_is_a_failure() -> None:
    entry = entry_of("a", envelope_to(ANN, BOB))
    assert without_second_doubt(entry, {ANN: LOST, BOB: LOST}) == {ANN: LOST, BOB: LOST}
    entry = replace(entry, recipients=(tried(entry.recipients[0], in_doubt=True), entry.recipients[1]))
    outcomes = without_second_doubt(entry, {ANN: LOST, BOB: LOST})
    assert str(outcomes[ANN]) == (
        "554 5.4.2 It may have arrived, and is not tried a third time: Lost the connection"
    )
    assert outcomes[BOB] == LOST
    assert without_second_doubt(entry, {ANN: DELIVERED, BOB: LOST}) == {ANN: DELIVERED, BOB: LOST}


def test_what_expires_is_held_with_its_last_reply() -> None:
    entry = entry_of("a", envelope_to(ANN), arrived=2000.0 - 86400.0)
    settlement = held({ANN: DEFERRED}, entry)
    assert settlement.hold
    assert settlement.recipients[0].state is RecipientState.FAILED
    assert settlement.recipients[0].last_reply == "451 4.2.0 Later"


@given(
    outcomes=st.dictionaries(
        st.sampled_from([ANN, BOB, CAROL]), st.sampled_from([DELIVERED, DEFERRED, FAILED]), max_size=3
    ),
    arrived=st.sampled_from([1900.0, -100000.0]),
)
def test_no_recipient_is_forgotten(outcomes: dict[Mailbox, Outcome], arrived: float) -> None:
    entry = entry_of("a", envelope_to(ANN, BOB, CAROL), arrived=arrived)
    settlement = held(outcomes, entry)
    states = [queued.state for queued in settlement.recipients]
    assert [queued.recipient for queued in settlement.recipients] == list(entry.envelope.recipients)
    for queued in settlement.recipients:
        outcome = outcomes.get(queued.recipient.address)
        assert (queued.state is RecipientState.DELIVERED) == (outcome is DELIVERED)
    # Whatever is not delivered is tried again or held.
    undelivered = any(state is not RecipientState.DELIVERED for state in states)
    assert undelivered == (settlement.hold or RecipientState.QUEUED in states)


@given(seconds=st.integers(0, 2**35 - 2), seed=st.integers())
def test_queue_ids_are_file_names_in_order_of_time(seconds: int, seed: int) -> None:
    now = float(seconds)
    ids = QueueIds(lambda: now, Random(seed))
    first, other = ids(), ids()
    now += 1
    later = ids()
    assert first != other
    assert max(first, other) < later
    assert len(first) == 15
    assert first.isascii()
    assert first.isalnum()
    assert first == first.lower()


def test_the_steady_clock_does_not_follow_a_jump_of_the_wall_clock() -> None:
    clock = Clock()
    clock.advance(1000)
    ticks = 5.0
    times = QueueClock(clock, lambda: ticks)
    assert times.steady() == times.wall() == 1000
    clock.advance(86400)
    ticks += 10
    assert times.wall() == 87400
    assert times.steady() == 1010

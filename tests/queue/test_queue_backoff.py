"""One dead host costs one attempt, and not one for each message."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailext.queue.backoff import DestinationBackoff
from mailext.queue.dispatch import Deferral
from mailext.values import Outcome

DEAD = Outcome(451, "4.4.1", "Cannot connect")
NAME = "example.net"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backoff(clock: Clock) -> DestinationBackoff:
    return DestinationBackoff(clock.seconds, first=60.0, longest=240.0)


def test_a_destination_is_tried(backoff: DestinationBackoff) -> None:
    assert backoff.deferral(NAME) is None


def test_one_that_failed_is_left_alone(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    clock.advance(59)
    assert backoff.deferral(NAME) == Deferral(
        Outcome(451, "4.4.1", "example.net is left alone for a while: Cannot connect"), until=60.0
    )
    assert backoff.deferral("example.com") is None


def test_then_one_message_tries_it(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert [backoff.deferral(NAME) is None for _ in range(1000)].count(True) == 1


def test_if_that_brings_it_back_all_may(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert backoff.deferral(NAME) is None
    backoff.reached(NAME)
    assert backoff.deferral(NAME) is None


def test_an_operator_can_have_them_tried_at_once(backoff: DestinationBackoff) -> None:
    for name in (NAME, "example.com", "example.org"):
        backoff.failed(name, DEAD)
    backoff.forget([NAME, "example.com", "nowhere.example"])
    tried = [name for name in (NAME, "example.com", "example.org") if backoff.deferral(name) is None]
    assert tried == [NAME, "example.com"]


def test_then_one_of_them_finds_out(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    backoff.forget([NAME])
    assert backoff.deferral(NAME) is None
    deferral = backoff.deferral(NAME)
    assert deferral is not None
    assert deferral.until == 10
    backoff.reached(NAME)
    assert backoff.deferral(NAME) is None


def test_each_failure_doubles_the_pause_to_a_limit(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    pauses = []
    for _ in range(4):
        pause = 0
        while backoff.deferral(NAME) is not None:
            clock.advance(1)
            pause += 1
        pauses.append(pause)
        backoff.failed(NAME, DEAD)
    assert pauses == [60, 120, 240, 240]


def test_failures_of_tries_that_began_together_count_once(backoff: DestinationBackoff, clock: Clock) -> None:
    for _ in range(20):
        backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert backoff.deferral(NAME) is None


def test_a_try_that_nobody_hears_of_holds_the_others_up_for_one_pause(
    backoff: DestinationBackoff, clock: Clock
) -> None:
    backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert backoff.deferral(NAME) is None
    clock.advance(59)
    assert backoff.deferral(NAME) is not None
    clock.advance(1)
    assert backoff.deferral(NAME) is None


def test_what_came_back_begins_anew(backoff: DestinationBackoff, clock: Clock) -> None:
    for _ in range(3):
        backoff.failed(NAME, DEAD)
        clock.advance(240)
        backoff.deferral(NAME)
    backoff.reached(NAME)
    backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert backoff.deferral(NAME) is None


def test_what_was_long_ago_is_forgotten(backoff: DestinationBackoff, clock: Clock) -> None:
    backoff.failed(NAME, DEAD)
    clock.advance(60 + 240 + 1)
    backoff.failed("example.com", DEAD)
    backoff.failed(NAME, DEAD)
    clock.advance(60)
    assert backoff.deferral(NAME) is None, "the pause is the first one again"

"""A slow destination leaves room for the others, and who finds none comes back in time."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailext.queue.shares import DestinationShares

SLOW = "slow.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shares(clock: Clock) -> DestinationShares:
    return DestinationShares(clock.seconds, total=30, longest=100.0)


def fill(shares: DestinationShares, destination: str) -> int:
    """How many it gets."""
    count = 0
    while shares.enter(destination) is None:
        count += 1
    return count


def due(shares: DestinationShares, times: int) -> list[float]:
    deferrals = [shares.enter(SLOW) for _ in range(times)]
    return [deferral.until for deferral in deferrals if deferral is not None]


def test_a_destination_gets_what_is_free_for_others(shares: DestinationShares) -> None:
    assert [fill(shares, f"{number}.example") for number in range(4)] == [15, 8, 4, 2]


def test_one_ends_and_another_begins(shares: DestinationShares) -> None:
    fill(shares, SLOW)
    shares.leave(SLOW)
    assert fill(shares, SLOW) == 1


def test_when_all_are_over_there_is_room_for_all(shares: DestinationShares) -> None:
    for _ in range(fill(shares, SLOW)):
        shares.leave(SLOW)
    assert fill(shares, "other.example") == 15


def test_a_deferral_says_why(shares: DestinationShares) -> None:
    fill(shares, SLOW)
    deferral = shares.enter(SLOW)
    assert deferral is not None
    assert str(deferral.outcome) == "451 4.3.2 slow.example waits for 15 messages that are under way"


def test_they_come_back_as_fast_as_others_end(shares: DestinationShares, clock: Clock) -> None:
    fill(shares, SLOW)
    assert due(shares, 3) == [1.0, 1.0, 1.0]
    clock.advance(10)
    for _ in range(5):
        shares.leave(SLOW)
    fill(shares, SLOW)
    # Five in ten seconds; the one above was told 13.
    assert due(shares, 3) == [15.0, 17.0, 19.0]


def test_nobody_waits_for_ever_where_none_ends(shares: DestinationShares, clock: Clock) -> None:
    fill(shares, SLOW)
    due(shares, 1)
    clock.advance(30)
    assert due(shares, 5) == [61.0, 91.0, 121.0, 130.0, 130.0]


def test_what_was_long_ago_counts_little(shares: DestinationShares, clock: Clock) -> None:
    fill(shares, SLOW)
    due(shares, 1)
    clock.advance(1000)
    shares.leave(SLOW)
    for _ in range(100):
        clock.advance(1)
        assert shares.enter(SLOW) is None
        shares.leave(SLOW)
    assert shares.enter(SLOW) is None
    first, second = due(shares, 2)
    assert second - first < 10


def test_a_crowd_that_is_over_is_forgotten(shares: DestinationShares, clock: Clock) -> None:
    fill(shares, SLOW)
    due(shares, 1)
    clock.advance(100)
    assert due(shares, 1) == [101.0]


def test_where_nothing_is_free_even_the_first_comes_back(shares: DestinationShares) -> None:
    number = 0
    while fill(shares, f"{number}.example"):
        number += 1
    assert shares.enter("new.example") is not None

"""How fast messages follow each other to one place."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock

from mailext.net.client.pace import Pace
from tests.support import assert_no_result, failure_result_of, success_result_of


def test_one_at_a_time_the_first_first() -> None:
    clock = Clock()
    pace = Pace(clock, 2.0)
    success_result_of(pace.turn("here"))
    second, third = pace.turn("here"), pace.turn("here")
    # Another place has a pace of its own.
    success_result_of(pace.turn("there"))
    clock.advance(1.9)
    assert_no_result(second)
    clock.advance(0.1)
    success_result_of(second)
    assert_no_result(third)
    clock.advance(2)
    success_result_of(third)
    assert_no_result(pace.turn("here"))


def test_who_gives_up_takes_no_turn() -> None:
    clock = Clock()
    pace = Pace(clock, 2.0)
    pace.turn("here")
    second, third = pace.turn("here"), pace.turn("here")
    second.cancel()
    failure_result_of(second).trap(CancelledError)
    clock.advance(2)
    success_result_of(third)


def test_nothing_is_kept_of_a_place_that_rests() -> None:
    clock = Clock()
    pace = Pace(clock, 2.0)
    pace.turn("here")
    clock.advance(2)
    assert clock.getDelayedCalls() == []
    success_result_of(pace.turn("here"))

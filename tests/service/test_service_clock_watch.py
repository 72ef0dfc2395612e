"""A wall clock that jumps takes no timer with it."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailext.service.clock_watch import ClockWatch
from tests.support import logged


class World:
    """
    A wall clock that can be set, and one that cannot.

    :ivar steady: seconds of the latter.
    :ivar fired: when calls were made, by the latter.
    """

    def __init__(self) -> None:
        self.wall = Clock()
        self.wall.advance(1_000_000.0)
        self.steady = 0.0
        self.watch = ClockWatch(self.wall, lambda: self.steady)
        self.fired: list[float] = []

    def call_in(self, delay: float) -> None:
        self.wall.callLater(delay, lambda: self.fired.append(self.steady))

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.steady += 1.0
            self.wall.advance(1.0)
            self.watch.look()

    def set_clock(self, by: float) -> None:
        self.wall.rightNow += by


@pytest.mark.parametrize("jump", [-86400.0, -3600.0])
def test_timers_keep_their_time(jump: float) -> None:
    world = World()
    world.call_in(10.0)
    world.call_in(7200.0 + 60.0)
    world.pass_time(5)
    world.set_clock(jump)
    with logged() as events:
        world.watch.look()
    assert len([event for event in events if "jumped" in event["log_format"]]) == 1
    world.pass_time(60)
    assert world.fired == [10.0]
    world.pass_time(7200)
    assert world.fired == [10.0, 7260.0]


def test_no_timer_comes_late_when_the_clock_is_set_forward() -> None:
    world = World()
    world.call_in(10.0)
    world.set_clock(3600.0)
    world.call_in(20.0)
    world.watch.look()
    world.pass_time(30)
    assert world.fired == [1.0, 20.0]


def test_what_was_begun_after_the_jump_stays() -> None:
    world = World()
    world.set_clock(-3600.0)
    world.call_in(10.0)
    world.watch.look()
    world.pass_time(20)
    assert world.fired == [10.0]


def test_small_corrections_are_none() -> None:
    world = World()
    with logged() as events:
        for _ in range(100):
            world.set_clock(0.001)
            world.pass_time(1)
    assert events == []

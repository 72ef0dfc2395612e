"""Counters in memory: sliding windows, different things, places, attack mode."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.clientid.counters import MemoryCounterStore
from mailext.interfaces import ICounterStore
from mailext.values import AttackMode, Tally
from tests.support import success_result_of

MINUTE = Tally("failures/ann", 60.0)


class Counters:
    """A store, asked directly."""

    def __init__(self, tallies: int = 100) -> None:
        self.clock = Clock()
        self.store = MemoryCounterStore(self.clock, tallies)

    def count(self, tally: Tally = MINUTE) -> int:
        (count,) = success_result_of(self.store.counts([tally]))
        return count

    def places(self, *names: str) -> tuple[int, ...]:
        return success_result_of(self.store.places(names))


def test_it_provides_the_interface() -> None:
    assert verifyObject(ICounterStore, MemoryCounterStore(Clock()))


def test_what_happened_within_the_window_counts() -> None:
    counters = Counters()
    assert counters.count() == 0
    for _ in range(5):
        counters.store.add([MINUTE])
    assert counters.count() == 5
    counters.clock.advance(59.9)
    assert counters.count() == 5
    counters.clock.advance(30.1)
    assert counters.count() == 2
    counters.clock.advance(30.0)
    assert counters.count() == 0


def test_tallies_are_counted_apart_and_by_window() -> None:
    counters = Counters()
    ben, hour = Tally("failures/ben", 60.0), Tally("failures/ann", 3600.0)
    counters.store.add([MINUTE, ben])
    counters.store.add([ben])
    assert success_result_of(counters.store.counts([MINUTE, ben, hour])) == (1, 2, 0)


@given(st.lists(st.floats(0.0, 100.0), max_size=60))
def test_a_count_lies_between_one_window_and_two(waits: list[float]) -> None:
    counters = Counters()
    times = []
    for wait in waits:
        counters.clock.advance(wait)
        counters.store.add([MINUTE])
        times.append(counters.clock.seconds())
    now = counters.clock.seconds()
    assert counters.count() <= sum(now - when < 120.0 for when in times)
    if times:
        assert counters.count() >= 1
    counters.clock.advance(120.0)
    assert counters.count() == 0


def test_something_counts_once_until_it_was_not_seen_for_a_window() -> None:
    counters = Counters()
    for member in ("ann", "ben", "ann"):
        counters.store.addMember(MINUTE, member)
        counters.clock.advance(25.0)
    assert counters.count() == 2
    counters.clock.advance(15.0)
    assert counters.count() == 1
    counters.clock.advance(20.0)
    assert counters.count() == 0


def test_what_it_keeps_is_bounded() -> None:
    counters = Counters(tallies=10)
    for number in range(50):
        counters.store.add([Tally(f"a/{number}", 60.0), MINUTE])
        counters.store.addMember(Tally(f"b/{number}", 60.0), "ann")
    for number in range(3000):
        counters.store.addMember(Tally("b/49", 60.0), str(number))
        counters.store.raiseAlarm(f"account/{number}", 100.0 + number)
    assert len(counters.store._events) == len(counters.store._members) == 10
    assert counters.count() == 50
    assert counters.count(Tally("a/0", 60.0)) == 0
    assert counters.count(Tally("b/49", 60.0)) == 1000
    alarms = success_result_of(counters.store.alarms())
    assert len(alarms) == 1000
    assert "account/2999" in alarms


def test_places_are_given_back_by_the_end_of_the_session() -> None:
    counters = Counters()
    counters.store.enter(["phone", "ann"], "1")
    counters.store.enter(["tablet", "ann"], "2")
    counters.store.enter(["phone"], "1")
    assert counters.places("phone", "tablet", "ann", "nobody") == (1, 1, 2, 0)
    counters.store.leave("1")
    counters.store.leave("1")
    assert counters.places("phone", "tablet", "ann") == (0, 1, 1)
    counters.store.leave("2")
    assert not counters.store._sessions
    assert not counters.store._names


def test_attack_mode_is_set_and_taken_back() -> None:
    counters = Counters()
    counters.store.setAttackMode("global", AttackMode.ON)
    counters.store.setAttackMode("account/ann", AttackMode.OFF)
    counters.store.setAttackMode("global", AttackMode.AUTO)
    assert success_result_of(counters.store.attackModes()) == {"account/ann": AttackMode.OFF}


def test_an_alarm_runs_out() -> None:
    counters = Counters()
    counters.store.raiseAlarm("global", 10.0)
    counters.store.raiseAlarm("global", 20.0)
    counters.clock.advance(19.9)
    assert success_result_of(counters.store.alarms()) == {"global": 20.0}
    counters.clock.advance(0.1)
    assert success_result_of(counters.store.alarms()) == {}

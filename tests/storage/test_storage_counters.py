"""What several processes count together, in a database that they share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.clientid.counters import MemoryCounterStore
from mailext.interfaces import ICounterStore
from mailext.storage.counters import SqlCounterStore
from mailext.storage.errors import StoreError
from mailext.storage.shared_counters import open_shared_counters, open_shared_counters_offline
from mailext.values import AttackMode, Tally
from tests.support import ThreadCalls, logged, success_result_of

FAILURES = Tally("failures/ann", 60.0)
ACCOUNTS = Tally("accounts/192.0.2.1", 60.0)

MakeStore = Callable[[], SqlCounterStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_one(tmp_path: Path, clock: Clock) -> Iterator[MakeStore]:
    """Opens the file as one more process."""
    made: list[SqlCounterStore] = []

    def open_it() -> SqlCounterStore:
        store = open_shared_counters_offline(tmp_path / "counters.sqlite", clock)
        store.start()
        made.append(store)
        return store

    yield open_it
    for store in made:
        success_result_of(store.close())


def count(store: ICounterStore, tally: Tally = FAILURES) -> int:
    (found,) = success_result_of(store.counts([tally]))
    return found


def places(store: ICounterStore, *names: str) -> tuple[int, ...]:
    return success_result_of(store.places(names))


def test_it_provides_the_interface(open_one: MakeStore) -> None:
    assert verifyObject(ICounterStore, open_one())


def test_processes_agree(open_one: MakeStore) -> None:
    one, other = open_one(), open_one()
    for store in (one, other, one):
        success_result_of(store.add([FAILURES]))
    success_result_of(one.addMember(ACCOUNTS, "ann"))
    success_result_of(other.addMember(ACCOUNTS, "ben"))
    success_result_of(other.addMember(ACCOUNTS, "ann"))
    success_result_of(one.setAttackMode("global", AttackMode.ON))
    success_result_of(one.setAttackMode("account/ann", AttackMode.OFF))
    success_result_of(other.setAttackMode("account/ann", AttackMode.AUTO))
    success_result_of(other.raiseAlarm("listener/submission", 20.0))
    for store in (one, other, open_one()):
        assert (count(store), count(store, ACCOUNTS)) == (3, 2)
        assert success_result_of(store.attackModes()) == {"global": AttackMode.ON}
        assert success_result_of(store.alarms()) == {"listener/submission": 20.0}


_TALLIES = st.sampled_from([Tally("a", 10.0), Tally("a", 60.0), Tally("b", 10.0)])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.0, 50.0)),
        st.tuples(st.just("add"), st.lists(_TALLIES, max_size=3)),
        st.tuples(st.just("member"), st.sampled_from(["ann", "ben", "cho"])),
        st.tuples(st.just("alarm"), st.floats(0.0, 100.0)),
        st.tuples(st.just("trim"), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(_STEPS)
@example(
    [
        ("add", [Tally("a", 10.0)]),
        ("wait", 21.0),
        ("trim", None),
        ("add", [Tally("a", 10.0)] * 2),
        ("wait", 15.0),
    ]
)
def test_it_counts_what_a_single_process_counts_in_memory(steps: list[tuple[str, object]]) -> None:
    clock = Clock()
    names = [Tally("a", 10.0), Tally("a", 60.0), Tally("b", 10.0), Tally("c", 30.0)]
    with TemporaryDirectory() as folder:
        memory = MemoryCounterStore(clock)
        shared = open_shared_counters_offline(Path(folder) / "counters", clock)
        for what, value in steps:
            for store in (memory, shared):
                if what == "add":
                    success_result_of(store.add(value))
                elif what == "member":
                    success_result_of(store.addMember(names[-1], value))
                elif what == "alarm":
                    success_result_of(store.raiseAlarm("global", value))
            if what == "wait":
                clock.advance(value)
            elif what == "trim":
                shared.trim()
            assert success_result_of(shared.counts(names)) == success_result_of(memory.counts(names))
            assert success_result_of(shared.alarms()) == success_result_of(memory.alarms())
        success_result_of(shared.close())


def test_sessions_of_all_processes_take_places(open_one: MakeStore) -> None:
    one, other = open_one(), open_one()
    success_result_of(one.enter(["phone", "ann"], "1"))
    success_result_of(one.enter(["phone"], "1"))
    success_result_of(one.enter([], "9"))
    success_result_of(other.enter(["phone"], "1"))
    assert places(one, "phone", "ann", "nobody") == places(other, "phone", "ann", "nobody") == (2, 1, 0)
    for session in ("1", "1", "9", "unheard of"):
        success_result_of(one.leave(session))
    assert places(other, "phone", "ann") == (1, 0)


def test_what_a_process_that_died_has_left_is_no_place_any_more(open_one: MakeStore, clock: Clock) -> None:
    dead, alive = open_one(), open_one()
    success_result_of(dead.enter(["phone"], "1"))
    success_result_of(alive.enter(["phone"], "1"))
    dead.stop()
    clock.pump([10.0] * 5)
    assert places(alive, "phone") == (2,)
    clock.advance(10.0)
    assert places(alive, "phone") == (1,)
    # One that was only busy has its places again, as far as it is known.
    success_result_of(dead.enter(["phone"], "2"))
    assert places(dead, "phone") == (2,)


def test_a_process_that_ends_gives_its_places_back(tmp_path: Path, open_one: MakeStore, clock: Clock) -> None:
    ending = open_shared_counters_offline(tmp_path / "counters.sqlite", clock)
    ending.start()
    success_result_of(ending.enter(["phone"], "1"))
    success_result_of(ending.close())
    assert places(open_one(), "phone") == (0,)
    success_result_of(ending.leave("1"))


def test_what_it_keeps_is_bounded(open_one: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailext.storage.counter_rows.TALLIES", 10)
    monkeypatch.setattr("mailext.storage.counter_rows.ALARMS", 5)
    monkeypatch.setattr("mailext.storage.counters._TRIM_EVERY", 20)
    store = open_one()
    for number in range(40):
        success_result_of(store.add([Tally(f"a/{number}", 60.0), FAILURES]))
        success_result_of(store.addMember(Tally(f"b/{number}", 60.0), "ann"))
        success_result_of(store.raiseAlarm(f"account/{number}", 100.0 + number))
    store.trim()
    assert sum(success_result_of(store.counts([Tally(f"b/{n}", 60.0) for n in range(40)]))) == 10
    assert sum(success_result_of(store.counts([Tally(f"a/{n}", 60.0) for n in range(40)]))) <= 10
    assert set(success_result_of(store.alarms())) == {f"account/{number}" for number in range(35, 40)}


def test_members_of_one_tally_are_bounded(open_one: MakeStore, clock: Clock) -> None:
    store = open_one()
    for number in range(1010):
        success_result_of(store.addMember(ACCOUNTS, str(number)))
    assert count(store, ACCOUNTS) == 1000


def test_tables_of_another_version_are_made_anew(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "counters.sqlite"
    store = open_shared_counters_offline(path, clock)
    success_result_of(store.add([FAILURES]))
    success_result_of(store.close())
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE rate RENAME COLUMN current TO former")
        connection.execute("PRAGMA user_version = 999")
    store = open_shared_counters_offline(path, clock)
    assert count(store) == 0
    success_result_of(store.close())


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "counters.sqlite"
    path.write_bytes(b"no database" * 100)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="not a database"):
        open_shared_counters_offline(path, clock)
    path.chmod(0o644)
    with pytest.raises(StoreError):
        open_shared_counters_offline(path, clock)
    with pytest.raises(OSError, match="No such file"):
        open_shared_counters_offline(tmp_path / "no/such", clock)


def test_two_servers_write_at_the_same_time(tmp_path: Path) -> None:
    """In the threads of a server, each with a connection of its own."""
    calls = ThreadCalls()
    stores = [open_shared_counters(tmp_path / "counters.sqlite", _ThreadClock(calls)) for _ in range(2)]
    waiting = [store.add([FAILURES]) for _ in range(200) for store in stores]
    for each in waiting:
        calls.wait_for(each)
    assert calls.wait_for(stores[0].counts([FAILURES])) == (400,)
    for store in stores:
        calls.wait_for(store.close())


class _ThreadClock(Clock):
    """A clock that stands still, and takes calls from threads."""

    def __init__(self, calls: ThreadCalls) -> None:
        super().__init__()
        self.callFromThread = calls.callFromThread
        self.callLater = calls.callLater


def test_trouble_of_what_is_done_from_time_to_time_is_logged(
    open_one: MakeStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_one()

    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched, logged() as events:
        patched.setattr("mailext.storage.counter_rows.live", broken)
        clock.advance(10.0)
    assert any("could not be written" in event["log_format"] for event in events if event["log_format"])

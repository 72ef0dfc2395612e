"""Which destinations keep the promise: learned, stored, forgotten (R20)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailext.requiretls.support import KnownSupport

pytestmark = pytest.mark.requirement("R20")

DAY = 86400.0


class MemoryStore:
    """Counts what is written."""

    def __init__(self, rows: Mapping[str, float] | None = None) -> None:
        self.rows = dict(rows or {})
        self.writes = 0

    def all(self) -> Deferred[Mapping[str, float]]:
        return succeed(dict(self.rows))

    def seen(self, destination: str, when: float) -> Deferred[None]:
        self.writes += 1
        self.rows[destination] = when
        return succeed(None)

    def forget(self, destination: str) -> Deferred[None]:
        self.rows.pop(destination, None)
        return succeed(None)


def test_a_host_has_shown_it() -> None:
    clock, store = Clock(), MemoryStore()
    known = KnownSupport(store, clock.seconds)
    assert not known.supports("a.test")
    known.learned("a.test", supported=True)
    assert known.supports("a.test")
    assert not known.supports("b.test")
    again = KnownSupport(store, clock.seconds)
    again.load()
    assert again.supports("a.test")


def test_one_host_without_it_is_enough_to_forget() -> None:
    store = MemoryStore()
    known = KnownSupport(store, Clock().seconds)
    known.learned("a.test", supported=True)
    known.learned("a.test", supported=False)
    assert not known.supports("a.test")
    assert store.rows == {}


def test_it_is_known_for_two_weeks() -> None:
    clock = Clock()
    known = KnownSupport(MemoryStore(), clock.seconds)
    known.learned("a.test", supported=True)
    clock.advance(14 * DAY - 1)
    assert known.supports("a.test")
    clock.advance(1)
    assert not known.supports("a.test")


def test_it_is_written_once_a_day() -> None:
    clock, store = Clock(), MemoryStore()
    known = KnownSupport(store, clock.seconds)
    for _ in range(48):
        known.learned("a.test", supported=True)
        clock.advance(3600)
    assert store.writes == 2


def test_what_is_known_is_bounded() -> None:
    store = MemoryStore()
    known = KnownSupport(store, Clock().seconds, limit=2)
    for name in "abc":
        known.learned(name, supported=True)
    assert [name for name in "abc" if known.supports(name)] == ["b", "c"]
    assert sorted(store.rows) == ["b", "c"]


def test_a_store_that_cannot_be_read() -> None:
    class Broken(MemoryStore):
        def all(self) -> Deferred[Mapping[str, float]]:
            return fail(OSError("no"))

    known = KnownSupport(Broken(), Clock().seconds)
    known.load()
    known.learned("a.test", supported=True)
    assert known.supports("a.test")

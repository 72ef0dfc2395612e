"""Sessions are counted in memory, and now and then in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.interfaces import ITlsResultSink
from mailext.tlsrpt.collecting import ResultCollector
from mailext.tlsrpt.report import start_of
from mailext.values import (
    HopSession,
    PolicyResult,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from tests.support import assert_no_result, logged, success_result_of
from tests.tlsrpt.samples import DAY

NONE = TlsPolicy(TlsPolicyType.NOT_FOUND, "example.net")
GOOD = TlsResult("example.net", PolicyResult(NONE), "mx.example.net", HopSession("192.0.2.1"))


class Store:
    """
    :ivar added: what was added, together.
    :ivar writing: the Deferreds of what is being added, if it takes time.
    """

    def __init__(self) -> None:
        self.added: Counter[tuple[date, TlsResult]] = Counter()
        self.adds = 0
        self.error: Exception | None = None
        self.writing: list[Deferred[None]] | None = None

    def add(self, counts: Mapping[tuple[date, TlsResult], int]) -> Deferred[None]:
        self.adds += 1
        if self.error is not None:
            return fail(self.error)
        self.added.update(counts)
        if self.writing is not None:
            self.writing.append(Deferred())
            return self.writing[-1]
        return succeed(None)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.advance(start_of(DAY).timestamp() + 86_400 - 30)
    return clock


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def collector(store: Store, clock: Clock) -> ResultCollector:
    return ResultCollector(store, clock)


def test_interface(collector: ResultCollector) -> None:
    verifyObject(ITlsResultSink, collector)


def test_what_comes_together_is_written_together(
    collector: ResultCollector, store: Store, clock: Clock
) -> None:
    for _ in range(1000):
        collector.record(GOOD)
    assert store.adds == 0
    clock.advance(60)
    assert (store.adds, store.added) == (1, {(DAY, GOOD): 1000})
    clock.advance(600)
    assert store.adds == 1
    collector.record(GOOD)
    clock.advance(60)
    assert store.adds == 2


def test_a_session_counts_for_the_day_on_which_it_was(
    collector: ResultCollector, store: Store, clock: Clock
) -> None:
    collector.record(GOOD)
    clock.advance(31)
    collector.record(GOOD)
    success_result_of(collector.flush())
    assert store.added == {(DAY, GOOD): 1, (date(2026, 6, 2), GOOD): 1}
    assert clock.getDelayedCalls() == []


def test_a_flush_waits_for_what_is_being_written(
    collector: ResultCollector, store: Store, clock: Clock
) -> None:
    store.writing = []
    collector.record(GOOD)
    clock.advance(60)
    collector.record(GOOD)
    flushing = collector.flush()
    assert (store.adds, len(store.writing)) == (1, 1)
    store.writing[0].callback(None)
    assert_no_result(flushing)
    store.writing[1].callback(None)
    success_result_of(flushing)
    assert store.added.total() == 2


def test_a_store_in_trouble_costs_figures_and_nothing_else(collector: ResultCollector, store: Store) -> None:
    store.error = OSError("disk full")
    collector.record(GOOD)
    with logged() as events:
        success_result_of(collector.flush())
    assert [each["sessions"] for each in events] == [1]
    store.error = None
    collector.record(GOOD)
    success_result_of(collector.flush())
    assert store.added == {(DAY, GOOD): 1}


def test_memory_is_bounded(collector: ResultCollector, store: Store) -> None:
    for number in range(10_100):
        collector.record(replace(GOOD, mx_host=f"mx{number}"))
    collector.record(replace(GOOD, mx_host="mx0"))
    with logged() as events:
        success_result_of(collector.flush())
    assert (len(store.added), store.added.total()) == (10_000, 10_001)
    assert [each["lost"] for each in events] == [100]


def test_what_others_say_is_bounded(collector: ResultCollector, store: Store) -> None:
    policy = TlsPolicy(TlsPolicyType.STS, "example.net", ("mx: " + "x" * 999,) * 100, ("y" * 999,) * 100)
    failure = TlsFailure(TlsResultType.VALIDATION_FAILURE, "a\r\nb" + "z" * 999)
    session = HopSession("192.0.2.1", "198.51.100.7", "\x1b[2J" + "h" * 999)
    collector.record(TlsResult("example.net", PolicyResult(policy, failure), "mx", session))
    success_result_of(collector.flush())
    [(_, kept)] = store.added
    assert len(kept.result.policy.strings) == len(kept.result.policy.mx_hosts) == 64
    texts = [kept.result.failure.reason, kept.session.helo, *kept.result.policy.strings]
    assert all(len(text) <= 255 and text.isprintable() for text in texts)

"""Small helpers for tests of what is asynchronous, without a running reactor."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")


def success_result_of(deferred: Deferred[T]) -> T:
    """What a Deferred that has fired was fired with."""
    results = _results_of(deferred)
    assert results, "the Deferred has not fired"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def failure_result_of(deferred: Deferred[object]) -> Failure:
    """What a Deferred that has fired failed with."""
    results = _results_of(deferred)
    assert results, "the Deferred has not fired"
    assert isinstance(results[0], Failure), f"no failure but {results[0]!r}"
    return results[0]


def assert_no_result(deferred: Deferred[object]) -> None:
    """A Deferred has not fired yet, and its result stays for who asks later."""
    assert not deferred.called or deferred.paused, "the Deferred has fired"


def _results_of(deferred: Deferred[T]) -> list[T | Failure]:
    results: list[T | Failure] = []
    deferred.addBoth(results.append)
    return results


@contextmanager
def logged() -> Iterator[list[LogEvent]]:
    """The events that are logged meanwhile."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        yield events
    finally:
        globalLogPublisher.removeObserver(events.append)


@implementer(IReactorFromThreads)
class ThreadCalls:
    """
    Takes the place of a reactor for code that has threads of its own: what
    they bring by ``callFromThread`` is called when a test waits for it. Each
    call of it is a turn of its own.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., object], *args: object, **kwargs: object) -> None:  # noqa: A002
        self._calls.put(lambda: callable(*args, **kwargs))

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> None:  # noqa: A002
        callable(*args)

    def wait_for(self, deferred: Deferred[T], timeout: float = 30.0) -> T:
        """Make the calls that come in until the Deferred has fired."""
        results = _results_of(deferred)
        give_up = time.monotonic() + timeout
        while not results:
            self._calls.get(timeout=max(give_up - time.monotonic(), 0.0))()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

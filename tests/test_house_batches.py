"""Work that is done together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from twisted.internet.defer import gatherResults
from twisted.python.failure import Failure

from mailext.batches import Batches
from mailext.threads import ThreadsBusyError
from tests.support import ThreadCalls, failure_result_of


class Worker:
    """
    Doubles numbers, once it may.

    :ivar batches: what it was given together.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.begun.release()
        assert self.may.acquire(timeout=30)
        self.batches.append(list(numbers))
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


@pytest.fixture
def worker() -> Worker:
    return Worker()


def started(worker: Worker, reactor: ThreadCalls, **changes: int) -> Batches[int, int]:
    batches = Batches(reactor, "test", worker, **({"threads": 1, "size": 3, "waiting": 5} | changes))
    batches.startService()
    return batches


def test_what_comes_while_the_thread_is_busy_is_done_together(worker: Worker) -> None:
    reactor = ThreadCalls()
    batches = started(worker, reactor)
    first = batches.do(1)
    assert worker.begun.acquire(timeout=30)
    others = [batches.do(number) for number in (2, 3, 4, 5)]
    worker.may.release(3)
    assert reactor.wait_for(gatherResults([first, *others])) == [2, 4, 6, 8, 10]
    assert worker.batches == [[1], [2, 3, 4], [5]]
    batches.stopService()


def test_too_much_is_refused_at_once(worker: Worker) -> None:
    reactor = ThreadCalls()
    batches = started(worker, reactor)
    taken = [batches.do(number) for number in range(5)]
    assert failure_result_of(batches.do(5)).check(ThreadsBusyError)
    worker.may.release(5)
    reactor.wait_for(gatherResults(taken))
    assert reactor.wait_for(batches.do(5)) == 10
    batches.stopService()


def test_it_is_known_whether_the_threads_keep_up(worker: Worker) -> None:
    reactor = ThreadCalls()
    batches = started(worker, reactor)
    taken = [batches.do(number) for number in range(2)]
    assert batches.keeps_up
    taken.append(batches.do(2))
    assert not batches.keeps_up
    worker.may.release(3)
    reactor.wait_for(gatherResults(taken))
    assert batches.keeps_up
    batches.stopService()


def test_work_that_fails_is_told_to_everyone_and_the_next_goes_on(worker: Worker) -> None:
    reactor = ThreadCalls()
    batches = started(worker, reactor)
    worker.may.release(5)
    with pytest.raises(ValueError, match="13"):
        reactor.wait_for(batches.do(13))
    assert reactor.wait_for(batches.do(1)) == 2
    batches.stopService()


def test_one_thing_that_fails_is_not_the_others_trouble() -> None:
    def work(numbers: Sequence[int]) -> list[int | Failure]:
        return [Failure(ValueError("13")) if number == 13 else number for number in numbers]

    reactor = ThreadCalls()
    batches = Batches(reactor, "test", work, threads=1, size=3, waiting=5)
    batches.startService()
    first, unlucky, last = (batches.do(number) for number in (1, 13, 2))
    assert reactor.wait_for(gatherResults([first, last])) == [1, 2]
    with pytest.raises(ValueError, match="13"):
        reactor.wait_for(unlucky)
    batches.stopService()


def test_what_was_given_is_finished_at_the_end(worker: Worker) -> None:
    reactor = ThreadCalls()
    batches = started(worker, reactor, threads=2)
    results = [batches.do(number) for number in (1, 2, 3, 4)]
    worker.may.release(4)
    batches.stopService()
    assert reactor.wait_for(gatherResults(results)) == [2, 4, 6, 8]
    assert failure_result_of(batches.do(5)).check(ThreadsBusyError)

"""Thread pools with an end."""

from __future__ import annotations

import threading

import pytest

from mailext.threads import BoundedThreads, ThreadsBusyError
from tests.support import ThreadCalls, failure_result_of


@pytest.fixture
def reactor():
    return ThreadCalls()


@pytest.fixture
def threads(reactor):
    threads = BoundedThreads(reactor, "test", threads=1, waiting=1)
    threads.startService()
    yield threads
    threads.stopService()


def test_results_and_errors_come_back(reactor, threads):
    assert reactor.wait_for(threads.run(threading.current_thread)) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        reactor.wait_for(threads.run(lambda: 1 // 0))


def test_too_much_is_refused_at_once_and_room_is_made_again(reactor, threads):
    gate = threading.Event()
    running, waiting = threads.run(gate.wait), threads.run(lambda: "done")
    assert failure_result_of(threads.run(lambda: None)).check(ThreadsBusyError)
    gate.set()
    assert reactor.wait_for(running) is True
    assert reactor.wait_for(waiting) == "done"
    assert reactor.wait_for(threads.run(lambda: "again")) == "again"


def test_a_cancelled_wait_makes_no_room(reactor, threads):
    gate = threading.Event()
    running = [threads.run(gate.wait), threads.run(lambda: "done")]
    for each in running:
        each.cancel()
        failure_result_of(each)
    assert failure_result_of(threads.run(lambda: None)).check(ThreadsBusyError)
    gate.set()


def test_a_stopped_pool_says_so(reactor):
    threads = BoundedThreads(reactor, "test", threads=1, waiting=1)
    threads.startService()
    threads.stopService()
    assert failure_result_of(threads.run(lambda: None)).check(ThreadsBusyError)

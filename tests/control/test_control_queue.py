"""What an operator does with the queue of a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from mailext.control.queue import QueueOperations
from mailext.control.requests import DemandTls, DropMessage, RequestRefusedError, RetryMessages
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.dispatch import Deferral
from mailext.values import Mailbox, Outcome, TlsDemand
from tests.queue_fakes import FakeTarget
from tests.queue_samples import ANN, CAROL
from tests.queue_site import QueueSite, Waiting
from tests.support import failure_result_of, logged, success_result_of

BUECHER = Mailbox("dora", "Bücher.example")
LATER = Outcome(451, "4.2.0", "Later")
DEAD = Outcome(451, "4.4.1", "Cannot connect")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[QueueSite]:
    site = QueueSite(tmp_path)
    yield site
    site.close()


@pytest.fixture
def backoff(queue: QueueSite) -> DestinationBackoff:
    return DestinationBackoff(queue.queue_clock.steady)


@pytest.fixture
def operations(queue: QueueSite, backoff: DestinationBackoff) -> QueueOperations:
    return QueueOperations(
        queue.opened.queue_admin,
        queue.queue_clock,
        queue.manager.wake,
        queue.manager.abandon,
        backoff.forget,
    )


def done(answer: object) -> object:
    result = success_result_of(Deferred.fromCoroutine(answer))
    assert json.loads(json.dumps(result)) == result
    return result


def test_a_retry_tries_at_once_what_waits_for_its_time(queue: QueueSite, operations: QueueOperations) -> None:
    queue.home.outcomes[ANN] = LATER
    queue.add(ANN)
    queue.manager.start()
    queue.home.outcomes.clear()
    assert done(operations.retry(RetryMessages("m1"))) == [{"id": "m1"}]
    assert len(queue.home.deliveries) == 2
    assert queue.entries() == []


def test_a_retry_ends_the_pause_of_its_destinations(
    queue: QueueSite, operations: QueueOperations, backoff: DestinationBackoff
) -> None:
    far = FakeTarget()

    def way() -> FakeTarget | Deferral:
        return backoff.deferral("xn--bcher-kva.example") or far

    for name in ("xn--bcher-kva.example", "example.com"):
        backoff.failed(name, DEAD)
    queue.dispatch.ways[BUECHER.domain] = way
    queue.add(BUECHER)
    queue.manager.start()
    assert far.deliveries == []
    done(operations.retry(RetryMessages()))
    assert len(far.deliveries) == 1
    assert queue.entries() == []
    assert backoff.deferral("example.com") is not None


def test_a_message_that_is_under_way_is_cut_off_when_it_is_dropped(
    queue: QueueSite, operations: QueueOperations
) -> None:
    queue.home.answers = Waiting()
    queue.add(ANN, CAROL)
    queue.manager.start()
    with logged() as events:
        assert done(operations.drop(DropMessage("m1"))) == {"id": "m1"}
    [event] = [event for event in events if event.get("event")]
    assert (event["event"], event["queueId"], event["recipients"], event["delivered"]) == (
        "dropped",
        "m1",
        2,
        0,
    )
    assert queue.entries() == []
    assert queue.manager.stop().called


@pytest.mark.requirement("R4")
def test_another_demand_holds_from_the_next_attempt_on(queue: QueueSite, operations: QueueOperations) -> None:
    queue.home.outcomes[ANN] = LATER
    queue.add(ANN)
    queue.manager.start()
    with logged() as events:
        answer = done(operations.demand_tls(DemandTls("m1", "require")))
    assert answer == {"id": "m1", "requiretls": "require"}
    [event] = [event for event in events if event.get("event")]
    assert (event["event"], event["former"], event["requiretls"]) == ("demand", "none", "require")
    queue.clock.advance(300)
    envelope = queue.home.deliveries[1].envelope
    assert (envelope.tls_demand, envelope.options.requiretls) == (TlsDemand.REQUIRE, True)


def test_what_is_no_demand(operations: QueueOperations) -> None:
    failure = failure_result_of(Deferred.fromCoroutine(operations.demand_tls(DemandTls("m1", "REQUIRE"))))
    failure.trap(RequestRefusedError)
    assert failure.getErrorMessage() == "not a demand: 'REQUIRE'; known: none, optional, require"

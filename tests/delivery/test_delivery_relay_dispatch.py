"""Which recipients of a queued message leave this server, and how often a dead host is tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mailext.accounts.addresses import AddressBook
from mailext.delivery.relay import RelayTarget, RemoteDispatch
from mailext.queue.clock import QueueClock
from mailext.queue.manager import QueueManager
from mailext.queue.schedule import RetrySchedule
from mailext.queue.shares import DestinationShares
from mailext.storage.store import Store, open_store_offline
from mailext.values import Mailbox, Outcome, Recipient
from tests.delivery.relay_site import BOB, CAROL, RelaySite
from tests.queue_fakes import FakeTarget
from tests.queue_samples import entry_of, envelope_to, written
from tests.support import logged, success_result_of

ANN = Mailbox("ann", "example.org")
NOBODY = Mailbox("nobody", "example.org")
DAVE = Mailbox("dave", "EXAMPLE.net")
ERIN = Mailbox("erin", "example.com")
CONTENT = b"Subject: x\r\n\r\nOne.\r\n"


@pytest.fixture
def dispatch(site: RelaySite) -> RemoteDispatch:
    book = AddressBook(["example.org"], ["ann@example.org"])
    shares = DestinationShares(site.world.clock.seconds, total=100)
    return RemoteDispatch(lambda: book, site.means, shares)


def grouped(dispatch: RemoteDispatch, *addresses: Mailbox) -> list[tuple[str, list[Mailbox]]]:
    entry = entry_of("Q1", envelope_to(*addresses))
    groups = dispatch.elsewhere(entry, entry.envelope.recipients)
    assert all(isinstance(group.way, RelayTarget) for group in groups)
    return [(group.way.destination, [each.address for each in group.recipients]) for group in groups]


def test_remote_recipients_are_grouped_by_their_destination(dispatch: RemoteDispatch) -> None:
    assert grouped(dispatch, ANN, BOB, ERIN, DAVE, NOBODY) == [
        ("example.net", [BOB, DAVE]),
        ("example.com", [ERIN]),
    ]


def test_literals_and_what_is_no_domain_are_destinations_too(dispatch: RemoteDispatch) -> None:
    addresses = [
        Mailbox("x", domain) for domain in ("[192.0.2.9]", "[IPv6:2001:DB8::1]", "-", "bücher.example")
    ]
    destinations = [destination for destination, _ in grouped(dispatch, *addresses)]
    assert destinations == ["[192.0.2.9]", "[IPv6:2001:db8::1]", "-", "xn--bcher-kva.example"]


def test_a_destination_that_is_left_alone_is_not_tried(site: RelaySite, dispatch: RemoteDispatch) -> None:
    site.backoff.failed("example.net", Outcome(451, "4.4.1", "Cannot connect"))
    [group] = dispatch.elsewhere(entry_of("Q1", envelope_to(BOB)), (Recipient(BOB),))
    deferral = group.gate.enter()
    assert deferral is not None
    assert deferral.outcome.is_temporary


# With the queue manager


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store_offline(tmp_path)
    yield store
    success_result_of(store.close())


def manage(site: RelaySite, store: Store, dispatch: RemoteDispatch, home: FakeTarget) -> QueueManager:
    clock = site.world.clock
    return QueueManager(
        store.queue,
        home,
        RetrySchedule((300.0,), give_up_after=86400.0, jitter=0.0),
        QueueClock(clock, clock.seconds),
        Random(1),
        dispatch=dispatch,
        concurrency=5,
    )


def add(store: Store, queue_id: str, *addresses: Mailbox) -> None:
    entry = entry_of(queue_id, envelope_to(*addresses), size=len(CONTENT), arrived=0.0)
    success_result_of(store.queue.add(entry, written(store.queue, CONTENT)))


def test_a_message_for_here_and_elsewhere(site: RelaySite, store: Store, dispatch: RemoteDispatch) -> None:
    site.dns("insecure")
    site.host("a", "plain")
    add(store, "Q1", ANN, BOB, CAROL)
    home = FakeTarget()
    manager = manage(site, store, dispatch, home)
    manager.start()
    site.world.pump()
    assert [delivery.addresses for delivery in home.deliveries] == [[ANN]]
    [(_, script)] = site.took()
    assert script.messages == [CONTENT]
    assert b"RCPT TO:<carol@example.net>" in script.heard
    assert success_result_of(store.queue_admin.entries()) == []


def test_a_dead_host_costs_a_few_attempts_and_not_one_for_each_message(
    site: RelaySite, store: Store, dispatch: RemoteDispatch
) -> None:
    site.dns("insecure")
    site.host("a", "dead")
    for number in range(50):
        add(store, f"Q{number}", BOB)
    manager = manage(site, store, dispatch, FakeTarget())
    with logged() as events:
        manager.start()
        site.world.pump()
        first = [event["host"] for event in events if event.get("event") == "relay"]
        site.world.advance(301)
    tried = [event["host"] for event in events if event.get("event") == "relay"]
    assert first == ["a.example.net", "b.example.net"]
    assert tried == first * 2
    waiting = success_result_of(store.queue_admin.entries())
    assert len(waiting) == 50
    assert {entry.recipients[0].last_reply[:9] for entry in waiting} == {"451 4.4.1"}


def test_when_it_is_back_everything_goes(site: RelaySite, store: Store, dispatch: RemoteDispatch) -> None:
    site.dns("insecure")
    site.host("a", "dead")
    for number in range(20):
        add(store, f"Q{number}", BOB)
    manager = manage(site, store, dispatch, FakeTarget())
    manager.start()
    site.world.pump()
    site.host("a", "plain")
    for _ in range(3):
        site.world.advance(301)
    assert sum(len(script.messages) for script in site.scripts["a"]) == 20
    assert success_result_of(store.queue_admin.entries()) == []


@pytest.mark.parametrize(
    ("words", "attempts", "in_doubt"),
    [
        ("GREET=silence", 0, False),
        ("MAIL=silence RCPT=silence DATA=silence", 0, False),
        ("END=silence", 1, True),
    ],
)
def test_a_manager_that_stops_cuts_the_connection(
    site: RelaySite, store: Store, dispatch: RemoteDispatch, words: str, attempts: int, in_doubt: bool
) -> None:
    site.dns("insecure")
    site.host("a", f"plain {words}")
    add(store, "Q1", BOB)
    manager = manage(site, store, dispatch, FakeTarget())
    manager.start()
    site.world.pump()
    stopped = manager.stop(grace=10.0)
    site.world.advance(10)
    assert success_result_of(stopped) is None
    assert all(link.client.gone for link in site.world.links)
    [entry] = success_result_of(store.queue_admin.entries())
    assert (entry.recipients[0].attempts, entry.recipients[0].in_doubt) == (attempts, in_doubt)
    due = site.world.clock.seconds() + (300 if in_doubt else 0)
    assert entry.next_attempt <= due
    # Whoever comes next may have it.
    assert len(success_result_of(store.queue.claimDue(due, due + 1, 1))) == 1

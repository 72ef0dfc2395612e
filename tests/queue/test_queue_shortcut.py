"""A message for one mailbox goes past the queue; what cannot goes into it, as if nobody had tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.intake import NO_INTAKE
from mailext.queue.shortcut import ShortcutTarget
from mailext.queue.target import QueueTarget
from mailext.storage.store import Store, open_store_offline
from mailext.values import Envelope, Mailbox, Notify, Outcome, RcptOptions, Recipient
from tests.queue_fakes import FakeTarget
from tests.queue_samples import ANN, BOB, CAROL, envelope_to
from tests.support import logged, success_result_of

HEADERS = HeaderSection.parse(b"Subject: hello\r\n\r\n")[0]
BODY = b"A line.\r\n"


class Site:
    """A shortcut into the mailboxes of Ann and Bob, before a queue."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.store = store
        self.mailboxes = FakeTarget()
        ids = QueueIds(self.clock.seconds, Random(1))
        queue = QueueTarget(store.queue, ids, QueueClock(self.clock, self.clock.seconds), NO_INTAKE)
        self.target = ShortcutTarget(queue, self.mailboxes, {ANN, BOB}.__contains__)

    def send(self, envelope: Envelope, *body: bytes) -> Deferred[Mapping[Mailbox, Outcome]]:
        delivery = self.target.startDelivery(envelope, HEADERS)
        for part in body:
            delivery.write(part)
        return delivery.commit()

    def queued(self) -> list[tuple[list[Mailbox], bytes]]:
        """:return: the recipients and the contents of what is in the queue."""
        entries = success_result_of(self.store.queue_admin.entries())
        return [
            (
                [recipient.address for recipient in entry.envelope.recipients],
                b"".join(success_result_of(self.store.queue.readContent(entry))),
            )
            for entry in entries
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    store = open_store_offline(tmp_path)
    yield Site(store)
    success_result_of(store.close())


def test_the_contract(site: Site) -> None:
    verifyObject(IDeliveryTarget, site.target)
    verifyObject(IDelivery, site.target.startDelivery(envelope_to(ANN), HEADERS))


def test_it_is_in_the_mailbox_when_it_is_acknowledged(site: Site) -> None:
    committed: Deferred[Mapping[Mailbox, Outcome]] = Deferred()
    site.mailboxes.answers = lambda _: committed
    with logged() as events:
        acknowledged = site.send(envelope_to(ANN), BODY)
        assert not acknowledged.called
        committed.callback({ANN: Outcome(250, "2.0.0", "Delivered to the mailbox")})
    (outcome,) = success_result_of(acknowledged).values()
    assert [(event["event"], event["queueId"]) for event in events] == [
        (step, outcome.text.rpartition(" ")[2]) for step in ("accepted", "attempt", "done")
    ]
    [delivery] = site.mailboxes.deliveries
    assert (delivery.headers, delivery.body) == (HEADERS, BODY)
    assert site.queued() == []


@pytest.mark.parametrize("code", [451, 554])
def test_what_the_mailbox_does_not_take_is_the_queues(site: Site, code: int) -> None:
    site.mailboxes.outcomes[ANN] = Outcome(code, f"{code // 100}.2.2", "Mailbox full")
    (outcome,) = success_result_of(site.send(envelope_to(ANN), BODY)).values()
    assert (outcome.code, outcome.text.startswith("Ok: queued as ")) == (250, True)
    assert site.queued() == [([ANN], bytes(HEADERS) + BODY)]


@pytest.mark.parametrize(
    "envelope",
    [
        envelope_to(CAROL),
        envelope_to(ANN, BOB),
        Envelope(CAROL, (Recipient(ANN, RcptOptions(notify=frozenset({Notify.SUCCESS}))),)),
    ],
    ids=["of another host", "several", "a report is wanted"],
)
def test_others_have_no_shortcut(site: Site, envelope: Envelope) -> None:
    success_result_of(site.send(envelope, BODY))
    assert site.mailboxes.deliveries == []
    assert len(site.queued()) == 1


LARGE = [b"%07d\r\n" % number * 1000 for number in range(10)]


def test_a_large_message_is_written_once(site: Site) -> None:
    (outcome,) = success_result_of(site.send(envelope_to(ANN), *LARGE)).values()
    assert outcome.text.startswith("Ok: delivered as ")
    [delivery] = site.mailboxes.deliveries
    assert delivery.body == b"".join(LARGE)
    assert site.queued() == []


@pytest.mark.parametrize("code", [452, 550])
def test_whoever_sends_a_large_message_hears_what_keeps_it_from_the_mailbox(site: Site, code: int) -> None:
    refused = site.mailboxes.outcomes[ANN] = Outcome(code, f"{code // 100}.2.2", "Mailbox full")
    assert success_result_of(site.send(envelope_to(ANN), *LARGE)) == {ANN: refused}
    assert site.queued() == []


def test_nothing_is_left_of_what_is_given_up(site: Site) -> None:
    for parts in ([BODY], [b"x" * 70_000]):
        delivery = site.target.startDelivery(envelope_to(ANN), HEADERS)
        for part in parts:
            delivery.write(part)
        delivery.abort()
    assert all(delivery.aborted for delivery in site.mailboxes.deliveries)
    assert site.queued() == []


def test_whose_message_it_is_goes_with_it(site: Site) -> None:
    target = site.target.submitted_by("0123456789abcdef")
    with logged() as events:
        success_result_of(target.startDelivery(envelope_to(ANN), HEADERS).commit())
    assert {event["clientid"] for event in events} == {"0123456789abcdef"}

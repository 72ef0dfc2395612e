"""Recipients of one message that go to different targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.mail.smtp import SMTPServerError

from mailext.queue.attempt import DeliveryAttempts
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import Group
from mailext.queue.undelivered import UndeliveredError
from mailext.storage.store import open_store_offline
from mailext.values import Mailbox, Outcome, QueueEntry, Recipient
from tests.queue_fakes import DELIVERED, FailingStore, FakeTarget
from tests.queue_samples import ANN, BOB, CAROL, CONTENT, entry_of, envelope_to, written
from tests.support import logged, success_result_of

LATER = Outcome(451, "4.4.1", "Left alone")
DAVE = Mailbox("dave", "example.com")


@dataclass
class ByDomain:
    """A dispatch: a way for each of some domains."""

    ways: dict[str, FakeTarget | Outcome] = field(default_factory=dict)

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        grouped = {
            domain: tuple(each for each in recipients if each.address.domain == domain)
            for domain in self.ways
        }
        return [Group(grouped[domain], way) for domain, way in self.ways.items() if grouped[domain]]


class Site:
    def __init__(self, folder: Path) -> None:
        self.opened = open_store_offline(folder)
        self.store = FailingStore(self.opened.queue)
        self.home = FakeTarget()
        self.dispatch = ByDomain()
        clock = Clock()
        self.attempts = DeliveryAttempts(
            self.store, self.home, QueueClock(clock, clock.seconds), self.dispatch
        )

    def delivering(self, *addresses: Mailbox) -> Deferred[dict[Mailbox, Outcome]]:
        entry = entry_of("Q1", envelope_to(*addresses))
        success_result_of(self.store.add(entry, written(self.store, CONTENT)))
        return Deferred.fromCoroutine(self.attempts.deliver(entry))

    def deliver(self, *addresses: Mailbox) -> dict[Mailbox, Outcome]:
        return success_result_of(self.delivering(*addresses))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    success_result_of(site.opened.close())


def test_each_group_goes_its_way_with_the_whole_content(site: Site) -> None:
    site.dispatch.ways["example.net"] = far = FakeTarget()
    assert site.deliver(ANN, BOB, CAROL) == {ANN: DELIVERED, BOB: DELIVERED, CAROL: DELIVERED}
    [home], [away] = site.home.deliveries, far.deliveries
    assert (home.addresses, away.addresses) == ([ANN, BOB], [CAROL])
    for delivery in home, away:
        assert bytes(delivery.headers) + delivery.body == CONTENT


def test_the_own_target_is_not_asked_for_nobody(site: Site) -> None:
    site.dispatch.ways["example.net"] = FakeTarget()
    assert site.deliver(CAROL) == {CAROL: DELIVERED}
    assert site.home.deliveries == []


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (SMTPServerError(550, b"5.7.1 No"), Outcome(550, "5.7.1", "No")),
        (OSError("broken"), Outcome(451, "4.3.0", "Requested action aborted: local error in processing")),
        (
            UndeliveredError({CAROL: Outcome(550, "5.1.1", "Unknown", "mx.example.net")}),
            Outcome(550, "5.1.1", "Unknown", "mx.example.net"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_trouble_of_one_group_is_its_own(site: Site, refusal: Exception, expected: Outcome) -> None:
    site.dispatch.ways["example.net"] = FakeTarget(refusal=refusal)
    assert site.deliver(ANN, CAROL) == {ANN: DELIVERED, CAROL: expected}


def test_a_group_may_be_settled_without_a_try_and_without_reading(site: Site) -> None:
    site.dispatch.ways["example.net"] = LATER
    site.store.failures["readContent"] = 1
    assert site.deliver(CAROL) == {CAROL: LATER}
    assert site.store.failures["readContent"] == 1


def test_one_group_does_not_wait_for_another(site: Site) -> None:
    slow: Deferred[dict[Mailbox, Outcome]] = Deferred()
    site.home.answers = lambda _: slow
    site.dispatch.ways["example.net"] = far = FakeTarget()
    outcomes = site.delivering(ANN, CAROL)
    assert [delivery.addresses for delivery in far.deliveries] == [[CAROL]]
    slow.callback({ANN: LATER})
    assert success_result_of(outcomes) == {ANN: LATER, CAROL: DELIVERED}


def test_no_more_groups_at_a_time_than_are_good_for_the_others(site: Site) -> None:
    waiting: list[Deferred[dict[Mailbox, Outcome]]] = []

    def answer(_: object) -> Deferred[dict[Mailbox, Outcome]]:
        waiting.append(Deferred())
        return waiting[-1]

    addresses = [Mailbox("ann", f"{number}.example") for number in range(30)]
    for address in addresses:
        site.dispatch.ways[address.domain] = FakeTarget(answers=answer)
    outcomes = site.delivering(*addresses)
    assert len(waiting) == 10
    for number, address in enumerate(addresses):
        waiting[number].callback({address: DELIVERED})
    assert success_result_of(outcomes) == dict.fromkeys(addresses, DELIVERED)


def test_a_dispatch_that_fails_defers_the_message(site: Site) -> None:
    site.dispatch.elsewhere = lambda entry, recipients: 1 / 0
    with logged() as events:
        outcomes = site.deliver(ANN, DAVE)
    assert {str(outcome)[:9] for outcome in outcomes.values()} == {"451 4.3.0"}
    assert outcomes.keys() == {ANN, DAVE}
    assert any("log_failure" in event for event in events)

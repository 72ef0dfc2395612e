"""The queue as a delivery target: 250 after the commit, 451 for all trouble."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.intake import NOT_LEASED
from mailext.queue.target import QueueTarget
from mailext.storage.store import Store, open_store_offline
from mailext.values import BodyType, QueueEntry, TlsDemand
from tests.queue_samples import ANN, BOB, envelope_to, large_content, with_demand
from tests.support import logged, success_result_of

HEADERS, _ = HeaderSection.parse(b"Subject: hello\r\n\r\n")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store_offline(tmp_path)
    yield opened
    success_result_of(opened.close())


class Site:
    """A queue target and what it tells."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.woken: list[str] = []
        self.lease = NOT_LEASED
        self.ids = QueueIds(self.clock.seconds, Random(1))
        self.target = QueueTarget(
            store.queue,
            self.ids,
            QueueClock(self.clock, self.clock.seconds),
            self,
        )

    def reserve(self) -> float:
        return self.lease

    def begin(self, entry: QueueEntry) -> None:
        self.woken.append(f"begin {entry.id}")

    def withdraw(self) -> None:
        self.woken.append("withdraw")

    def wake(self) -> None:
        self.woken.append("woken")


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


def test_the_contract(site: Site) -> None:
    verifyObject(IDeliveryTarget, site.target)
    verifyObject(IDelivery, site.target.startDelivery(envelope_to(ANN), HEADERS))


@pytest.mark.requirement("R4")
def test_a_message_is_in_the_store_when_it_is_acknowledged(site: Site, store: Store) -> None:
    envelope = with_demand(envelope_to(ANN, BOB), TlsDemand.REQUIRE)
    delivery = site.target.submitted_by("0123456789abcdef").startDelivery(envelope, HEADERS)
    delivery.write(b"A line.\r\n")
    assert site.woken == []
    with logged() as events:
        outcomes = success_result_of(delivery.commit())
    (entry,) = success_result_of(store.queue_admin.entries())
    assert {str(outcome) for outcome in outcomes.values()} == {f"250 2.0.0 Ok: queued as {entry.id}"}
    assert set(outcomes) == {ANN, BOB}
    assert site.woken == ["woken"]
    assert (entry.envelope, entry.arrived, entry.next_attempt) == (envelope, 1000.0, 1000.0)
    content = b"".join(success_result_of(store.queue.readContent(entry)))
    assert content == b"Subject: hello\r\n\r\nA line.\r\n"
    assert entry.size == len(content)

    (event,) = events
    wanted = {
        "event": "accepted",
        "queueId": entry.id,
        "reversePath": "carol@example.net",
        "recipients": 2,
        "size": entry.size,
        "requiretls": "require",
        "clientid": "0123456789abcdef",
    }
    assert {key: event[key] for key in wanted} == wanted


def test_what_is_aborted_leaves_nothing(site: Site, store: Store, tmp_path: Path) -> None:
    delivery = site.target.startDelivery(envelope_to(ANN), HEADERS)
    for chunk in large_content(200_000):
        delivery.write(chunk)
    assert list((tmp_path / "content" / "tmp").iterdir())
    delivery.abort()
    delivery.abort()
    assert not list((tmp_path / "content" / "tmp").iterdir())
    assert success_result_of(store.queue_admin.entries()) == []


def test_a_disk_that_fills_up_meanwhile_is_a_temporary_refusal(
    site: Site, store: Store, tmp_path: Path
) -> None:
    delivery = site.target.startDelivery(envelope_to(ANN), HEADERS)
    # As on a disk without room: no new file can be made.
    (tmp_path / "content" / "tmp").rmdir()
    for chunk in large_content(200_000):
        delivery.write(chunk)
    with logged() as events:
        outcomes = success_result_of(delivery.commit())
    assert (outcomes[ANN].code, outcomes[ANN].enhanced) == (451, "4.3.0")
    assert "log_failure" in events[0]
    assert site.woken == []
    assert success_result_of(store.queue_admin.entries()) == []


def test_a_store_that_refuses_is_a_temporary_refusal(site: Site, store: Store, tmp_path: Path) -> None:
    site.ids._random = Random(1)
    first = site.target.startDelivery(envelope_to(ANN), HEADERS)
    success_result_of(first.commit())
    # The same id again: the database refuses the second.
    site.ids._random = Random(1)
    second = site.target.startDelivery(envelope_to(BOB), HEADERS)
    for chunk in large_content(200_000):
        second.write(chunk)
    outcomes = success_result_of(second.commit())
    assert outcomes[BOB].code == 451
    (entry,) = success_result_of(store.queue_admin.entries())
    assert entry.envelope.recipients[0].address == ANN
    assert not list((tmp_path / "content" / "tmp").iterdir())


def test_a_message_that_there_is_a_place_for_goes_straight_on(site: Site, store: Store) -> None:
    site.lease = 5000.0
    delivery = site.target.startDelivery(envelope_to(ANN), HEADERS)
    delivery.write(b"A line.\r\n")
    success_result_of(delivery.commit())
    (entry,) = success_result_of(store.queue_admin.entries())
    assert site.woken == [f"begin {entry.id}"]
    # It is leased: nobody else gets it.
    assert success_result_of(store.queue.claimDue(1000.0, 2000.0, 1)) == []
    # What was just written need not be read; what was read once is read again.
    for _ in range(2):
        content = b"".join(success_result_of(store.queue.readContent(entry)))
        assert content == b"Subject: hello\r\n\r\nA line.\r\n"


def test_a_place_is_given_back_if_the_store_refuses(site: Site) -> None:
    site.lease = 5000.0
    for _ in range(2):
        site.ids._random = Random(1)
        last = site.target.startDelivery(envelope_to(ANN), HEADERS).commit()
    assert success_result_of(last)[ANN].code == 451
    assert site.woken[1:] == ["withdraw"]


@pytest.mark.parametrize("said", [None, BodyType.SEVEN_BIT, BodyType.EIGHT_BIT_MIME])
@pytest.mark.parametrize(
    ("header", "body", "is_eight_bit"),
    [(b"x", b"\xc3", True), (b"\xe9", b"x", True), (b"x", b"x", False)],
)
def test_octets_are_eight_bit_whatever_was_said_of_them(
    site: Site, store: Store, said: BodyType | None, header: bytes, body: bytes, is_eight_bit: bool
) -> None:
    envelope = envelope_to(ANN)
    envelope = replace(envelope, options=replace(envelope.options, body=said))
    headers, _ = HeaderSection.parse(b"Subject: " + header + b"\r\n\r\n")
    delivery = site.target.startDelivery(envelope, headers)
    delivery.write(b"One.\r\n")
    delivery.write(body + b"\r\n")
    delivery.write(b"Three.\r\n")
    success_result_of(delivery.commit())
    [entry] = success_result_of(store.queue_admin.entries())
    assert entry.envelope.options.body is (BodyType.EIGHT_BIT_MIME if is_eight_bit else said)

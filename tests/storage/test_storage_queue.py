"""The durable queue, the same by a server's threads and by a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IContentWriter, IQueueStore
from mailext.storage.content import SMALL
from mailext.storage.errors import NoMessageError
from mailext.storage.operating import QueueSelection
from mailext.storage.store import Store, open_store, open_store_offline
from mailext.values import (
    BodyType,
    Envelope,
    Mailbox,
    MailOptions,
    Notify,
    Progress,
    QueuedRecipient,
    QueueEntry,
    RcptOptions,
    Recipient,
    RecipientState,
    Ret,
    Settlement,
    TlsDemand,
)
from tests.queue_samples import ANN, BOB, CAROL, CONTENT, entry_of, envelope_to, written
from tests.support import ThreadCalls, success_result_of


class OpenStore:
    """A store, and how to wait for what it promises."""

    def __init__(self, store: Store, result: Callable[[Deferred[object]], object]) -> None:
        self.store = store
        self.queue = store.queue
        self.admin = store.queue_admin
        self.result = result

    def add(self, entry: QueueEntry, *chunks: bytes) -> None:
        self.result(self.queue.add(entry, written(self.queue, *(chunks or (CONTENT,)))))

    def claim(self, now: float = 5000.0, limit: int = 10) -> list[QueueEntry]:
        return self.result(self.queue.claimDue(now, now + 3600, limit))

    def content(self, entry: QueueEntry) -> bytes:
        return b"".join(self.result(self.queue.readContent(entry)))


@pytest.fixture(params=["server", "command"])
def opened(request: pytest.FixtureRequest, state: Path) -> Iterator[OpenStore]:
    if request.param == "server":
        reactor = ThreadCalls()
        site = OpenStore(open_store(state, reactor), reactor.wait_for)
    else:
        site = OpenStore(open_store_offline(state), success_result_of)
    yield site
    site.result(site.store.close())


def settled(entry: QueueEntry, *states: RecipientState, hold: bool = False) -> Settlement:
    recipients = tuple(
        replace(queued, state=state, attempts=queued.attempts + 1, last_reply="250 2.0.0 So")
        for queued, state in zip(entry.recipients, states, strict=True)
    )
    return Settlement(entry.id, recipients, next_attempt=7000.0, hold=hold)


def test_the_contract(opened: OpenStore) -> None:
    verifyObject(IQueueStore, opened.queue)
    verifyObject(IContentWriter, opened.queue.openContent())


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
_mailboxes = st.builds(Mailbox, _text, _text)
_recipients = st.builds(
    Recipient,
    _mailboxes,
    st.builds(RcptOptions, st.frozensets(st.sampled_from(Notify)), st.none() | _text),
    st.none() | _mailboxes,
)
_envelopes = st.builds(
    Envelope,
    st.none() | _mailboxes,
    st.lists(_recipients, min_size=1, max_size=4).map(tuple),
    st.builds(
        MailOptions,
        size=st.none() | st.integers(0, 2**40),
        body=st.none() | st.sampled_from(BodyType),
        smtputf8=st.booleans(),
        auth=st.none() | st.just("") | _text,
        ret=st.none() | st.sampled_from(Ret),
        envid=st.none() | _text,
        requiretls=st.booleans(),
    ),
    st.sampled_from(TlsDemand),
)


@pytest.mark.requirement("R4")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(envelope=_envelopes, states=st.data())
def test_every_fact_of_a_message_comes_back(
    offline: Store, envelope: Envelope, states: st.DataObject
) -> None:
    recipients = tuple(
        QueuedRecipient(
            recipient,
            states.draw(st.sampled_from(RecipientState)),
            states.draw(st.integers(0, 100)),
            states.draw(_text),
            states.draw(st.frozensets(st.sampled_from(Notify))),
            states.draw(st.floats(0, 2**40)),
            states.draw(st.booleans()),
        )
        for recipient in envelope.recipients
    )
    entry = QueueEntry("m1", 1.5, envelope, recipients, len(CONTENT), 2.25, hold=True, clientid="00ff")
    success_result_of(offline.queue.add(entry, written(offline.queue, CONTENT)))
    assert success_result_of(offline.queue_admin.entries()) == [entry]
    done = tuple(replace(queued, state=RecipientState.DELIVERED) for queued in recipients)
    success_result_of(offline.queue.settle(Settlement("m1", done, 0.0)))
    assert success_result_of(offline.queue_admin.entries()) == []


@pytest.mark.parametrize("octets", [0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL + 7])
def test_contents_come_back_in_bounded_chunks(opened: OpenStore, state: Path, octets: int) -> None:
    data = bytes(range(256)) * (octets // 256 + 1)
    data = data[:octets]
    pieces = [data[start : start + 10_000] for start in range(0, octets, 10_000)] or [b""]
    entry = entry_of("abcdef", envelope_to(ANN), size=octets)
    opened.add(entry, *pieces)
    assert (state / "content" / "ef" / "abcdef").exists() == (octets > SMALL)
    chunks = list(opened.result(opened.queue.readContent(entry)))
    assert b"".join(chunks) == data
    assert max(map(len, chunks), default=0) <= SMALL
    opened.result(opened.queue.settle(settled(entry, RecipientState.DELIVERED)))
    assert not (state / "content" / "ef" / "abcdef").exists()


def test_a_claim_takes_what_is_due_and_nobody_holds_the_oldest_first(opened: OpenStore) -> None:
    for number, due in enumerate([4000.0, 3000.0, 2000.0, 6000.0]):
        opened.add(entry_of(f"m{number}", envelope_to(ANN), arrived=due))
    assert opened.result(opened.queue.nextDue()) == 2000.0
    assert [entry.id for entry in opened.claim(limit=2)] == ["m2", "m1"]
    assert [entry.id for entry in opened.claim()] == ["m0"]
    assert opened.claim() == []
    assert opened.result(opened.queue.nextDue()) == 6000.0
    # A lease that has lapsed is as good as none.
    assert len(opened.claim(now=9000.0)) == 4


def test_a_settled_message_is_due_again_with_what_its_recipients_brought(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN, BOB)))
    (entry,) = opened.claim()
    opened.result(opened.queue.settle(settled(entry, RecipientState.DELIVERED, RecipientState.QUEUED)))
    assert opened.claim(now=6999.0) == []
    (again,) = opened.claim(now=7000.0)
    assert [queued.state for queued in again.recipients] == [RecipientState.DELIVERED, RecipientState.QUEUED]
    assert [queued.attempts for queued in again.recipients] == [1, 1]
    assert again.recipients[0].last_reply == "250 2.0.0 So"
    opened.result(opened.queue.settle(settled(again, RecipientState.DELIVERED, RecipientState.DELIVERED)))
    assert opened.result(opened.admin.entries()) == []
    assert opened.result(opened.queue.nextDue()) is None


def test_a_held_message_waits_until_it_is_released(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN, BOB)))
    (entry,) = opened.claim()
    states = (RecipientState.FAILED, RecipientState.DELIVERED)
    opened.result(opened.queue.settle(settled(entry, *states, hold=True)))
    assert opened.claim(now=99999.0) == []
    assert opened.result(opened.queue.nextDue()) is None
    assert opened.result(opened.admin.release("m1", 99999.0))
    (released,) = opened.claim(now=99999.0)
    assert [queued.state for queued in released.recipients] == [
        RecipientState.QUEUED,
        RecipientState.DELIVERED,
    ]
    assert opened.content(released) == CONTENT


def test_a_release_does_not_try_again_what_was_reported_as_failed(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN, BOB)))
    (entry,) = opened.claim()
    settlement = settled(entry, RecipientState.FAILED, RecipientState.FAILED, hold=True)
    told = replace(settlement.recipients[0], reported=frozenset({Notify.DELAY, Notify.FAILURE}))
    opened.result(opened.queue.settle(replace(settlement, recipients=(told, settlement.recipients[1]))))
    assert opened.result(opened.admin.release("m1", 99999.0))
    (released,) = opened.claim(now=99999.0)
    assert released.recipients[0] == told
    assert released.recipients[1].state is RecipientState.QUEUED


def test_where_somebody_waits_a_release_leaves_failures_alone(opened: OpenStore) -> None:
    """They were dealt with when they came; the operator held the message for other reasons."""
    opened.add(entry_of("m1", envelope_to(ANN, BOB)))
    (entry,) = opened.claim()
    settlement = settled(entry, RecipientState.FAILED, RecipientState.QUEUED, hold=True)
    later = replace(settlement.recipients[1], next_attempt=10**6)
    opened.result(opened.queue.settle(replace(settlement, recipients=(settlement.recipients[0], later))))
    assert opened.result(opened.admin.release("m1", 99999.0))
    (released,) = opened.claim(now=99999.0)
    assert released.recipients == (settlement.recipients[0], replace(later, next_attempt=0.0))


def test_a_retry_makes_due_what_waits_and_nothing_else(opened: OpenStore) -> None:
    for name, address in (("m1", ANN), ("m2", CAROL), ("m3", BOB)):
        opened.add(entry_of(name, envelope_to(address), arrived=1000.0 + int(name[1])))
    for entry in opened.claim():
        later = tuple(replace(queued, next_attempt=7000.0) for queued in entry.recipients)
        opened.result(opened.queue.settle(Settlement(entry.id, later, 7000.0)))
    opened.result(opened.admin.hold("m3"))
    assert opened.claim(now=6000.0) == []

    one = opened.result(opened.admin.retry("m2", 6000.0))
    assert (one.queue_ids, one.domains) == (["m2"], frozenset({"example.net"}))
    (entry,) = opened.claim(now=6000.0)
    assert (entry.id, entry.recipients[0].next_attempt) == ("m2", 0.0)
    everything = opened.result(opened.admin.retry(None, 6000.0))
    assert (everything.queue_ids, everything.domains) == (["m1", "m2"], {"example.org", "example.net"})
    # m2 is under way.
    assert [entry.id for entry in opened.claim(now=6000.0)] == ["m1"]
    for unknown in ("m3", "nosuch"):
        assert opened.result(opened.admin.retry(unknown, 6000.0)).queue_ids == []


@pytest.mark.parametrize("octets", [10, 3 * SMALL])
def test_what_is_dropped_is_gone_and_does_not_come_back(opened: OpenStore, state: Path, octets: int) -> None:
    opened.add(entry_of("m1", envelope_to(ANN, BOB), size=octets), b"x" * octets)
    (entry,) = opened.claim()
    assert opened.result(opened.admin.drop("m1")) == entry
    assert not (state / "content" / "m1" / "m1").exists()
    # What comes of the attempt under way finds nothing.
    opened.result(opened.queue.record(Progress("m1", {0: entry.recipients[0]})))
    opened.result(opened.queue.settle(settled(entry, RecipientState.DELIVERED, RecipientState.QUEUED)))
    assert opened.result(opened.admin.entries()) == []


def test_what_is_not_there_cannot_be_dropped(opened: OpenStore, state: Path) -> None:
    (state / "victim").write_bytes(b"")
    (state / "content" / "im").mkdir()
    for queue_id in ("nosuch", "../../victim"):
        with pytest.raises(NoMessageError, match=f"there is no message {queue_id}"):
            opened.result(opened.admin.drop(queue_id))
    assert (state / "victim").exists()


@pytest.mark.requirement("R4")
def test_another_demand_is_the_whole_truth(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN)))
    for demand in (TlsDemand.REQUIRE, TlsDemand.OPTIONAL, TlsDemand.NONE):
        (before,) = opened.result(opened.admin.entries())
        assert opened.result(opened.admin.demand_tls("m1", demand)) == before
        (entry,) = opened.result(opened.admin.entries())
        assert entry.envelope.tls_demand is demand
        assert entry.envelope.options.requiretls is (demand is TlsDemand.REQUIRE)
    with pytest.raises(NoMessageError):
        opened.result(opened.admin.demand_tls("nosuch", TlsDemand.NONE))


def test_progress_is_recorded_and_the_lease_stays(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN, BOB)))
    (entry,) = opened.claim()
    served = replace(
        entry.recipients[1], state=RecipientState.DELIVERED, attempts=1, last_reply="250 2.0.0 Ok"
    )
    opened.result(opened.queue.record(Progress("m1", {1: served})))
    (shown,) = opened.result(opened.admin.entries())
    assert shown.recipients == (entry.recipients[0], served)
    assert opened.claim() == []


def test_nothing_waits_longer_than_it_may(opened: OpenStore) -> None:
    for name, due in (("m1", 2000.0), ("m2", 10**9)):
        entry = entry_of(name, envelope_to(ANN), arrived=due)
        later = tuple(replace(queued, next_attempt=due) for queued in entry.recipients)
        opened.add(replace(entry, recipients=later))
    opened.result(opened.queue.bringForward(8000.0))
    dues = [
        (entry.next_attempt, entry.recipients[0].next_attempt)
        for entry in opened.result(opened.admin.entries())
    ]
    assert dues == [(2000.0, 2000.0), (8000.0, 8000.0)]


def test_a_list_can_be_of_some(opened: OpenStore) -> None:
    for number, address in enumerate([ANN, CAROL, Mailbox("dora", "Example.NET"), BOB]):
        opened.add(entry_of(f"m{number}", envelope_to(address), arrived=1000.0 + number))
    opened.result(opened.admin.hold("m3"))

    def listed(**selection: object) -> list[str]:
        entries = opened.result(opened.admin.entries(QueueSelection(**selection)))
        return [entry.id for entry in entries]

    assert listed(limit=2) == ["m0", "m1"]
    assert listed(held=True) == ["m3"]
    assert listed(domain="example.net") == ["m1", "m2"]
    assert listed(domain="EXAMPLE.net", limit=1) == ["m1"]
    assert listed(held=True, domain="example.net") == []


def test_what_a_dead_process_held_is_due_at_once(state: Path, reactor: ThreadCalls) -> None:
    died = open_store(state, reactor)
    reactor.wait_for(died.queue.add(entry_of("m1", envelope_to(ANN)), written(died.queue, CONTENT)))
    assert len(reactor.wait_for(died.queue.claimDue(5000.0, 5000.0 + 3600, 10))) == 1
    # Nothing was settled when it ended.
    reactor.wait_for(died.close())
    store = open_store(state, reactor)
    assert [entry.id for entry in reactor.wait_for(store.queue.claimDue(5000.0, 8600.0, 10))] == ["m1"]
    reactor.wait_for(store.close())


def test_an_operators_hold_outlasts_the_attempt_under_way(opened: OpenStore) -> None:
    opened.add(entry_of("m1", envelope_to(ANN)))
    (entry,) = opened.claim()
    assert opened.result(opened.admin.hold("m1"))
    opened.result(opened.queue.settle(settled(entry, RecipientState.QUEUED)))
    (shown,) = opened.result(opened.admin.entries())
    assert shown.hold
    assert opened.claim(now=99999.0) == []


def test_unknown_messages(opened: OpenStore) -> None:
    assert opened.result(opened.admin.show("../../etc/passwd")) is None
    assert not opened.result(opened.admin.hold("nosuch"))
    assert not opened.result(opened.admin.release("nosuch", 1.0))
    opened.add(entry_of("m1", envelope_to(ANN)))
    assert not opened.result(opened.admin.release("m1", 1.0))


def test_a_long_queue_is_listed_whole(opened: OpenStore) -> None:
    added = [
        opened.queue.add(entry_of(f"m{number:04d}", envelope_to(ANN, BOB)), written(opened.queue, CONTENT))
        for number in range(1100)
    ]
    for deferred in added:
        opened.result(deferred)
    listed = opened.result(opened.admin.entries())
    assert [entry.id for entry in listed] == [f"m{number:04d}" for number in range(1100)]
    assert {len(entry.recipients) for entry in listed} == {2}


@pytest.mark.parametrize("body", [b"short\r\n", b"x" * 200_000])
def test_showing_a_message_shows_its_headers(opened: OpenStore, body: bytes) -> None:
    opened.add(entry_of("m1", envelope_to(ANN)), b"Subject: hello\r\nTo: a", b"nn\r\n\r\n" + body)
    entry, headers = opened.result(opened.admin.show("m1"))
    assert entry == opened.result(opened.admin.entries())[0]
    assert headers.values(b"to") == ["ann"]


def test_content_of_another_store_is_not_taken(opened: OpenStore) -> None:
    @implementer(IContentWriter)
    class Foreign:
        size = 0

        def write(self, data: bytes) -> None: ...

        def discard(self) -> None: ...

    verifyObject(IContentWriter, Foreign())
    with pytest.raises(TypeError):
        opened.queue.add(entry_of("m1", envelope_to(ANN)), Foreign())

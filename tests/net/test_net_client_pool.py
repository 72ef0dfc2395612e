"""Connections are used again, but only by messages that they satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IHopConnection, IHopConnector, IPipeliningConnection
from mailext.net.client.pool import ConnectionPool, PoolSettings
from mailext.values import (
    Envelope,
    HopError,
    HopSession,
    Mailbox,
    NextHop,
    Outcome,
    Recipient,
    TlsEvidence,
    TlsFailedError,
    TlsUse,
)
from tests.support import assert_no_result, failure_result_of, logged, success_result_of

HOP = NextHop("mx.example.org", 25, ("192.0.2.1",))
OTHER = NextHop("mx.example.net", 25, ("192.0.2.2",))
ENVELOPE = Envelope(None, (Recipient(Mailbox("bob", "example.org")),))
VERIFIED = TlsEvidence("TLSv1.3", "X", "mx.example.org")


@implementer(IHopConnection)
class Fake:
    address = "192.0.2.1"
    session = HopSession(address, "192.0.2.9", "mx.example.org")
    reused = False
    evidence: TlsEvidence | None = None

    def __init__(self, hop: NextHop, keywords: Mapping[str, tuple[str, ...]]) -> None:
        self.hop = hop
        self.keywords = keywords
        self.usable = True
        self.worn_out = False
        self.sent = 0
        self.quits = 0

    def send(self, envelope: Envelope, content: Iterable[bytes]) -> Deferred[Mapping[Mailbox, Outcome]]:
        self.sent += 1
        return succeed({})

    def release(self) -> None:
        raise AssertionError("the pool does not give its own back")

    def quit(self) -> Deferred[None]:
        self.usable = False
        self.quits += 1
        return succeed(None)


@implementer(IHopConnector)
class FakeConnector:
    """
    :ivar keywords: what new connections offer.
    :ivar made: the connections it made.
    :ivar late: the Deferreds of connections that are waited for, if they are.
    :ivar kind: what it makes.
    """

    def __init__(self) -> None:
        self.kind: type[Fake] = Fake
        self.keywords: dict[str, tuple[str, ...]] = {}
        self.made: list[Fake] = []
        self.error: HopError | None = None
        self.late: list[Deferred[IHopConnection]] | None = None

    def connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        if self.error is not None:
            return fail(self.error)
        if self.late is not None:
            self.late.append(Deferred())
            return self.late[-1]
        self.made.append(self.kind(hop, self.keywords))
        return succeed(self.made[-1])


@pytest.fixture
def connector() -> FakeConnector:
    return FakeConnector()


class Pool(ConnectionPool):
    """A pool and its clock, with what tests mostly ask it."""

    def __init__(self, connector: FakeConnector, **settings: float) -> None:
        self.clock = Clock()
        super().__init__(connector, self.clock, PoolSettings(**settings))

    def get(
        self,
        hop: NextHop = HOP,
        use: TlsUse = TlsUse.WHERE_OFFERED,
        satisfies: Callable[[IHopConnection], bool] = lambda _: True,
    ) -> IHopConnection:
        return success_result_of(self.connect(hop, use, satisfies))


def with_requiretls(connection: IHopConnection) -> bool:
    return "REQUIRETLS" in connection.keywords


def test_fakes() -> None:
    verifyObject(IHopConnection, Fake(HOP, {}))
    verifyObject(IHopConnector, FakeConnector())


def test_a_connection_is_used_again(connector: FakeConnector) -> None:
    pool = Pool(connector)
    verifyObject(IHopConnector, pool)
    for _ in range(3):
        lease = pool.get()
        verifyObject(IHopConnection, lease)
        assert (lease.hop, lease.address, lease.evidence) == (HOP, "192.0.2.1", None)
        success_result_of(lease.send(ENVELOPE, [b""]))
        lease.release()
    (made,) = connector.made
    assert (made.sent, made.quits) == (3, 0)


def test_one_that_serves_is_nobody_elses(connector: FakeConnector) -> None:
    pool = Pool(connector)
    first, second = pool.get(), pool.get()
    assert len(connector.made) == 2
    first.release()
    with pytest.raises(RuntimeError):
        first.send(ENVELOPE, [])
    assert not first.usable
    assert second.usable
    first.release()
    success_result_of(first.quit())
    assert connector.made[0].quits == 0


@pytest.mark.requirement("R12")
def test_requiretls_never_gets_a_weaker_one(connector: FakeConnector) -> None:
    pool = Pool(connector)
    pool.get().release()
    connector.keywords = {"REQUIRETLS": ()}
    strict = pool.get(satisfies=with_requiretls)
    assert "REQUIRETLS" in strict.keywords
    strict.release()
    # Nor does it need a new one where one that will do is there.
    pool.get(satisfies=with_requiretls).release()
    assert len(connector.made) == 2


@pytest.mark.parametrize(
    ("hop", "use"),
    [
        (OTHER, TlsUse.WHERE_OFFERED),
        (NextHop("mx.example.org", 587, ("192.0.2.1",)), TlsUse.WHERE_OFFERED),
        (NextHop("mx.example.org", 25, ("192.0.2.1",), implicit_tls=True), TlsUse.WHERE_OFFERED),
        (NextHop("mx.example.org", 25, ("192.0.2.1",), authenticate=True), TlsUse.WHERE_OFFERED),
        (HOP, TlsUse.NEVER),
        (HOP, TlsUse.VERIFIED),
    ],
)
def test_what_was_opened_otherwise_is_another(connector: FakeConnector, hop: NextHop, use: TlsUse) -> None:
    pool = Pool(connector)
    pool.get().release()
    pool.get(hop, use)
    assert len(connector.made) == 2


def test_how_a_hop_was_found_makes_no_difference(connector: FakeConnector) -> None:
    pool = Pool(connector)
    pool.get().release()
    pool.get(NextHop("mx.example.org", 25, ("192.0.2.5",), preference=20))
    assert len(connector.made) == 1


def test_an_idle_connection_is_parted_with(connector: FakeConnector) -> None:
    pool = Pool(connector, idle=5.0)
    pool.get().release()
    pool.clock.advance(4)
    pool.get().release()
    pool.clock.advance(4)
    assert connector.made[0].quits == 0
    pool.clock.advance(1)
    assert connector.made[0].quits == 1
    pool.get()
    assert len(connector.made) == 2
    assert pool.clock.getDelayedCalls() == []


def test_one_that_the_host_has_closed_is_not_used(connector: FakeConnector) -> None:
    pool = Pool(connector)
    pool.get().release()
    connector.made[0].usable = False
    pool.get()
    assert len(connector.made) == 2


def test_one_that_has_served_its_time(connector: FakeConnector) -> None:
    pool = Pool(connector, messages=2)
    for _ in range(4):
        lease = pool.get()
        lease.send(ENVELOPE, [])
        lease.release()
    assert [fake.sent for fake in connector.made] == [2, 2]
    assert connector.made[0].quits == 1


def test_who_comes_too_many_waits(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=2)
    first, second = pool.get(), pool.get()
    third = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    fourth = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    assert_no_result(third)
    # Another destination is not concerned.
    pool.get(OTHER)
    first.release()
    lease = success_result_of(third)
    assert_no_result(fourth)
    success_result_of(second.quit())
    success_result_of(fourth)
    lease.release()
    assert len(connector.made) == 4


def test_an_idle_one_that_will_not_do_gives_way(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=1)
    pool.get().release()
    connector.keywords = {"REQUIRETLS": ()}
    strict = pool.get(satisfies=with_requiretls)
    assert "REQUIRETLS" in strict.keywords
    assert connector.made[0].quits == 1


def test_who_waits_can_be_cancelled(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=1)
    lease = pool.get()
    waiting = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    waiting.cancel()
    failure_result_of(waiting).trap(CancelledError)
    lease.release()
    pool.get().release()
    assert len(connector.made) == 1


def test_any_number_may_wait_for_what_fails_at_once(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=1)
    lease = pool.get()
    waiting = [pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True) for _ in range(1000)]
    connector.error = HopError(Outcome(451, "4.4.1", "Cannot connect"))
    lease.quit()
    assert {type(failure_result_of(each).value) for each in waiting} == {HopError}
    connector.error = None
    pool.get().release()


def test_who_cannot_tell_what_serves_is_in_nobodys_way(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=1)
    lease = pool.get()

    def satisfies(_: IHopConnection) -> bool:
        raise LookupError

    waiting = pool.connect(HOP, TlsUse.WHERE_OFFERED, satisfies)
    with logged() as events:
        lease.release()
    assert [event["log_failure"].type for event in events] == [LookupError]
    # A new one is its own to judge.
    success_result_of(waiting).release()
    assert [made.quits for made in connector.made] == [1, 0]


def test_a_connection_that_fails_gives_its_place_back(connector: FakeConnector) -> None:
    pool = Pool(connector, concurrency=1)
    connector.error = HopError(Outcome(451, "4.4.1", "refused"))
    for _ in range(3):
        failure_result_of(pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)).trap(HopError)
    connector.error, connector.late = None, []
    opening = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    opening.cancel()
    failure_result_of(opening).trap(CancelledError)
    connector.late = None
    pool.get()


def test_closing(connector: FakeConnector) -> None:
    pool = Pool(connector)
    busy = pool.get()
    pool.get().release()
    pool.get(OTHER).release()
    success_result_of(pool.close())
    assert [fake.quits for fake in connector.made] == [0, 1, 1]
    busy.release()
    assert connector.made[0].quits == 1
    assert pool.clock.getDelayedCalls() == []


def test_messages_follow_each_other_at_a_pace(connector: FakeConnector) -> None:
    pool = Pool(connector, interval=0.5)
    pool.get().release()
    waiting = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    assert_no_result(waiting)
    # Another place has a pace of its own.
    pool.get(OTHER).release()
    pool.clock.advance(0.5)
    success_result_of(waiting)


def test_sockets_of_this_machine_are_places_of_their_own(connector: FakeConnector) -> None:
    pool = Pool(connector)
    for path in ("/run/one", "/run/other", "/run/one"):
        pool.get(NextHop("localhost", 0, path=path)).release()
    assert [made.hop.path for made in connector.made] == ["/run/one", "/run/other"]


def test_a_lease_is_for_one_message(connector: FakeConnector) -> None:
    lease = Pool(connector).get()
    lease.send(ENVELOPE, [])
    with pytest.raises(RuntimeError):
        lease.send(ENVELOPE, [])


# The envelope of the next message behind the end of the last one


@implementer(IPipeliningConnection)
class Pipelining(Fake):
    def __init__(self, hop: NextHop, keywords: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(hop, keywords)
        self.onContentSent = lambda: None


@pytest.fixture
def pipelining(connector: FakeConnector) -> FakeConnector:
    connector.kind = Pipelining
    verifyObject(IPipeliningConnection, Pipelining(HOP, {}))
    return connector


def test_who_waits_is_given_a_connection_before_the_end_is_answered(pipelining: FakeConnector) -> None:
    pool = Pool(pipelining, concurrency=1)
    first = pool.get()
    second = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    first.send(ENVELOPE, [])
    (made,) = pipelining.made
    made.onContentSent()
    lease = success_result_of(second)
    assert lease.reused
    lease.send(ENVELOPE, [])
    third = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    # One that is in other hands still is not given to a third.
    first.release()
    assert_no_result(third)
    lease.release()
    success_result_of(third)
    assert (made.sent, made.quits) == (2, 0)


def test_one_that_is_unwanted_serves_the_message_that_is_on_it(pipelining: FakeConnector) -> None:
    pool = Pool(pipelining, concurrency=1)
    first = pool.get()
    second = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    (made,) = pipelining.made
    made.onContentSent()
    success_result_of(first.quit())
    assert made.quits == 0
    success_result_of(second).release()
    assert made.quits == 1
    pool.get()
    assert len(pipelining.made) == 2


def test_nobody_is_given_one_that_will_not_do(pipelining: FakeConnector) -> None:
    pool = Pool(pipelining, concurrency=1)
    first = pool.get()
    strict = pool.connect(HOP, TlsUse.WHERE_OFFERED, with_requiretls)
    pipelining.made[0].onContentSent()
    assert_no_result(strict)
    pipelining.keywords = {"REQUIRETLS": ()}
    first.release()
    assert "REQUIRETLS" in success_result_of(strict).keywords
    assert pipelining.made[0].quits == 1


@pytest.mark.parametrize("settings", [{"messages": 1}, {}])
def test_nor_one_that_has_served_its_time(pipelining: FakeConnector, settings: dict[str, int]) -> None:
    pool = Pool(pipelining, concurrency=1, **settings)
    first = pool.get()
    second = pool.connect(HOP, TlsUse.WHERE_OFFERED, lambda _: True)
    first.send(ENVELOPE, [])
    pipelining.made[0].usable = bool(settings)
    pipelining.made[0].onContentSent()
    assert_no_result(second)
    first.release()
    success_result_of(second)
    assert len(pipelining.made) == 2

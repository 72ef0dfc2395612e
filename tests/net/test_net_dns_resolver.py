"""The resolver: memory, patience, and one question for many who ask."""

from __future__ import annotations

from collections.abc import Callable

import dns.name
import pytest
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from mailext.interfaces import IRememberingResolver
from mailext.net.dns import NameServers, Resolver, name_servers
from mailext.net.dns.answers import TimedAnswer
from mailext.net.dns.cache import DnsCache
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.threads import BoundedThreads, ThreadsBusyError
from mailext.values import DnsAnswer, DnsError, DnsStatus, MxRecord
from tests.name_server import name_server
from tests.support import ThreadCalls, assert_no_result, failure_result_of, logged, success_result_of


class Servers:
    """Has the records of a test at once, and counts who asks."""

    def __init__(self, records: DnsRecords, ttl: int = 300) -> None:
        self.asked: list[tuple[str, str]] = []
        self._resolver = FakeResolver(records)
        self._ttl = ttl

    def ask(self, name: dns.name.Name, rdtype: RdataType) -> TimedAnswer:
        self.asked.append((name.to_text(), rdtype.name))
        return TimedAnswer(success_result_of(self._resolver.lookup(name.to_text(), rdtype)), self._ttl)


class Later:
    """A pool whose threads wait for the test."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []

    def run(self, function, *args, **kwargs):
        result: Deferred[object] = Deferred()
        self._calls.append(lambda: execute(function, *args, **kwargs).chainDeferred(result))
        return result

    def go(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()


def make_records() -> DnsRecords:
    records = DnsRecords()
    records.add("a.example", "MX", "20 MX2.a.example.", "10 mx1.a.example.", status=DnsStatus.SECURE)
    records.add("mx1.a.example", "A", "192.0.2.1", "192.0.2.2", status=DnsStatus.SECURE)
    records.add("mx1.a.example", "AAAA", "2001:DB8::1", status=DnsStatus.SECURE)
    return records


def resolver(
    servers: Servers, clock: Clock, run=execute, size: int = 100, patience: float = 30.0
) -> Resolver:
    return Resolver(servers.ask, run, DnsCache(clock.seconds, size), clock, patience=patience)


def test_what_it_provides() -> None:
    verifyObject(IRememberingResolver, resolver(Servers(make_records()), Clock()))
    verifyObject(IRememberingResolver, FakeResolver(make_records()))


def test_through_threads_and_sockets() -> None:
    reactor = ThreadCalls()
    threads = BoundedThreads(reactor, "dns", 2, 10)
    threads.startService()
    try:
        with name_server(make_records()) as server:
            servers = NameServers(name_servers([server.place]))
            answers = Resolver(servers.ask, threads.run, DnsCache(lambda: 0.0), Clock())
            mx = reactor.wait_for(answers.mx("a.example"))
            addresses = reactor.wait_for(answers.addresses("mx1.a.example"))
            nothing = reactor.wait_for(answers.addresses("nowhere.example"))
    finally:
        threads.stopService()
    assert set(mx.records) == {MxRecord(10, "mx1.a.example"), MxRecord(20, "mx2.a.example")}
    assert mx.status is DnsStatus.SECURE
    assert set(addresses.records) == {"2001:db8::1", "192.0.2.1", "192.0.2.2"}
    assert nothing == DnsAnswer("nowhere.example", (), DnsStatus.INSECURE, exists=False)


class TestMemory:
    def test_an_answer_is_kept_as_long_as_it_may_be(self) -> None:
        servers, clock = Servers(make_records(), ttl=300), Clock()
        answers = resolver(servers, clock)
        for _ in range(3):
            assert success_result_of(answers.mx("A.example")).status is DnsStatus.SECURE
            success_result_of(answers.mx("a.example."))
        assert len(servers.asked) == 1
        clock.advance(299)
        success_result_of(answers.mx("a.example"))
        assert len(servers.asked) == 1
        clock.advance(1)
        success_result_of(answers.mx("a.example"))
        assert len(servers.asked) == 2

    @pytest.mark.parametrize(("name", "longest"), [("a.example", 86400), ("b.example", 3600)])
    def test_but_not_too_long(self, name: str, longest: int) -> None:
        servers, clock = Servers(make_records(), ttl=2**31 - 1), Clock()
        answers = resolver(servers, clock)
        success_result_of(answers.mx(name))
        clock.advance(longest - 1)
        success_result_of(answers.mx(name))
        assert len(servers.asked) == 1
        clock.advance(1)
        success_result_of(answers.mx(name))
        assert len(servers.asked) == 2

    def test_not_at_all_where_the_answer_says_so(self) -> None:
        servers = Servers(make_records(), ttl=0)
        answers = resolver(servers, Clock())
        success_result_of(answers.mx("a.example"))
        success_result_of(answers.mx("a.example"))
        assert len(servers.asked) == 2

    def test_no_failure_is_kept(self) -> None:
        records = make_records()
        records.fail("a.example", "MX", DnsFault.SERVFAIL)
        answers = resolver(Servers(records), Clock())
        assert failure_result_of(answers.mx("a.example")).check(DnsError)
        records.add("a.example", "MX", "10 mx.a.example.")
        assert success_result_of(answers.mx("a.example")).records

    def test_it_has_an_end(self) -> None:
        servers = Servers(make_records())
        answers = resolver(servers, Clock(), size=2)
        for name in "a.example", "b.example", "a.example", "c.example", "a.example":
            success_result_of(answers.mx(name))
        assert [name for name, _ in servers.asked] == ["a.example.", "b.example.", "c.example."]
        success_result_of(answers.mx("b.example"))
        assert len(servers.asked) == 4


class TestWaiting:
    def test_many_wait_for_one_question(self) -> None:
        servers, later = Servers(make_records()), Later()
        answers = resolver(servers, Clock(), run=later.run)
        waiting = [answers.mx(name) for name in ("a.example", "A.EXAMPLE", "a.example.")]
        for each in waiting:
            assert_no_result(each)
        later.go()
        assert len({success_result_of(each) for each in waiting}) == 1
        assert len(servers.asked) == 1

    def test_a_failure_reaches_all_of_them(self) -> None:
        records, later = make_records(), Later()
        records.fail("a.example", "MX", DnsFault.BOGUS)
        answers = resolver(Servers(records), Clock(), run=later.run)
        waiting = [answers.mx("a.example") for _ in range(2)]
        later.go()
        for each in waiting:
            assert failure_result_of(each).value.status is DnsStatus.BOGUS

    def test_patience_ends_for_each_by_itself(self) -> None:
        servers, later, clock = Servers(make_records()), Later(), Clock()
        answers = resolver(servers, clock, run=later.run, patience=10.0)
        first = answers.mx("a.example")
        clock.advance(6)
        second = answers.mx("a.example")
        clock.advance(4)
        failure = failure_result_of(first)
        assert failure.check(DnsError)
        assert failure.getErrorMessage() == "no answer within 10 seconds"
        later.go()
        assert success_result_of(second).records
        # What came too late for one is there for the next.
        assert success_result_of(answers.mx("a.example")).records
        assert len(servers.asked) == 1
        assert clock.getDelayedCalls() == []

    def test_who_goes_away_takes_nothing_from_the_others(self) -> None:
        later = Later()
        answers = resolver(Servers(make_records()), Clock(), run=later.run)
        gone, waiting = answers.mx("a.example"), answers.mx("a.example")
        gone.addErrback(lambda _: None)
        gone.cancel()
        later.go()
        assert success_result_of(waiting).records


class TestTrouble:
    def test_too_many_look_ups(self) -> None:
        answers = resolver(Servers(make_records()), Clock(), run=lambda *_: fail(ThreadsBusyError("dns")))
        failure = failure_result_of(answers.mx("a.example"))
        assert failure.check(DnsError)
        assert failure.getErrorMessage() == "too many look-ups wait for their turn"

    def test_an_error_of_ours_is_a_failure_for_now_and_is_logged(self) -> None:
        answers = resolver(Servers(make_records()), Clock(), run=lambda *_: fail(ZeroDivisionError()))
        with logged() as events:
            assert failure_result_of(answers.mx("a.example")).check(DnsError)
        assert [event["log_failure"].type for event in events] == [ZeroDivisionError]

    @pytest.mark.parametrize(
        "name", ["a..example", f"{'x' * 64}.example", "bücher.example", f"{'x.' * 130}example"]
    )
    def test_names_that_nothing_can_have(self, name: str) -> None:
        servers = Servers(make_records())
        answer = success_result_of(resolver(servers, Clock()).mx(name))
        assert not answer.exists
        assert servers.asked == []


class TestMailLookups:
    def test_null_mx(self) -> None:
        records = DnsRecords()
        records.add("a.example", "MX", "0 .")
        assert success_result_of(FakeResolver(records).mx("a.example")).records == (MxRecord(0, ""),)

    def test_a_host_name_that_is_none(self) -> None:
        records = DnsRecords()
        records.add("a.example", "MX", r"0 m\032x\013.example.")
        assert (
            success_result_of(FakeResolver(records).mx("a.example")).records[0].host == r"m\032x\013.example"
        )

    def test_addresses_of_both_kinds(self) -> None:
        answer = success_result_of(FakeResolver(make_records()).addresses("mx1.a.example"))
        assert answer.records == ("2001:db8::1", "192.0.2.1", "192.0.2.2")
        assert answer.status is DnsStatus.SECURE

    @pytest.mark.parametrize("fault", [DnsFault.SERVFAIL, DnsFault.TIMEOUT, DnsFault.BOGUS])
    def test_one_kind_does_where_the_other_cannot_be_had(self, fault: DnsFault) -> None:
        records = make_records()
        records.fail("mx1.a.example", "AAAA", fault)
        answer = success_result_of(FakeResolver(records).addresses("mx1.a.example"))
        assert answer.records == ("192.0.2.1", "192.0.2.2")
        assert answer.status is DnsStatus.SECURE

    @pytest.mark.parametrize("failing", ["A", "AAAA"])
    def test_one_kind_does_not_deny_the_other(self, failing: str) -> None:
        records = DnsRecords()
        records.add("mx.example", "TXT", "here")
        records.fail("mx.example", failing, DnsFault.SERVFAIL)
        assert failure_result_of(FakeResolver(records).addresses("mx.example")).check(DnsError)

    def test_a_failed_proof_is_told_of_first(self) -> None:
        records = DnsRecords()
        records.fail("mx.example", "AAAA", DnsFault.TIMEOUT)
        records.fail("mx.example", "A", DnsFault.BOGUS)
        failure = failure_result_of(FakeResolver(records).addresses("mx.example"))
        assert isinstance(failure, Failure)
        assert failure.value.status is DnsStatus.BOGUS

    def test_no_addresses(self) -> None:
        records = DnsRecords()
        records.add("mx.example", "TXT", "here")
        fake = FakeResolver(records)
        assert success_result_of(fake.addresses("mx.example")) == DnsAnswer(
            "mx.example", (), DnsStatus.INSECURE
        )
        assert not success_result_of(fake.addresses("gone.example")).exists
        assert fake.asked[-2:] == [("gone.example", "AAAA"), ("gone.example", "A")]


def test_what_is_forgotten_is_asked_anew() -> None:
    servers = Servers(make_records())
    asking = resolver(servers, Clock())
    for name in ("mx1.a.example", "MX1.A.example."):
        success_result_of(asking.lookup("mx1.a.example", RdataType.A))
        success_result_of(asking.lookup("mx1.a.example", RdataType.AAAA))
        asking.forget(name, RdataType.A)
    success_result_of(asking.lookup("mx1.a.example", RdataType.A))
    assert [rdtype for _, rdtype in servers.asked] == ["A", "AAAA", "A", "A"]
    # Nothing was known of these, and nothing can be of the last.
    for name in ("other.example", "a..b"):
        asking.forget(name, RdataType.A)

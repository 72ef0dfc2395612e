"""Questions to real name servers on loopback."""

from __future__ import annotations

from dataclasses import replace

import dns.flags
import dns.message
import dns.name
import pytest
from dns.message import Message
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from mailext.net.dns import NameServers, name_servers
from mailext.net.dns.answers import TimedAnswer
from mailext.testing.dns import DnsFault, DnsRecords
from mailext.values import DnsAnswer, DnsError, DnsStatus
from tests.name_server import NameServer, as_it_is, name_server, truncated_over_udp

SECURE, INSECURE = DnsStatus.SECURE, DnsStatus.INSECURE


def asking(*servers: NameServer, timeout: float = 5.0, rounds: int = 1) -> NameServers:
    return NameServers(name_servers([each.place for each in servers]), timeout=timeout, rounds=rounds)


def ask(servers: NameServers, name: str, rdtype: RdataType = RdataType.MX) -> TimedAnswer:
    return servers.ask(dns.name.from_text(name), rdtype)


def told(answer: DnsAnswer[object]) -> tuple[str, list[str], DnsStatus, bool]:
    return answer.name, sorted(str(each).lower() for each in answer.records), answer.status, answer.exists


@pytest.fixture
def records() -> DnsRecords:
    records = DnsRecords()
    records.add("a.example", "MX", "10 mx1.a.example.", "20 mx2.a.example.", status=SECURE, ttl=120)
    records.add("b.example", "MX", "10 mx.b.example.")
    records.add("mx.b.example", "A", "192.0.2.1")
    return records


def test_an_answer(records: DnsRecords) -> None:
    with name_server(records) as server:
        found = ask(asking(server), "A.Example")
    assert told(found.answer) == ("a.example", ["10 mx1.a.example.", "20 mx2.a.example."], SECURE, True)
    assert found.ttl == 120


def test_the_question(records: DnsRecords) -> None:
    with name_server(records) as server:
        for _ in range(3):
            ask(asking(server), "a.example")
    assert {transport for transport, _ in server.queries} == {"udp"}
    queries = [query for _, query in server.queries]
    for query in queries:
        assert query.flags & dns.flags.AD
        assert query.flags & dns.flags.RD
        assert not query.flags & dns.flags.CD
        assert query.ednsflags & dns.flags.DO
        assert query.payload == 1232
    assert len({query.id for query in queries}) == 3


def test_what_dnssec_says(records: DnsRecords) -> None:
    with name_server(records) as server:
        assert ask(asking(server), "a.example").answer.status is SECURE
        assert ask(asking(server), "b.example").answer.status is INSECURE
        elsewhere = replace(*name_servers([server.place]), trusted=False)
        assert ask(NameServers([elsewhere]), "a.example").answer.status is INSECURE


def test_no_such_name_and_no_such_record_are_told_apart(records: DnsRecords) -> None:
    with name_server(records, minimum=77) as server:
        missing = ask(asking(server), "nowhere.example")
        empty = ask(asking(server), "mx.b.example")
    assert told(missing.answer) == ("nowhere.example", [], INSECURE, False)
    assert told(empty.answer) == ("mx.b.example", [], INSECURE, True)
    # RFC 2308 section 5: the SOA record's minimum.
    assert missing.ttl == empty.ttl == 77


def test_a_denial_without_soa_record_is_not_kept(records: DnsRecords) -> None:
    with name_server(records, minimum=None) as server:
        assert ask(asking(server), "nowhere.example").ttl == 0
        assert ask(asking(server), "mx.b.example").ttl == 0


def test_a_denial_can_be_proved() -> None:
    with name_server(DnsRecords(denial=SECURE)) as server:
        assert told(ask(asking(server), "x.example").answer) == ("x.example", [], SECURE, False)


def test_long_answers_come_over_tcp(records: DnsRecords) -> None:
    records.add("big.example", "MX", *(f"{n} mx{n}.{'x' * 50}.example." for n in range(100)))
    with name_server(records) as server:
        found = ask(asking(server), "big.example")
    assert len(found.answer.records) == 100
    assert [transport for transport, _ in server.queries] == ["udp", "tcp"]


def test_tcp_where_everything_is_cut_off(records: DnsRecords) -> None:
    with name_server(records, sending=truncated_over_udp) as server:
        assert ask(asking(server), "a.example").answer.status is SECURE
        assert told(ask(asking(server), "nowhere.example").answer)[3] is False


@pytest.mark.parametrize("octets", [b"", b"\0", b"\xff" * 40])
def test_nonsense_over_tcp_is_no_answer(records: DnsRecords, octets: bytes) -> None:
    def sending(response: Message, transport: str) -> list[bytes]:
        return [octets] if transport == "tcp" else truncated_over_udp(response, transport)

    with name_server(records, sending=sending) as server, pytest.raises(DnsError, match=r"^127\.0\.0\.1: "):
        ask(asking(server), "a.example")


def test_a_stream_that_ends_is_no_answer(records: DnsRecords) -> None:
    def sending(response: Message, transport: str) -> list[bytes]:
        return [] if transport == "tcp" else truncated_over_udp(response, transport)

    reason = r"^127\.0\.0\.1: the connection ended within the response"
    with name_server(records, sending=sending) as server, pytest.raises(DnsError, match=reason):
        ask(asking(server), "a.example")


def test_another_answer_over_tcp_is_none(records: DnsRecords) -> None:
    def sending(response: Message, transport: str) -> list[bytes]:
        response.id ^= transport == "tcp"
        return truncated_over_udp(response, transport)

    with name_server(records, sending=sending) as server, pytest.raises(DnsError, match=r"^127\.0\.0\.1: "):
        ask(asking(server), "a.example")


def test_forged_datagrams_do_not_matter(records: DnsRecords) -> None:
    def sending(response: Message, transport: str) -> list[bytes]:
        forged = dns.message.from_wire(response.to_wire())
        forged.id ^= 1
        elsewhere = dns.message.make_response(dns.message.make_query("else.example", "MX"))
        elsewhere.id = response.id
        return [b"", b"nonsense", forged.to_wire(), elsewhere.to_wire(), *as_it_is(response, transport)]

    with name_server(records, sending=sending) as server:
        assert len(ask(asking(server), "a.example").answer.records) == 2


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "status", "reason"),
        [
            (DnsFault.SERVFAIL, None, "SERVFAIL"),
            (DnsFault.BOGUS, DnsStatus.BOGUS, "SERVFAIL: no valid signature"),
        ],
    )
    def test_servfail(self, records: DnsRecords, fault: DnsFault, status: DnsStatus, reason: str) -> None:
        records.fail("c.example", "MX", fault)
        with name_server(records) as server, pytest.raises(DnsError) as failure:
            ask(asking(server), "c.example")
        assert (str(failure.value), failure.value.status) == (reason, status)

    def test_what_the_server_writes_into_the_reason_is_made_harmless(self, records: DnsRecords) -> None:
        def sending(response: Message, transport: str) -> list[bytes]:
            response.set_rcode(Rcode.REFUSED)
            response.use_edns(0, options=[dns.edns.EDEOption(18, "go\r\naway \u202e")])
            return as_it_is(response, transport)

        with name_server(records, sending=sending) as server, pytest.raises(DnsError) as failure:
            ask(asking(server), "a.example")
        assert str(failure.value) == r"REFUSED: go\r\naway \u202e"

    def test_silence(self, records: DnsRecords) -> None:
        records.fail("c.example", "MX", DnsFault.TIMEOUT)
        with (
            name_server(records) as server,
            pytest.raises(DnsError, match=r"127\.0\.0\.1 does not answer") as failure,
        ):
            ask(asking(server, timeout=0.05, rounds=3), "c.example")
        assert failure.value.status is None
        assert len(server.queries) == 3

    def test_another_server_helps_out(self, records: DnsRecords) -> None:
        silent, failing = DnsRecords(), DnsRecords()
        silent.fail("a.example", "MX", DnsFault.TIMEOUT)
        failing.fail("a.example", "MX", DnsFault.SERVFAIL)
        with name_server(silent) as first, name_server(failing) as second, name_server(records) as third:
            found = ask(asking(first, second, third, timeout=0.2), "a.example")
        assert len(found.answer.records) == 2

    def test_no_other_server_is_asked_about_what_is_bogus(self, records: DnsRecords) -> None:
        lies = DnsRecords()
        lies.fail("a.example", "MX", DnsFault.BOGUS)
        with (
            name_server(lies) as first,
            name_server(records) as second,
            pytest.raises(DnsError, match="SERVFAIL"),
        ):
            ask(asking(first, second, rounds=2), "a.example")
        assert len(first.queries) == 1
        assert second.queries == []

    def test_nobody_listens(self) -> None:
        with pytest.raises(DnsError, match="there is no name server to ask"):
            ask(NameServers([]), "a.example")


class TestAliases:
    def test_followed(self, records: DnsRecords) -> None:
        records.add("alias.example", "CNAME", "A.example.", status=SECURE, ttl=30)
        with name_server(records) as server:
            found = ask(asking(server), "alias.example")
        assert told(found.answer) == (
            "a.example",
            ["10 mx1.a.example.", "20 mx2.a.example."],
            SECURE,
            True,
        )
        assert found.ttl == 30

    def test_the_weakest_link_counts(self, records: DnsRecords) -> None:
        records.add("weak.example", "CNAME", "strong.example.")
        records.add("strong.example", "CNAME", "a.example.", status=SECURE)
        with name_server(records) as server:
            assert ask(asking(server), "weak.example").answer.status is INSECURE
            assert ask(asking(server), "strong.example").answer.status is SECURE

    def test_into_nothing(self, records: DnsRecords) -> None:
        records.add("alias.example", "CNAME", "gone.example.")
        with name_server(records) as server:
            found = ask(asking(server), "alias.example")
        assert told(found.answer) == ("gone.example", [], INSECURE, False)

    def test_in_a_circle(self, records: DnsRecords) -> None:
        def sending(response: Message, transport: str) -> list[bytes]:
            response.set_rcode(Rcode.NOERROR)
            for owner, target in ("x.example", "y.example"), ("y.example", "x.example"):
                response.answer.append(dns.rrset.from_text(f"{owner}.", 60, "IN", "CNAME", f"{target}."))
            return as_it_is(response, transport)

        with (
            name_server(records, sending=sending) as server,
            pytest.raises(DnsError, match="the response makes no sense"),
        ):
            ask(asking(server), "x.example")

    @pytest.mark.parametrize(
        ("statuses", "status"),
        [
            ((SECURE, SECURE), SECURE),
            ((INSECURE, SECURE), INSECURE),
            ((SECURE, INSECURE), INSECURE),
        ],
    )
    def test_a_server_that_does_not_follow_is_asked_again(
        self, statuses: tuple[DnsStatus, DnsStatus], status: DnsStatus
    ) -> None:
        records = DnsRecords()
        records.add("alias.example", "CNAME", "end.example.", ttl=40, status=statuses[0])
        records.add("end.example", "MX", "10 mx.example.", ttl=50, status=statuses[1])
        with name_server(records, sending=one_link(records)) as server:
            found = ask(asking(server), "alias.example")
        assert told(found.answer) == ("end.example", ["10 mx.example."], status, True)
        assert found.ttl == 40
        assert len(server.queries) == 2

    def test_and_not_for_ever(self) -> None:
        records = DnsRecords()
        for n in range(12):
            records.add(f"n{n}.example", "CNAME", f"n{n + 1}.example.")
        with (
            name_server(records, sending=one_link(records)) as server,
            pytest.raises(DnsError, match="the CNAME records have no end"),
        ):
            ask(asking(server), "n0.example")
        assert len(server.queries) == 8


def one_link(records: DnsRecords):
    """A server that gives the first CNAME record and leaves the rest to the client."""

    def sending(response: Message, transport: str) -> list[bytes]:
        if response.answer and response.answer[0].rdtype == RdataType.CNAME:
            owner = response.answer[0].name
            found = records.find(owner, RdataType.CNAME)
            response.answer, response.authority = response.answer[:1], []
            response.set_rcode(Rcode.NOERROR)
            response.flags &= ~dns.flags.AD
            if found.status is SECURE:
                response.flags |= dns.flags.AD
        return as_it_is(response, transport)

    return sending


def test_a_referral_is_no_denial(records: DnsRecords) -> None:
    def sending(response: Message, transport: str) -> list[bytes]:
        response.flags &= ~dns.flags.RA
        response.answer = []
        response.authority = [dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example.")]
        return as_it_is(response, transport)

    with (
        name_server(records, sending=sending) as server,
        pytest.raises(DnsError, match="the name server refers to others"),
    ):
        ask(asking(server), "a.example")

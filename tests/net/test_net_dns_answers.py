"""Whatever a name server sends, it is an answer or a failure for now."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest
from dns.exception import DNSException
from dns.message import Message
from hypothesis import given
from hypothesis import strategies as st

from mailext.net.dns.answers import Referral, TimedAnswer, read
from mailext.net.dns.messages import read_message
from mailext.testing.dns import DnsFault, DnsRecords
from mailext.values import DnsError
from tests.name_server import response_to


def make_records() -> DnsRecords:
    records = DnsRecords()
    records.add("alias.example", "CNAME", "a.example.")
    records.add("a.example", "MX", "10 mx1.example.", "20 mx2.example.")
    records.add("a.example", "TLSA", f"3 1 1 {'00' * 32}", f"3 1 2 {'00' * 64}")
    records.fail("bogus.example", "MX", DnsFault.BOGUS)
    return records


RECORDS = make_records()
QUERIES = [
    dns.message.make_query(f"{name}.example", rdtype, want_dnssec=True)
    for name in ("alias", "a", "bogus", "missing")
    for rdtype in ("MX", "TLSA")
]


def response(query: Message) -> Message:
    made = response_to(query, RECORDS)
    assert made is not None
    return made


@given(
    st.sampled_from(QUERIES),
    st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3)), max_size=6),
)
def test_damaged_responses(query: Message, damages: list[tuple[int, bytes, int]]) -> None:
    wire = response(query).to_wire()
    for where, octets, length in damages:
        start = where % len(wire)
        wire = wire[:start] + octets + wire[start + length :]
    try:
        damaged = read_message(wire)
    except DNSException:
        return
    try:
        found = read(damaged, trusted=True)
    except DnsError:
        return
    assert isinstance(found, Referral) or found.ttl >= 0


def test_what_is_no_response_to_a_query() -> None:
    with pytest.raises(DnsError, match="the response is none to a query"):
        read(Message(), trusted=True)


def test_what_was_cut_short_does_not_say_that_there_is_nothing() -> None:
    cut = response(dns.message.make_query("a.example", "MX"))
    cut.answer.clear()
    cut.flags |= dns.flags.TC
    with pytest.raises(DnsError, match="cut short"):
        read(cut, trusted=True)


# Too short for a digest, too short for a record, too long.
@pytest.mark.parametrize("octets", ["03 01 01 00", "03 01", "", "03 01 02" + 65 * "00"])
def test_a_tlsa_record_that_makes_no_sense_is_one(octets: str) -> None:
    good = f"3 1 1 {'ab' * 32}"
    senseless = bytes.fromhex(octets)
    records = DnsRecords()
    records.add("a.example", "TLSA", good, rf"\# {len(senseless)} {octets}", ttl=30)
    made = response_to(dns.message.make_query("a.example", "TLSA", want_dnssec=True), records)
    assert made is not None
    found = read(read_message(made.to_wire()), trusted=True)
    assert isinstance(found, TimedAnswer)
    assert {each.to_wire() for each in found.answer.records} == {
        senseless,
        bytes.fromhex("030101" + 32 * "ab"),
    }
    assert found.ttl == 30


def test_other_records_must_make_sense() -> None:
    records = DnsRecords()
    records.add("a.example", "A", r"\# 3 010203")
    made = response_to(dns.message.make_query("a.example", "A"), records)
    assert made is not None
    with pytest.raises(DNSException):
        read_message(made.to_wire())

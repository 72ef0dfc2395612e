"""Whatever a name server sends, it is an answer or a failure for now."""

from __future__ import annotations

import dns.flags
import dns.message
import pytest
from dns.exception import DNSException
from dns.message import Message
from hypothesis import given
from hypothesis import strategies as st

from mailext.net.dns.answers import Referral, read
from mailext.testing.dns import DnsFault, DnsRecords
from mailext.values import DnsError
from tests.name_server import response_to


def make_records() -> DnsRecords:
    records = DnsRecords()
    records.add("alias.example", "CNAME", "a.example.")
    records.add("a.example", "MX", "10 mx1.example.", "20 mx2.example.")
    records.fail("bogus.example", "MX", DnsFault.BOGUS)
    return records


RECORDS = make_records()
QUERIES = [
    dns.message.make_query(f"{name}.example", "MX", want_dnssec=True)
    for name in ("alias", "a", "bogus", "missing")
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
        damaged = dns.message.from_wire(wire)
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

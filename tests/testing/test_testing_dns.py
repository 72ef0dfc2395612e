"""The DNS that tests are given."""

from __future__ import annotations

import pytest
from dns.rdatatype import RdataType

from mailext.testing import DnsFault, DnsRecords, FakeResolver
from mailext.values import DnsAnswer, DnsError, DnsStatus
from tests.support import failure_result_of, success_result_of

SECURE, INSECURE = DnsStatus.SECURE, DnsStatus.INSECURE


def answer(records: DnsRecords, name: str) -> DnsAnswer[object]:
    return success_result_of(FakeResolver(records).lookup(name, RdataType.MX))


def test_what_was_said_last_holds() -> None:
    records = DnsRecords()
    records.fail("a.example", "MX", DnsFault.TIMEOUT)
    records.add("A.example", "MX", "10 mx.example.")
    records.add("a.example", "MX", "20 mx.example.", status=SECURE)
    found = answer(records, "a.EXAMPLE")
    assert ([str(each) for each in found.records], found.status) == (["20 mx.example."], SECURE)


def test_a_name_without_records_of_the_type() -> None:
    records = DnsRecords()
    records.add("a.example", "MX", status=SECURE)
    assert answer(records, "a.example") == DnsAnswer("a.example", (), SECURE, exists=True)


@pytest.mark.parametrize("denial", [SECURE, INSECURE])
def test_what_is_not_said_does_not_exist(denial: DnsStatus) -> None:
    records = DnsRecords(denial)
    assert answer(records, "a.example") == DnsAnswer("a.example", (), denial, exists=False)


@pytest.mark.parametrize("fault", DnsFault)
def test_failures(fault: DnsFault) -> None:
    records = DnsRecords()
    records.fail("a.example", "MX", fault)
    failure = failure_result_of(FakeResolver(records).lookup("a.example", RdataType.MX))
    assert isinstance(failure.value, DnsError)
    assert (failure.value.status is DnsStatus.BOGUS) is (fault is DnsFault.BOGUS)


def test_cname_records_without_end() -> None:
    records = DnsRecords()
    records.add("a.example", "CNAME", "b.example.")
    records.add("b.example", "CNAME", "a.example.")
    failure = failure_result_of(FakeResolver(records).lookup("a.example", RdataType.MX))
    assert str(failure.value) == "SERVFAIL"

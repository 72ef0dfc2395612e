"""The hostile name servers, from the octets of their answers to the route that is made of them."""

from __future__ import annotations

from random import Random

import dns.message
import pytest
from dns.exception import DNSException
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, fail, succeed

from mailext.lookups import MailLookups
from mailext.net.dns.answers import Referral, read
from mailext.routing import Router, RoutingSettings
from mailext.testing.dns import DnsRecords, FakeResolver
from mailext.values import DnsAnswer, DnsError, Route
from tests.support import success_result_of
from tests.vectors.name_servers import VECTORS, DnsVector, NameThreat

SETTINGS = RoutingSettings(own_names=frozenset({"us.example"}), own_addresses=frozenset({"192.0.2.99"}))
USUAL = DnsRecords()
USUAL.add("a.example", "MX", "10 mx.a.example.")


class HostileResolver(MailLookups):
    """Answers questions of one type as the vector does, and others as usual."""

    def __init__(self, vector: DnsVector) -> None:
        self._vector = vector

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        if rdtype == self._vector.asked:
            return self._hostile()
        if rdtype == RdataType.A:
            records = DnsRecords()
            records.add(name, "A", "192.0.2.1")
            return FakeResolver(records).lookup(name, rdtype)
        return FakeResolver(USUAL).lookup(name, rdtype)

    def _hostile(self) -> Deferred[DnsAnswer[Rdata]]:
        try:
            found = read(dns.message.from_wire(self._vector.response), trusted=True)
        except DnsError as error:
            return fail(error)
        except (DNSException, EOFError, OSError, ValueError) as error:
            # What the exchange takes for no answer.
            return fail(DnsError(f"{type(error).__name__}"))
        if isinstance(found, Referral):
            return fail(DnsError("to be asked again"))
        return succeed(found.answer)


def text(route: Route) -> str:
    if route.failure is not None:
        assert str(route.failure).isprintable()
        return f"{route.failure.code} {route.failure.enhanced}"
    assert all(len(hop.addresses) <= SETTINGS.maximum_addresses for hop in route.hops)
    return " ".join(hop.host for hop in route.hops if hop.failure is None)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_name_server_leads_nobody_astray(vector: DnsVector) -> None:
    route = success_result_of(Router(HostileResolver(vector), SETTINGS, Random(0)).route("a.example"))
    assert text(route) == vector.comes_of_it


def test_every_class_has_its_vectors() -> None:
    assert {vector.threat for vector in VECTORS} == set(NameThreat)

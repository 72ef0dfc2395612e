"""From a domain to the hosts that its mail goes to."""

from __future__ import annotations

import gc
from collections import Counter
from random import Random

import pytest
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.internet.defer import CancelledError, Deferred

from mailext.routing import ConfiguredHost, DestinationSettings, Router, RoutingSettings, configured_host
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.values import DnsAnswer, DnsStatus, NextHop, Outcome, RequireTlsMode, Route, Security
from tests.support import failure_result_of, logged, success_result_of

SECURE, INSECURE = DnsStatus.SECURE, DnsStatus.INSECURE
OURS = RoutingSettings(
    own_names=frozenset({"us.example"}), own_addresses=frozenset({"192.0.2.99", "2001:db8::99"})
)


def make_records(*hosts: str) -> DnsRecords:
    """MX records ``preference host``, and addresses for each host."""
    records = DnsRecords()
    if hosts:
        records.add("a.example", "MX", *(f"{host}." for host in hosts))
    for n, host in enumerate(hosts, 1):
        records.add(host.split()[1], "A", f"192.0.2.{n}")
    return records


def route(
    records: DnsRecords, domain: str = "a.example", settings: RoutingSettings = OURS, seed: int = 1
) -> Route:
    return success_result_of(Router(FakeResolver(records), settings, Random(seed)).route(domain))


def hosts(found: Route) -> list[str]:
    return [hop.host for hop in found.hops]


@pytest.mark.requirement("R9")
class TestMx:
    def test_by_preference(self) -> None:
        found = route(make_records("20 second.example", "5 first.example", "100 third.example"))
        assert found == Route(
            "a.example",
            (
                NextHop("first.example", 25, ("192.0.2.2",), INSECURE, 5),
                NextHop("second.example", 25, ("192.0.2.1",), INSECURE, 20),
                NextHop("third.example", 25, ("192.0.2.3",), INSECURE, 100),
            ),
        )

    def test_equal_ones_in_any_order(self) -> None:
        records = make_records("10 a1.example", "10 a2.example", "10 a3.example", "20 b.example")
        orders = Counter(tuple(hosts(route(records, seed=seed))) for seed in range(200))
        assert len(orders) == 6
        assert min(orders.values()) > 10
        assert {order[-1] for order in orders} == {"b.example"}
        assert hosts(route(records, seed=7)) == hosts(route(records, seed=7))

    def test_a_host_comes_once(self) -> None:
        records = make_records("10 mx.example", "30 other.example")
        records.add("a.example", "MX", "30 other.example.", "20 MX.example.", "10 mx.example.")
        assert hosts(route(records)) == ["mx.example", "other.example"]

    def test_what_dnssec_says_goes_along(self) -> None:
        records = make_records("10 mx.example")
        records.add("a.example", "MX", "10 mx.example.", status=SECURE)
        assert route(records).hops[0].mx_status is SECURE

    def test_by_an_alias_of_the_domain(self) -> None:
        records = make_records("10 mx.example")
        records.add("alias.example", "CNAME", "a.example.")
        found = route(records, "alias.example")
        assert found.destination == "alias.example"
        assert hosts(found) == ["mx.example"]

    def test_a_host_that_is_an_alias_keeps_the_name_it_is_checked_by(self) -> None:
        records = make_records("10 mx.example")
        records.add("a.example", "MX", "10 nick.example.")
        records.add("nick.example", "CNAME", "mx.example.")
        assert route(records).hops == (NextHop("nick.example", 25, ("192.0.2.1",), INSECURE, 10),)

    def test_null_mx(self) -> None:
        # RFC 7505.
        records = DnsRecords()
        records.add("a.example", "MX", "0 .")
        records.add("a.example", "A", "192.0.2.1")
        found = route(records)
        assert found.hops == ()
        assert found.failure == Outcome(556, "5.1.10", "Domain a.example does not accept mail: null MX")

    def test_null_mx_among_others_is_none(self) -> None:
        records = make_records("10 mx.example")
        records.add("a.example", "MX", "0 .", "10 mx.example.")
        assert hosts(route(records)) == ["mx.example"]

    def test_not_too_many_hosts(self) -> None:
        records = make_records(*(f"{n} mx{n}.example" for n in range(1, 60)))
        assert hosts(route(records)) == [f"mx{n}.example" for n in range(1, 11)]

    def test_mail_to_another_port(self) -> None:
        found = route(make_records("10 mx.example"), settings=RoutingSettings(port=2525))
        assert found.hops[0].port == 2525


@pytest.mark.requirement("R9")
class TestNoMx:
    def test_the_domain_is_the_host(self) -> None:
        records = DnsRecords()
        records.add("a.example", "A", "192.0.2.1")
        records.add("a.example", "AAAA", "2001:db8::1")
        found = route(records, "A.Example")
        assert found.hops == (NextHop("a.example", 25, ("2001:db8::1", "192.0.2.1")),)
        # R10: no MX record, nothing to prove.
        assert found.hops[0].mx_status is None

    def test_no_such_domain(self) -> None:
        assert route(DnsRecords()).failure == Outcome(550, "5.1.2", "Domain a.example does not exist")

    def test_nothing_to_send_mail_to(self) -> None:
        records = DnsRecords()
        records.add("a.example", "TXT", "x")
        assert route(records).failure == Outcome(
            550, "5.1.2", "Domain a.example has neither MX nor address records"
        )

    @pytest.mark.parametrize("fault", DnsFault)
    def test_addresses_that_cannot_be_had(self, fault: DnsFault) -> None:
        records = DnsRecords()
        records.add("a.example", "TXT", "x")
        records.fail("a.example", "A", fault)
        failure = route(records).failure
        assert failure is not None
        assert (failure.code, failure.enhanced) == (451, "4.4.3")


class TestWhatDnsDoesNotTell:
    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            (DnsFault.SERVFAIL, "DNS look-up of a.example failed: SERVFAIL"),
            (DnsFault.TIMEOUT, "DNS look-up of a.example failed: time-out"),
            (DnsFault.BOGUS, "DNSSEC validation failed for a.example: bogus"),
        ],
    )
    def test_is_asked_again_later(self, fault: DnsFault, text: str) -> None:
        records = DnsRecords()
        # The address is no way around.
        records.add("a.example", "A", "192.0.2.1")
        records.fail("a.example", "MX", fault)
        found = route(records)
        assert found.hops == ()
        assert found.failure == Outcome(451, "4.4.3", text)

    def test_a_host_is_left_with_the_reason_and_the_others_are_tried(self) -> None:
        records = make_records("10 mx1.example", "20 mx2.example", "30 mx3.example")
        records.fail("mx1.example", "A", DnsFault.TIMEOUT)
        records.add("a.example", "MX", "10 mx1.example.", "20 mx2.example.", "30 gone.example.")
        found = route(records)
        assert found.failure is None
        assert [(hop.host, hop.addresses, hop.failure) for hop in found.hops] == [
            ("mx1.example", (), Outcome(451, "4.4.3", "DNS look-up of mx1.example failed: time-out")),
            ("mx2.example", ("192.0.2.2",), None),
            ("gone.example", (), Outcome(550, "5.4.4", "Host gone.example has no usable address")),
        ]

    def test_one_host_in_doubt_is_enough_to_wait(self) -> None:
        records = DnsRecords()
        records.add("a.example", "MX", "10 gone.example.", "20 slow.example.")
        records.fail("slow.example", "AAAA", DnsFault.TIMEOUT)
        failure = route(records).failure
        assert failure is not None
        assert failure.enhanced == "4.4.3"

    def test_no_host_with_an_address(self) -> None:
        records = DnsRecords()
        records.add("a.example", "MX", "10 gone.example.", "20 gone2.example.")
        assert route(records).failure == Outcome(550, "5.4.4", "Host gone.example has no usable address")

    @pytest.mark.parametrize(
        "host", [r"m\032x.example.", r"m\013\010x.example.", "192.0.2.1.", "-x.example."]
    )
    def test_a_host_whose_name_is_none(self, host: str) -> None:
        records = make_records("10 mx.example")
        records.add("a.example", "MX", f"5 {host}", "10 mx.example.")
        first, second = route(records).hops
        assert first.addresses == ()
        assert first.failure is not None
        assert first.failure.text.isprintable()
        assert second.addresses == ("192.0.2.1",)


class Silent(FakeResolver):
    """Knows the hosts of a domain, and never comes to their addresses."""

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        return super().lookup(name, rdtype) if rdtype is RdataType.MX else Deferred()


def test_who_is_tired_of_waiting_leaves_nothing_behind() -> None:
    with logged() as events:
        router = Router(Silent(make_records("10 mx1.example", "20 mx2.example")), OURS, Random(1))
        waiting = router.route("a.example")
        waiting.cancel()
        assert failure_result_of(waiting).check(CancelledError)
        del waiting
        gc.collect()
    assert events == []


class TestLoops:
    @pytest.mark.parametrize(
        ("ours", "left"), [(30, ["mx1.example", "mx2.example"]), (20, ["mx1.example"]), (15, ["mx1.example"])]
    )
    def test_the_list_is_cut_at_our_name(self, ours: int, left: list[str]) -> None:
        records = make_records("10 mx1.example", "20 mx2.example", "40 mx3.example", f"{ours} us.example")
        assert hosts(route(records)) == left

    @pytest.mark.parametrize("address", ["192.0.2.99", "2001:db8::99", "2001:DB8:0::99", "::ffff:192.0.2.99"])
    def test_and_at_our_address(self, address: str) -> None:
        records = make_records("10 mx1.example", "20 alias.example", "20 mx2.example", "30 mx3.example")
        records.add("alias.example", "AAAA" if ":" in address else "A", address)
        assert hosts(route(records)) == ["mx1.example"]

    @pytest.mark.parametrize("others", [[], ["10 mx.example"], ["50 mx.example"]])
    def test_nobody_is_nearer_than_we_are(self, others: list[str]) -> None:
        found = route(make_records("10 us.example", *others))
        assert found.hops == ()
        assert found.failure == Outcome(554, "5.4.6", "Mail for a.example loops back to this server")

    def test_not_even_behind_the_bound(self) -> None:
        records = make_records(*(f"{n} mx{n}.example" for n in range(5, 60)), "4 us.example")
        failure = route(records).failure
        assert failure is not None
        assert failure.enhanced == "5.4.6"

    @pytest.mark.parametrize(
        ("domain", "address"), [("us.example", "192.0.2.1"), ("a.example", "192.0.2.99")]
    )
    def test_the_domain_is_ourselves(self, domain: str, address: str) -> None:
        records = DnsRecords()
        records.add(domain, "A", address)
        failure = route(records, domain).failure
        assert failure is not None
        assert failure.enhanced == "5.4.6"


class TestAddresses:
    def test_both_kinds_by_turns_and_not_too_many(self) -> None:
        records = make_records("10 mx.example")
        records.add("mx.example", "A", *(f"192.0.2.{n}" for n in range(1, 9)))
        records.add("mx.example", "AAAA", "2001:db8::1", "2001:db8::2")
        addresses = route(records).hops[0].addresses
        assert addresses[:4] == ("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2")
        assert len(addresses) == 6

    @pytest.mark.parametrize(
        "address", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"]
    )
    def test_no_host_has_such_an_address(self, address: str) -> None:
        records = make_records("10 mx.example")
        records.add("mx.example", "A" if ":" not in address else "AAAA", address)
        if ":" in address:
            records.add("mx.example", "A", "192.0.2.1")
            assert route(records).hops[0].addresses == ("192.0.2.1",)
        else:
            failure = route(records).failure
            assert failure is not None
            assert failure.enhanced == "5.4.4"


class TestLiterals:
    @pytest.mark.parametrize(
        ("domain", "destination", "address"),
        [
            ("[192.0.2.1]", "[192.0.2.1]", "192.0.2.1"),
            ("[IPv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]", "2001:db8::1"),
            ("[ipv6:::ffff:192.0.2.1]", "[192.0.2.1]", "192.0.2.1"),
        ],
    )
    def test_go_where_they_say(self, domain: str, destination: str, address: str) -> None:
        found = route(DnsRecords(), domain)
        assert found == Route(destination, (NextHop(address, 25, (address,)),))
        assert found.hops[0].is_literal

    @pytest.mark.parametrize("domain", ["[192.0.2.99]", "[IPv6:2001:db8::99]", "[IPv6:::ffff:192.0.2.99]"])
    def test_not_to_ourselves(self, domain: str) -> None:
        failure = route(DnsRecords(), domain).failure
        assert failure is not None
        assert failure.enhanced == "5.4.6"

    @pytest.mark.parametrize(
        "domain", ["[0.0.0.0]", "[IPv6:::]", "[x-tag:1]", "[2001:db8::1]", "[224.0.0.1]"]
    )
    def test_that_no_host_has(self, domain: str) -> None:
        failure = route(DnsRecords(), domain).failure
        assert failure is not None
        assert (failure.code, failure.enhanced) == (550, "5.1.2")


class TestNames:
    @pytest.mark.parametrize("domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.EXAMPLE"])
    def test_international_domains(self, domain: str) -> None:
        records = DnsRecords()
        records.add("xn--bcher-kva.example", "MX", "10 mx.example.")
        records.add("mx.example", "A", "192.0.2.1")
        found = route(records, domain)
        assert (found.destination, hosts(found)) == ("xn--bcher-kva.example", ["mx.example"])

    @pytest.mark.parametrize(
        "domain", ["", "a..example", "-a.example", "x" * 64, "192.0.2.1", "a\u202eb.example"]
    )
    def test_that_are_none(self, domain: str) -> None:
        failure = route(DnsRecords(), domain).failure
        assert failure is not None
        assert (failure.code, failure.enhanced) == (550, "5.1.2")
        assert failure.text.isascii()
        assert failure.text.isprintable()


class TestConfigured:
    def make_records(self) -> DnsRecords:
        records = make_records("10 mx.example")
        records.add("hub.example", "A", "192.0.2.50")
        records.add("hub.example", "MX", "10 mx.example.")
        return records

    def test_whom_mail_waits_for(self) -> None:
        settings = RoutingSettings(
            smarthost=configured_host("Hub.example", 587),
            destinations={
                "a.example": DestinationSettings(next_hop=configured_host("192.0.2.1", 26)),
                "b.example": DestinationSettings(security=Security.VERIFY),
            },
        )
        router = Router(FakeResolver(DnsRecords()), settings, Random(1))
        assert [router.destination(domain) for domain in ("A.example", "b.example", "c.example", "-")] == [
            "192.0.2.1:26",
            "hub.example:587",
            "hub.example:587",
            "-",
        ]
        direct = Router(FakeResolver(DnsRecords()), OURS, Random(1))
        assert direct.destination("A.example") == "a.example"

    def test_a_smarthost_takes_everything(self) -> None:
        settings = RoutingSettings(smarthost=configured_host("Hub.example", 587, authenticate=True))
        for domain in "a.example", "nowhere.example", "[192.0.2.1]":
            found = route(self.make_records(), domain, settings)
            assert found.hops == (NextHop("hub.example", 587, ("192.0.2.50",), authenticate=True),)
            assert found.hops[0].mx_status is None
            assert found.security is Security.VERIFY

    def test_a_destination_goes_its_own_way(self) -> None:
        settings = RoutingSettings(
            smarthost=configured_host("hub.example", 465, implicit_tls=True),
            destinations={
                "a.example": DestinationSettings(
                    configured_host("mx.example", 2525), Security.ENCRYPT, RequireTlsMode.OPPORTUNISTIC
                ),
                "b.example": DestinationSettings(security=Security.DANE),
            },
        )
        assert route(self.make_records(), "A.example", settings) == Route(
            "a.example",
            (NextHop("mx.example", 2525, ("192.0.2.1",)),),
            Security.ENCRYPT,
            RequireTlsMode.OPPORTUNISTIC,
        )
        found = route(self.make_records(), "b.example", settings)
        assert (hosts(found), found.security) == (["hub.example"], Security.DANE)
        assert found.hops[0].implicit_tls

    def test_what_holds_for_the_rest(self) -> None:
        settings = RoutingSettings(requiretls=RequireTlsMode.OPPORTUNISTIC_STARTTLS)
        found = route(self.make_records(), settings=settings)
        assert (found.security, found.requiretls) == (Security.MAY, RequireTlsMode.OPPORTUNISTIC_STARTTLS)

    @pytest.mark.parametrize(
        ("host", "address"), [("192.0.2.7", "192.0.2.7"), ("[2001:DB8::7]", "2001:db8::7")]
    )
    def test_by_address(self, host: str, address: str) -> None:
        settings = RoutingSettings(smarthost=configured_host(host, 25))
        found = route(DnsRecords(), settings=settings)
        assert found.hops == (NextHop(address, 25, (address,)),)

    def test_to_a_filter_on_this_machine(self) -> None:
        destination = DestinationSettings(configured_host("192.0.2.99", 10025))
        settings = RoutingSettings(own_addresses=OURS.own_addresses, destinations={"a.example": destination})
        assert route(DnsRecords(), settings=settings).failure is None

    def test_a_mistake_of_the_operator_does_not_bounce_mail(self) -> None:
        settings = RoutingSettings(smarthost=configured_host("gone.example", 25))
        assert route(self.make_records(), settings=settings).failure == Outcome(
            451, "4.3.5", "The configured host gone.example has no usable address"
        )

    def test_names(self) -> None:
        assert configured_host("BÜCHER.example", 25) == ConfiguredHost("xn--bcher-kva.example", 25)
        with pytest.raises(ValueError, match="not a domain name"):
            configured_host("a b", 25)

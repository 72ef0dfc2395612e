"""What a survey of a domain finds, and that nobody is told of a message."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mailext.delivery.relay.survey import SURVEYED, DomainSurvey, survey
from mailext.routing import RoutingSettings, configured_host
from mailext.trust.together import JointAuthenticator
from mailext.values import (
    AuthenticatedBy,
    MxLevel,
    RequireTlsMode,
    Security,
    TlsDemand,
    TlsLevel,
    TlsPolicyType,
)
from tests.delivery.relay_site import DOMAIN, NAMES, RelaySite
from tests.delivery.test_delivery_relay_scenarios import lines, setting
from tests.support import assert_no_result, failure_result_of

#: DNS; TLSA records and host, twice; what the operator wants; what would become
#: of ordinary mail, and of a message that requires TLS: a host, or a code.
WOULD = """
secure    | -           | starttls good keyword     | -       | dead                  |                                | a | a
secure    | -           | starttls good             | -       | starttls good keyword |                                | a | b
secure    | -           | starttls good             | -       | plain                 |                                | a | 550 5.7.30
secure    | -           | plain                     | -       | plain                 |                                | a | 550 5.7.10
secure    | -           | starttls no-handshake     | -       | plain                 |                                | a | 550 5.7.10
secure    | -           | starttls STARTTLS=454     | -       | plain                 |                                | a | 454
secure    | -           | dead                      | -       | starttls good keyword |                                | b | b
secure    | -           | dead                      | -       | dead                  |                                | 451 4.4.1 | 451 4.4.1
secure    | -           | GREET=554                 | -       | GREET=554             |                                | 554 5.9.4 | 554 5.9.4
insecure  | -           | starttls good keyword     | -       | dead                  |                                | a | 451 4.4.1
bogus     | -           | starttls good keyword     | -       | dead                  |                                | 451 4.4.3 | 451 4.4.3
null-mx   | -           | starttls good keyword     | -       | dead                  |                                | 556 5.1.10 | 556 5.1.10
no-first-address | -    | dead                      | -       | starttls good         |                                | b | 451 4.4.3
no-mx     | -           | starttls good keyword     | -       | -                     |                                | net | net
secure    | is-stranger | starttls stranger keyword | -       | plain                 |                                | a | a
secure    | is-stranger | starttls good keyword     | is-good | starttls good keyword |                                | b | b
secure    | is-stranger | starttls good keyword     | is-good | starttls good         |                                | b | 550 5.7.30
secure    | is-good     | plain                     | is-good | plain                 |                                | 451 4.7.10 | 550 5.7.10
secure    | SERVFAIL    | starttls good keyword     | -       | plain                 |                                | b | 451 4.4.3
secure    | -           | starttls good keyword     | -       | plain                 | security=none                  | a | a
secure    | is-good     | plain                     | -       | plain                 | security=none                  | a | 550 5.7.10
secure    | -           | plain                     | -       | starttls stranger     | security=encrypt               | b | 550 5.7.10
secure    | -           | starttls stranger         | -       | plain                 | mode=opportunistic+starttls    | a | a
secure    | -           | plain                     | -       | plain                 | mode=opportunistic             | a | a
"""


@pytest.fixture
def dane_site(site: RelaySite) -> RelaySite:
    site.authenticator = JointAuthenticator([site.dane, site.known])
    return site


def surveyed(site: RelaySite, domain: str = DOMAIN) -> DomainSurvey:
    found = site.world.result(survey(site.means(), domain))
    site.world.pump()
    assert all(link.client.gone for link in site.world.links)
    assert site.world.clock.getDelayedCalls() == []
    for name in site.scripts:
        assert {line.split()[0] for line in site.heard(name)} <= {b"EHLO", b"STARTTLS", b"QUIT"}
    return found


@pytest.mark.parametrize("line", lines(WOULD))
def test_what_would_become_of_mail(dane_site: RelaySite, line: str) -> None:
    zone, first_tlsa, first, second_tlsa, second, said, *expected = line.split(" | ")
    dane_site.dns(zone)
    only = "net" if zone == "no-mx" else None
    hosts = {only or "a": (first_tlsa, first), "b": (second_tlsa, "dead" if only else second)}
    for name, (tlsa, words) in hosts.items():
        if tlsa != "-":
            dane_site.tlsa(name, tlsa)
        dane_site.host(name, words)
    security, mode = setting(said, "security", "may"), setting(said, "mode", "enforce")
    dane_site.destination(Security(security), RequireTlsMode(mode))
    found = surveyed(dane_site)
    for demand, would in zip(SURVEYED, expected, strict=True):
        taker = found.taker(demand)
        if would in NAMES:
            assert taker is not None
            assert taker.host == NAMES[would]
        else:
            assert taker is None
            assert str(found.outcome(demand)).startswith(would)


def test_what_each_host_proves(dane_site: RelaySite) -> None:
    dane_site.dns("secure")
    dane_site.tlsa("a", "is-good")
    dane_site.host("a", "starttls good keyword")
    dane_site.host("b", "starttls stranger")
    first, second = surveyed(dane_site).hosts
    assert (first.hop.host, first.hop.preference, first.address) == ("a.example.net", 10, "192.0.2.1")
    assert first.evidence is not None
    assert first.evidence.version == "TLSv1.3"
    assert (first.proof.tls, first.proof.mx, first.proof.requiretls) == (
        TlsLevel.AUTHENTICATED,
        MxLevel.DNSSEC,
        True,
    )
    assert first.proof.by == {AuthenticatedBy.PKIX, AuthenticatedBy.DANE}
    [result] = first.policies
    assert (result.policy.type, result.policy.domain, result.failure) == (
        TlsPolicyType.TLSA,
        "a.example.net",
        None,
    )
    assert (second.proof.tls, second.proof.requiretls, second.policies) == (TlsLevel.ENCRYPTED, False, ())


def test_a_host_without_tls(dane_site: RelaySite) -> None:
    dane_site.dns("secure")
    dane_site.tlsa("a", "unusable")
    dane_site.host("a", "plain")
    dane_site.host("b", "dead")
    first, second = surveyed(dane_site).hosts
    assert (first.address, first.evidence, first.proof.mx) == ("192.0.2.1", None, MxLevel.DNSSEC)
    assert set(first.causes) == set(SURVEYED)
    assert first.policies[0].failure is not None
    assert (second.address, second.proof.mx) == ("", MxLevel.DNSSEC)


def test_the_smarthost_is_not_logged_in_at(site: RelaySite) -> None:
    site.dns("nothing")
    site.routing = RoutingSettings(smarthost=configured_host(NAMES["smart"], 587, authenticate=True))
    site.host("smart", "starttls good keyword")
    found = surveyed(site)
    taker = found.taker(TlsDemand.REQUIRE)
    assert taker is not None
    assert taker.host == NAMES["smart"]


def test_it_can_be_given_up(site: RelaySite) -> None:
    site.dns("secure")
    site.host("a", "GREET=silence")
    asked = survey(site.means(), DOMAIN)
    site.world.pump()
    assert_no_result(asked)
    asked.cancel()
    failure_result_of(asked).trap(CancelledError)
    site.world.pump()
    assert all(link.client.gone for link in site.world.links)


def test_it_can_be_given_up_while_it_looks_up_what_is_published(site: RelaySite) -> None:
    site.dns("secure")
    site.dane.policyFor = lambda domain, hop: Deferred()
    site.authenticator = site.dane
    asked = survey(site.means(), DOMAIN)
    asked.cancel()
    failure_result_of(asked).trap(CancelledError)

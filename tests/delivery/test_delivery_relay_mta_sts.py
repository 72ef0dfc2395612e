"""
What becomes of a message where domains have MTA-STS policies, each scenario a
line.

The columns: what DNS says of the domain; the policy that was known before, and
what is published now (``-``: none), in the words of
:class:`tests.delivery.sts_site.StsSite`; the first and the second host; the
message, and what the operator wants; the outcome: ``HOST tls`` or ``HOST
clear`` where it was taken, with ``requiretls`` if MAIL said so, or the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, succeed

from mailext.testing.dns import DnsRecords, FakeResolver
from mailext.trust.together import JointAuthenticator
from mailext.values import DnsAnswer, RequireTlsMode, Security
from tests.delivery.relay_site import BOB, RelaySite, message
from tests.delivery.sts_site import StsSite, sts_site
from tests.delivery.test_delivery_relay_scenarios import lines, setting
from tests.support import success_result_of

ORDINARY = """
insecure  | -             | enforce any                   | starttls good        | plain             | none               | a tls
insecure  | -             | enforce both                  | plain                | starttls good     | none               | b tls
insecure  | -             | enforce a                     | starttls good        | plain             | none               | a tls
insecure  | -             | enforce b                     | starttls good        | starttls good     | none               | b tls
insecure  | -             | enforce b                     | starttls good        | plain             | none               | 451 4.7.10
insecure  | -             | enforce other                 | starttls good        | starttls good     | none               | 451 4.7.10
secure    | -             | enforce other                 | starttls good        | starttls good     | none               | 451 4.7.10
insecure  | -             | enforce any                   | plain                | plain             | none               | 451 4.7.10
insecure  | -             | enforce any                   | starttls wrong-name  | starttls good     | none               | b tls
insecure  | -             | enforce any                   | starttls expired     | starttls stranger | none               | 451 4.7.10
insecure  | -             | enforce any                   | starttls no-handshake | plain            | none               | 451 4.7.10
insecure  | -             | enforce any                   | starttls STARTTLS=454 | dead             | none               | 454
insecure  | -             | enforce any                   | dead                 | dead              | none               | 451 4.4.1
insecure  | -             | testing any                   | plain                | plain             | none               | a clear
insecure  | -             | testing other                 | starttls expired     | plain             | none               | a tls
insecure  | -             | none                          | plain                | plain             | none               | a clear
insecure  | -             | none other                    | plain                | plain             | none               | a clear
insecure  | -             | -                             | plain                | plain             | none               | a clear
insecure  | -             | enforce any txt=SERVFAIL      | plain                | plain             | none               | a clear
insecure  | -             | enforce any txt=TIMEOUT       | starttls expired     | plain             | none               | a tls
insecure  | -             | enforce any txt=twice         | plain                | plain             | none               | a clear
insecure  | -             | enforce any txt=nonsense      | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=404           | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=301           | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=503           | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=dead          | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=html          | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=cut           | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=big           | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=nonsense      | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=wrong-name    | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=expired       | plain                | plain             | none               | a clear
insecure  | -             | enforce any web=stranger      | plain                | plain             | none               | a clear
insecure  | enforce any   | -                             | plain                | starttls good     | none               | b tls
insecure  | enforce any   | enforce b txt=SERVFAIL        | plain                | plain             | none               | 451 4.7.10
insecure  | enforce any   | enforce b txt=BOGUS           | starttls good        | plain             | none               | a tls
insecure  | enforce any   | enforce b txt=nonsense        | starttls good        | plain             | none               | a tls
insecure  | enforce any   | enforce b                     | starttls good        | starttls good     | none               | b tls
insecure  | enforce other | enforce any                   | starttls good        | plain             | none               | a tls
insecure  | enforce any   | testing other                 | plain                | plain             | none               | a clear
insecure  | enforce any   | none                          | plain                | plain             | none               | a clear
insecure  | testing any   | enforce any                   | plain                | starttls good     | none               | b tls
insecure  | enforce any   | none web=404                  | plain                | plain             | none               | 451 4.7.10
insecure  | enforce any   | none web=stranger             | plain                | plain             | none               | 451 4.7.10
insecure  | enforce any   | none web=dead                 | plain                | plain             | none               | 451 4.7.10
insecure  | none          | enforce any web=dead          | plain                | plain             | none               | a clear
no-mx     | -             | enforce net                   | starttls good        | -                 | none               | net tls
no-mx     | -             | enforce net                   | plain                | -                 | none               | 451 4.7.10
no-mx     | -             | enforce any                   | starttls good        | -                 | none               | 451 4.7.10
smarthost | -             | enforce other                 | starttls good        | -                 | none               | smart tls
insecure  | -             | enforce any                   | starttls good        | plain             | none security=sts  | a tls
insecure  | -             | testing any                   | starttls good        | plain             | none security=sts  | a tls
insecure  | -             | testing b                     | starttls good        | starttls good     | none security=sts  | b tls
insecure  | -             | -                             | starttls good        | plain             | none security=sts  | 451 4.7.10
secure    | -             | -                             | starttls good        | plain             | none security=sts  | a tls
insecure  | -             | enforce any txt=SERVFAIL      | starttls good        | plain             | none security=sts  | 451 4.4.3
insecure  | -             | enforce any web=503           | starttls good        | plain             | none security=sts  | 451 4.4.3
insecure  | -             | enforce any                   | starttls good        | plain             | none security=none | a clear
insecure  | -             | enforce b                     | starttls good        | plain             | none security=encrypt | 451 4.7.10
"""

REQUIRED = """
insecure  | -             | enforce any                   | starttls good keyword | plain                 | require                | a tls requiretls
insecure  | -             | testing any                   | starttls good keyword | plain                 | require                | a tls requiretls
insecure  | -             | testing b                     | starttls good keyword | starttls good keyword | require                | b tls requiretls
insecure  | -             | testing other                 | starttls good keyword | starttls good keyword | require                | 550 5.7.10
secure    | -             | testing other                 | starttls good keyword | starttls good keyword | require                | a tls requiretls
secure    | -             | enforce other                 | starttls good keyword | starttls good keyword | require                | 550 5.7.10
insecure  | -             | none any                      | starttls good keyword | starttls good keyword | require                | 550 5.7.10
insecure  | -             | enforce b                     | starttls good keyword | starttls good keyword | require                | b tls requiretls
insecure  | -             | enforce b                     | starttls good keyword | starttls good         | require                | 550 5.7.30
insecure  | -             | enforce any                   | starttls good         | starttls good         | require                | 550 5.7.30
insecure  | -             | testing any                   | starttls wrong-name keyword | plain           | require                | 550 5.7.10
insecure  | -             | -                             | starttls good keyword | starttls good keyword | require                | 550 5.7.10
insecure  | -             | enforce any txt=SERVFAIL      | starttls good keyword | starttls good keyword | require                | 451 4.4.3
insecure  | -             | enforce any txt=TIMEOUT       | starttls good keyword | starttls good keyword | require                | 451 4.4.3
insecure  | -             | enforce any txt=BOGUS         | starttls good keyword | starttls good keyword | require                | 451 4.4.3
secure    | -             | enforce any txt=SERVFAIL      | starttls good keyword | plain                 | require                | a tls requiretls
no-mx     | -             | enforce net txt=SERVFAIL      | starttls good keyword | -                     | require                | net tls requiretls
insecure  | -             | enforce any txt=SERVFAIL      | plain                 | plain                 | require                | 550 5.7.10
insecure  | -             | enforce any web=dead          | starttls good keyword | starttls good keyword | require                | 451 4.4.3
insecure  | -             | enforce any web=503           | starttls good keyword | starttls good keyword | require                | 451 4.4.3
insecure  | -             | enforce any web=404           | starttls good keyword | starttls good keyword | require                | 550 5.7.10
insecure  | -             | enforce any web=stranger      | starttls good keyword | starttls good keyword | require                | 550 5.7.10
insecure  | enforce any   | - txt=gone                    | starttls good keyword | plain                 | require                | a tls requiretls
insecure  | enforce any   | enforce b txt=SERVFAIL        | starttls good keyword | plain                 | require                | a tls requiretls
insecure  | enforce any   | enforce b txt=SERVFAIL        | plain                 | plain                 | require                | 451 4.4.3
insecure  | testing any   | none web=dead                 | starttls good keyword | plain                 | require                | a tls requiretls
insecure  | enforce any   | none                          | starttls good keyword | plain                 | require                | 550 5.7.10
no-mx     | -             | enforce net                   | starttls good keyword | -                     | require                | net tls requiretls
no-mx     | -             | enforce other                 | starttls good keyword | -                     | require                | 550 5.7.10
insecure  | -             | enforce other                 | plain                 | -                     | require mode=opportunistic | 451 4.7.10
insecure  | -             | enforce any                   | starttls good         | -                     | require mode=opportunistic | a tls
"""

REPORTS = """
insecure  | -             | enforce any                   | starttls good         | plain                 | null require           | a tls
insecure  | -             | testing any                   | starttls good         | starttls good keyword | null require           | b tls requiretls
insecure  | -             | enforce any txt=SERVFAIL      | starttls good keyword | plain                 | null require           | a tls
insecure  | -             | enforce any txt=SERVFAIL      | starttls good keyword | dead                  | null require           | 451
"""

OPTIONAL = """
insecure  | -             | enforce any                   | plain                 | plain                 | optional               | a clear
insecure  | -             | enforce other                 | starttls stranger     | plain                 | optional               | a tls
insecure  | enforce any   | enforce any txt=SERVFAIL      | plain                 | plain                 | optional               | a clear
insecure  | -             | enforce any                   | plain                 | plain                 | optional security=sts  | 550 5.7.10
insecure  | -             | enforce any                   | starttls good         | plain                 | optional security=sts  | a tls
insecure  | -             | enforce any txt=SERVFAIL      | starttls good         | plain                 | optional security=sts  | 451 4.4.3
"""

DANE = """
secure    | -             | enforce any                   | starttls good         | starttls good         | none tlsa=none,is-good       | a tls
secure    | -             | enforce any                   | starttls good         | starttls good         | none tlsa=is-stranger,none   | b tls
secure    | -             | enforce any                   | starttls good         | plain                 | none tlsa=is-stranger,none   | 451 4.7.10
secure    | -             | enforce any                   | starttls stranger     | starttls good         | none tlsa=is-stranger,none   | b tls
secure    | -             | enforce any                   | starttls good         | starttls good         | none tlsa=is-good,none       | a tls
secure    | -             | testing any                   | starttls good keyword | plain                 | require tlsa=is-stranger,none | 550 5.7.10
secure    | -             | testing any                   | starttls stranger keyword | plain             | require tlsa=is-stranger,none | a tls requiretls
"""


@pytest.fixture
def domains(site: RelaySite, tmp_path: Path) -> Iterator[StsSite]:
    with sts_site(site, tmp_path / "state") as made:
        site.authenticator = JointAuthenticator([made.authenticator, site.known])
        yield made


def check(domains: StsSite, line: str) -> None:
    """One line of a table."""
    zone, known, published, first, second, said, expected = line.split(" | ")
    site = domains.site
    site.dns(zone)
    for host, records in zip("ab", filter(None, setting(said, "tlsa", "").split(",")), strict=False):
        site.tlsa(host, records)
    if known != "-":
        domains.remember(known)
    domains.publish(published)
    only = {"no-mx": "net", "smarthost": "smart"}.get(zone)
    site.host(only or "a", first)
    site.host("b", second if only is None and second != "-" else "dead")
    security, mode = setting(said, "security", "may"), setting(said, "mode", "enforce")
    site.destination(Security(security), RequireTlsMode(mode))

    outcome = site.deliver(message(said))[BOB]

    if expected[0].isdigit():
        assert f"{outcome.code} {outcome.enhanced}".startswith(expected), outcome
        assert site.took() == []
        return
    assert outcome.delivered, outcome
    [(name, script)] = site.took()
    [mail] = [line for line in script.heard if line.startswith(b"MAIL")]
    how = [name, "tls" if script.secure else "clear"] + ["requiretls"] * (b"REQUIRETLS" in mail)
    assert " ".join(how) == expected


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("line", lines(ORDINARY))
def test_ordinary_mail(domains: StsSite, line: str) -> None:
    check(domains, line)


@pytest.mark.requirement("R10", "R14", "R15", "R16", "R17")
@pytest.mark.parametrize("line", lines(REQUIRED))
def test_mail_that_requires_tls(domains: StsSite, line: str) -> None:
    check(domains, line)


@pytest.mark.requirement("R24")
@pytest.mark.parametrize("line", lines(REPORTS))
def test_reports_about_mail_that_requires_tls(domains: StsSite, line: str) -> None:
    check(domains, line)


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("line", lines(OPTIONAL))
def test_mail_that_does_without_tls(domains: StsSite, line: str) -> None:
    check(domains, line)
    if "security" not in line:
        # What is published is not even asked for.
        asked = [name for name, rdtype in domains.site.resolver.asked if rdtype == "TXT"]
        assert len(asked) == (line.split(" | ")[1] != "-")


@pytest.mark.parametrize("line", lines(DANE))
def test_dane_that_fails_is_not_saved(domains: StsSite, line: str) -> None:
    domains.site.authenticator = JointAuthenticator([domains.site.dane, domains.site.authenticator])
    check(domains, line)


class Remembering(FakeResolver):
    """Answers TXT look-ups from memory."""

    def __init__(self, records: DnsRecords) -> None:
        super().__init__(records)
        self._remembered: dict[str, DnsAnswer[Rdata]] = {}

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        if rdtype is not RdataType.TXT:
            return super().lookup(name, rdtype)
        if name not in self._remembered:
            self._remembered[name] = success_result_of(super().lookup(name, rdtype))
        return succeed(self._remembered[name])

    def forget(self, name: str, rdtype: RdataType) -> None:
        super().forget(name, rdtype)
        del self._remembered[name]


class TestAfresh:
    """RFC 8461 section 5: a new policy is asked for before mail is returned."""

    @pytest.fixture
    def site(self, site: RelaySite) -> RelaySite:
        site.resolver = Remembering(site.records)
        return site

    @pytest.fixture(autouse=True)
    def _has_hosts(self, domains: StsSite) -> None:
        domains.site.dns("insecure")
        for name in "ab":
            domains.site.host(name, "starttls good keyword")

    @pytest.mark.parametrize("demand", ["none", "require"])
    def test_it_is_there(self, domains: StsSite, demand: str) -> None:
        domains.remember("enforce other")
        domains.publish("enforce any")
        assert domains.site.deliver(message(demand))[BOB].delivered
        assert len(domains.requests) == len(domains.site.took()) == 1

    @pytest.mark.parametrize(("demand", "code"), [("none", 451), ("require", 550)])
    def test_it_is_not(self, domains: StsSite, demand: str, code: int) -> None:
        domains.remember("enforce other")
        outcome = domains.site.deliver(message(demand))[BOB]
        assert (outcome.code, outcome.enhanced[1:]) == (code, ".7.10")
        assert "not covered by the MTA-STS policy of example.net" in outcome.text
        assert domains.site.resolver.forgotten == [("_mta-sts.example.net", "TXT")]

    def test_it_does_not_help(self, domains: StsSite) -> None:
        domains.remember("enforce other")
        domains.publish("enforce net")
        assert domains.site.deliver(message("require"))[BOB].code == 550
        assert len(domains.requests) == 1

    def test_it_ends_what_was_before(self, domains: StsSite) -> None:
        domains.remember("enforce any")
        for name in "ab":
            domains.site.host(name, "plain")
        domains.publish("none")
        assert domains.site.deliver(message("none"))[BOB].delivered

    def test_nobody_asks_where_all_is_well(self, domains: StsSite) -> None:
        domains.remember("enforce any")
        assert domains.site.deliver(message("require"))[BOB].delivered
        assert domains.site.resolver.forgotten == []


def test_a_policy_host_that_says_nothing_holds_a_message_up_for_a_minute(domains: StsSite) -> None:
    site = domains.site
    site.dns("insecure")
    site.host("a", "plain")
    domains.publish("enforce any web=mute")
    outcomes: list[object] = []
    site.delivering(message("none")).addCallback(outcomes.append)
    site.world.pump()
    site.world.advance(59)
    assert outcomes == []
    site.world.advance(1.1)
    [delivered] = outcomes
    assert delivered[BOB].delivered
    # The next message does not wait.
    assert site.deliver(message("none"))[BOB].delivered


def test_messages_at_the_same_time_wait_for_one_fetch(domains: StsSite) -> None:
    site = domains.site
    site.dns("insecure")
    for name in "ab":
        site.host(name, "starttls good")
    domains.publish("enforce any")
    outcomes: list[object] = []
    for _ in range(3):
        site.delivering(message("none")).addCallback(outcomes.append)
    site.world.pump()
    assert len(outcomes) == 3
    assert len(domains.requests) == 1


def test_the_smarthost_has_a_policy_of_its_own(domains: StsSite) -> None:
    """RFC 8461 section 3.4."""
    site = domains.site
    site.dns("smarthost")
    site.host("smart", "starttls good")
    domains.publish("enforce other", "smart.example.com")
    assert site.deliver(message("none"))[BOB].enhanced == "4.7.10"
    domains.publish("enforce smart", "smart.example.com")
    assert site.deliver(message("none"))[BOB].delivered

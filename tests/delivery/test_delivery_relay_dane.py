"""
What becomes of a message where hosts have TLSA records, each scenario a line.

The columns: what DNS says of the domain; for the first and the second host its
TLSA records (``-``: DNSSEC proves nothing of it) and the host; the message, and
what the operator wants; the outcome: ``HOST tls`` or ``HOST clear`` where it was
taken, with ``requiretls`` if MAIL said so, or the code.
"""

from __future__ import annotations

import pytest

from mailext.net.client.pool import ConnectionPool
from mailext.testing.dns import DnsFault
from mailext.trust.together import JointAuthenticator
from mailext.values import DnsStatus, RequireTlsMode, Security
from tests.delivery.relay_site import ADDRESSES, BOB, DOMAIN, RelaySite, message
from tests.delivery.test_delivery_relay_scenarios import lines, setting
from tests.support import logged

ORDINARY = """
secure    | is-good               | starttls good                    | -          | plain                 | none                  | a tls
secure    | is-good               | starttls good                    | SERVFAIL   | plain                 | none                  | a tls
secure    | is-stranger           | starttls stranger                | -          | plain                 | none                  | a tls
secure    | is-expired            | starttls expired                 | -          | plain                 | none                  | a tls
secure    | is-wrong-name         | starttls wrong-name              | -          | plain                 | none                  | a tls
secure    | is-good               | starttls stranger                | -          | plain                 | none                  | b clear
secure    | is-good               | starttls stranger                | -          | dead                  | none                  | 451
secure    | is-stranger           | starttls good                    | is-good    | starttls stranger     | none                  | 451 4.7.10
secure    | is-stranger           | starttls good                    | is-good    | starttls good         | none                  | b tls
secure    | is-good               | plain                            | -          | dead                  | none                  | 451
secure    | is-good               | plain                            | is-good    | plain                 | none                  | 451 4.7.10
secure    | is-good               | starttls no-handshake            | is-good    | starttls good         | none                  | b tls
secure    | is-good               | starttls no-handshake            | is-good    | plain                 | none                  | 451 4.7.10
secure    | is-good               | starttls good STARTTLS=454       | is-good    | plain                 | none                  | 454
secure    | authority             | starttls good-and-authority      | -          | plain                 | none                  | a tls
secure    | authority             | starttls good                    | is-good    | starttls good         | none                  | b tls
secure    | authority-in-full     | starttls good                    | -          | plain                 | none                  | a tls
secure    | authority             | starttls wrong-name-and-authority | is-good   | starttls good         | none                  | b tls
secure    | authority             | starttls expired-and-authority   | is-good    | starttls good         | none                  | b tls
secure    | authority             | starttls stranger-and-authority  | is-good    | starttls good         | none                  | b tls
secure    | unusable              | starttls good                    | -          | plain                 | none                  | a tls
secure    | unusable              | starttls stranger                | -          | plain                 | none                  | a tls
secure    | unusable              | plain                            | -          | plain                 | none                  | b clear
secure    | unusable              | plain                            | unusable   | starttls no-handshake | none                  | 451 4.7.10
secure    | none                  | plain                            | is-good    | starttls good         | none                  | a clear
secure    | none                  | starttls expired                 | is-good    | starttls good         | none                  | a tls
secure    | insecure-is-good      | plain                            | is-good    | starttls good         | none                  | a clear
secure    | -                     | plain                            | is-good    | starttls good         | none                  | a clear
secure    | SERVFAIL              | starttls good                    | -          | plain                 | none                  | b clear
secure    | TIMEOUT               | starttls good                    | is-good    | starttls good         | none                  | b tls
secure    | BOGUS                 | starttls good                    | BOGUS      | starttls good         | none                  | 451 4.4.3
insecure  | is-good               | starttls good                    | -          | plain                 | none                  | a tls
insecure  | is-good               | starttls stranger                | -          | plain                 | none                  | b clear
insecure  | SERVFAIL              | starttls good                    | -          | plain                 | none                  | b clear
insecure  | is-good               | plain                            | is-good    | plain                 | none                  | 451 4.7.10
no-mx     | is-good               | starttls good                    | -          | -                     | none                  | net tls
no-mx     | is-good               | plain                            | -          | -                     | none                  | 451 4.7.10
smarthost | is-stranger           | starttls stranger                | -          | -                     | none                  | smart tls
smarthost | is-stranger           | starttls good                    | -          | -                     | none                  | 451 4.7.10
smarthost | SERVFAIL              | starttls good                    | -          | -                     | none                  | 451 4.4.3
secure    | is-good               | starttls good                    | -          | plain                 | none security=dane    | a tls
secure    | none                  | starttls good                    | is-good    | starttls good         | none security=dane    | b tls
secure    | unusable              | starttls good                    | -          | starttls good         | none security=dane    | 451 4.7.10
insecure  | is-good               | starttls good                    | is-good    | starttls good         | none security=dane    | 451 4.7.10
no-mx     | is-good               | starttls good                    | -          | -                     | none security=dane    | net tls
secure    | is-stranger           | starttls stranger                | -          | plain                 | none security=verify  | a tls
secure    | is-stranger           | starttls good                    | -          | plain                 | none security=verify  | 451 4.7.10
secure    | is-stranger           | starttls good                    | -          | starttls good         | none security=verify  | b tls
secure    | is-stranger           | starttls good                    | -          | plain                 | none security=encrypt | 451 4.7.10
secure    | is-stranger           | starttls stranger                | -          | starttls good         | none security=sts     | b tls
secure    | is-stranger           | starttls good                    | SERVFAIL   | plain                 | none security=none    | a clear
"""

REQUIRED = """
secure    | is-stranger           | starttls stranger keyword        | -          | plain                 | require                             | a tls requiretls
secure    | is-expired            | starttls expired keyword         | -          | plain                 | require                             | a tls requiretls
secure    | authority             | starttls good-and-authority keyword | -       | plain                 | require                             | a tls requiretls
secure    | unusable              | starttls good keyword            | -          | plain                 | require                             | a tls requiretls
secure    | unusable              | starttls stranger keyword        | -          | plain                 | require                             | 550 5.7.10
secure    | none                  | starttls good keyword            | -          | plain                 | require                             | a tls requiretls
secure    | none                  | starttls stranger keyword        | is-good    | starttls good keyword | require                             | b tls requiretls
secure    | is-stranger           | starttls good keyword            | -          | plain                 | require                             | 550 5.7.10
secure    | is-stranger           | starttls good keyword            | is-good    | starttls good keyword | require                             | b tls requiretls
secure    | is-stranger           | starttls stranger                | is-good    | starttls good         | require                             | 550 5.7.30
secure    | is-stranger           | starttls stranger                | is-good    | plain                 | require                             | 550 5.7.30
secure    | is-stranger           | starttls good                    | is-good    | plain                 | require                             | 550 5.7.10
secure    | is-stranger           | starttls good                    | SERVFAIL   | plain                 | require                             | 451 4.4.3
secure    | SERVFAIL              | starttls good keyword            | is-good    | starttls good keyword | require                             | b tls requiretls
secure    | SERVFAIL              | starttls good keyword            | -          | starttls good         | require                             | 451 4.4.3
secure    | is-good               | plain                            | -          | dead                  | require                             | 451
insecure  | is-good               | starttls good keyword            | is-good    | starttls good keyword | require                             | 550 5.7.10
insecure  | SERVFAIL              | starttls good keyword            | is-good    | starttls good keyword | require                             | 451 4.4.3
no-mx     | is-stranger           | starttls stranger keyword        | -          | -                     | require                             | net tls requiretls
no-mx     | is-stranger           | starttls good keyword            | -          | -                     | require                             | 550 5.7.10
smarthost | is-stranger           | starttls stranger keyword        | -          | -                     | require                             | smart tls requiretls
secure    | is-stranger           | starttls stranger                | -          | plain                 | require mode=opportunistic          | a tls
secure    | is-stranger           | starttls good                    | -          | dead                  | require mode=opportunistic          | 451
secure    | is-stranger           | starttls good                    | is-good    | plain                 | require mode=opportunistic+starttls | 550 5.7.10
secure    | is-good               | starttls stranger                | -          | starttls good         | null require                        | b tls
secure    | is-good               | starttls stranger                | is-good    | plain                 | null require                        | 451 4.7.10
secure    | is-good               | starttls good                    | -          | starttls good keyword | null require                        | b tls requiretls
secure    | is-good               | starttls good                    | -          | plain                 | null require security=none          | a tls
"""

OPTIONAL = """
secure    | is-stranger           | starttls good                    | -          | plain                 | optional                            | a tls
secure    | is-good               | plain                            | -          | plain                 | optional                            | a clear
secure    | is-good               | starttls no-handshake            | -          | plain                 | optional                            | a clear
secure    | SERVFAIL              | starttls good                    | -          | plain                 | optional                            | a tls
secure    | is-stranger           | starttls stranger                | -          | plain                 | optional security=dane              | a tls
secure    | is-stranger           | starttls good                    | -          | plain                 | optional security=dane              | 550 5.7.10
secure    | is-stranger           | starttls good                    | -          | plain                 | optional security=verify            | a tls
secure    | is-stranger           | starttls good                    | -          | plain                 | optional security=encrypt           | a tls
secure    | is-good               | plain                            | -          | plain                 | optional security=encrypt           | 550 5.7.10
"""


@pytest.fixture
def dane_site(site: RelaySite) -> RelaySite:
    """Where DANE is asked."""
    site.authenticator = JointAuthenticator([site.dane, site.known])
    return site


def check(site: RelaySite, line: str) -> None:
    """One line of a table."""
    zone, first_tlsa, first, second_tlsa, second, said, expected = line.split(" | ")
    site.dns(zone)
    only = {"no-mx": "net", "smarthost": "smart"}.get(zone)
    hosts = {only or "a": (first_tlsa, first), "b": (second_tlsa, "dead" if only else second)}
    for name, (tlsa, words) in hosts.items():
        if tlsa != "-":
            site.tlsa(name, tlsa)
        site.host(name, words)
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
def test_ordinary_mail(dane_site: RelaySite, line: str) -> None:
    check(dane_site, line)


@pytest.mark.requirement("R10", "R11", "R14", "R15", "R24")
@pytest.mark.parametrize("line", lines(REQUIRED))
def test_mail_that_requires_tls(dane_site: RelaySite, line: str) -> None:
    check(dane_site, line)


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("line", lines(OPTIONAL))
def test_mail_that_does_without_tls(dane_site: RelaySite, line: str) -> None:
    check(dane_site, line)


def records_asked(site: RelaySite) -> list[str]:
    return [name for name, rdtype in site.resolver.asked if rdtype == "TLSA"]


@pytest.mark.requirement("R18")
@pytest.mark.parametrize("said", ["optional", "optional security=encrypt", "none security=none"])
def test_no_records_are_asked_for_where_they_bind_nobody(dane_site: RelaySite, said: str) -> None:
    check(
        dane_site,
        f"secure | is-good | starttls good | - | plain | {said} | a {'clear' if 'none' in said else 'tls'}",
    )
    assert records_asked(dane_site) == []


def test_the_records_of_a_host_that_is_not_tried_are_not_asked_for(dane_site: RelaySite) -> None:
    check(dane_site, "secure | is-good | starttls good | is-good | starttls good | none | a tls")
    assert records_asked(dane_site) == ["_25._tcp.a.example.net"]


def test_whom_the_log_says_was_reached(dane_site: RelaySite) -> None:
    # RFC 7672 section 2.2.1: not to be taken for one of the domain's.
    with logged() as events:
        check(dane_site, "insecure | is-stranger | starttls stranger | - | plain | none | a tls")
    [event] = [event for event in events if event.get("event") == "relay"]
    assert (event["host"], event["tlsLevel"], event["mxLevel"]) == ("a.example.net", "authenticated", "none")
    assert "certificate verified by DANE" in event["reason"]


class TestAliases:
    """RFC 7672 sections 2.2.2 and 2.2.3, and RFC 7671 section 10.2."""

    ALIAS, TARGET = "alias.example.net", "real.provider.example"

    def alias(self, site: RelaySite, status: DnsStatus) -> None:
        site.dns("secure")
        site.records.add(DOMAIN, "MX", f"10 {self.ALIAS}.", "20 b.example.net.", status=DnsStatus.SECURE)
        site.records.add(self.ALIAS, "CNAME", f"{self.TARGET}.", status=DnsStatus.SECURE)
        site.records.add(self.TARGET, "A", ADDRESSES["a"], status=status)
        site.records.add(self.TARGET, "AAAA", status=status)

    def records_at(self, site: RelaySite, name: str, word: str) -> None:
        site.records.add(f"_25._tcp.{name}", "TLSA", *site.pki.tlsa[word], status=DnsStatus.SECURE)

    def taken_as(self, site: RelaySite) -> str:
        """The name that the host was asked for."""
        site.host("a", "starttls stranger")
        site.host("b", "dead")
        assert site.deliver(message("none"))[BOB].delivered
        [(_, script)] = site.took()
        assert script.secure
        return script.server_name.decode()

    def test_where_they_lead(self, dane_site: RelaySite) -> None:
        self.alias(dane_site, DnsStatus.SECURE)
        self.records_at(dane_site, self.TARGET, "is-stranger")
        self.records_at(dane_site, self.ALIAS, "is-good")
        assert self.taken_as(dane_site) == self.TARGET

    def test_the_name_itself(self, dane_site: RelaySite) -> None:
        self.alias(dane_site, DnsStatus.SECURE)
        self.records_at(dane_site, self.ALIAS, "is-stranger")
        assert self.taken_as(dane_site) == self.ALIAS

    def test_out_of_what_is_proved(self, dane_site: RelaySite) -> None:
        self.alias(dane_site, DnsStatus.INSECURE)
        self.records_at(dane_site, self.ALIAS, "is-stranger")
        dane_site.records.fail(f"_25._tcp.{self.TARGET}", "TLSA", DnsFault.SERVFAIL)
        assert self.taken_as(dane_site) == self.ALIAS


def test_a_connection_is_not_used_again_where_its_host_has_other_records_now(dane_site: RelaySite) -> None:
    pool = ConnectionPool(dane_site.connector(), dane_site.world.clock)
    dane_site.connector = lambda: pool
    dane_site.dns("secure")
    dane_site.tlsa("a", "is-good")
    dane_site.host("a", "starttls good")
    dane_site.host("b", "dead")

    def deliver() -> int:
        outcome = dane_site.world.result(dane_site.delivering(message("none")))[BOB]
        assert outcome.delivered or outcome.is_temporary
        return len(dane_site.scripts["a"])

    assert [deliver(), deliver()] == [1, 1]
    dane_site.tlsa("a", "is-stranger")
    assert deliver() == 2
    assert len(dane_site.took()) == 1
    pool.close()

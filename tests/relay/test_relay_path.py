"""``mailext path``: what the hosts of a domain prove, told without sending mail."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack

import pytest

from mailext.values import DnsStatus
from tests.relay.mx_host import MxHost
from tests.relay.site import RelaySite

WRONG = "3 1 1 " + "00" * 32


@pytest.fixture
def hosts(site: RelaySite) -> list[MxHost]:
    """Those of ``seen.test``: the second proves all that can be proved."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(site.host("a.seen.test", "starttls good")),
            stack.enter_context(site.host("b.seen.test", "starttls good keyword")),
            stack.enter_context(site.host("c.seen.test", "plain")),
        ]
        site.records.add(
            "seen.test",
            "MX",
            *(f"{n}0 {name}.seen.test." for n, name in enumerate("abc", 1)),
            status=DnsStatus.SECURE,
        )
        yield made


def asked(site: RelaySite, *arguments: str) -> tuple[int, str]:
    """The exit status, and what was printed."""
    try:
        finished = site.server.run("path", *arguments)
    except subprocess.CalledProcessError as error:
        return error.returncode, error.stdout.decode()
    return 0, finished.stdout.decode()


@pytest.mark.requirement("R10", "R11", "R12")
def test_as_json(site: RelaySite, hosts: list[MxHost]) -> None:
    status, printed = asked(site, "seen.test", "--json")
    assert status == 0
    told = json.loads(printed)
    assert (told["domain"], told["settings"]) == ("seen.test", {"security": "may", "requiretls": "enforce"})
    assert told["ordinary"] == {"host": "a.seen.test", "reply": ""}
    assert told["requiretls"] == {"host": "b.seen.test", "reply": ""}
    first, second, third = told["hosts"]
    assert second == {
        "host": "b.seen.test",
        "port": site.port,
        "preference": 20,
        "address": hosts[1].address,
        "mx": "dnssec",
        "tls": {"version": "TLSv1.3", "cipher": second["tls"]["cipher"]},
        "certificate": "",
        "authenticatedBy": ["pkix"],
        "policies": [],
        "keyword": True,
        "ordinary": {"goes": True, "reason": ""},
        "requiretls": {"goes": True, "reason": ""},
    }
    assert first["requiretls"] == {"goes": False, "reason": "REQUIRETLS is not offered"}
    assert (third["tls"], third["certificate"], third["keyword"]) == (None, None, False)
    assert third["requiretls"] == {"goes": False, "reason": "The host does not offer STARTTLS"}
    assert all(host.arrivals == [] for host in hosts)


def test_in_words(site: RelaySite, hosts: list[MxHost]) -> None:
    status, printed = asked(site, "seen.test")
    assert status == 0
    for words in (
        "preference 20, one of the domain's by DNSSEC",
        "no TLSA records that DNSSEC proves",
        "no policy",
        "REQUIRETLS is not offered",
        "ordinary mail goes to a.seen.test",
        "with REQUIRETLS goes to b.seen.test",
    ):
        assert words in " ".join(printed.split())


def test_an_address_that_nobody_answers_at(site: RelaySite) -> None:
    with site.host("lame.test", "starttls no-handshake") as host:
        site.records.add("lame.test", "A", site.place("nobody").address, host.address)
        status, printed = asked(site, "lame.test", "--json")
    told = json.loads(printed)
    assert status == 1
    assert told["ordinary"] == {"host": "lame.test", "reply": ""}
    assert told["hosts"][0]["address"] == host.address
    assert told["requiretls"]["reply"].startswith("451 4.4.1")


def test_records_that_do_not_match(site: RelaySite) -> None:
    with site.host("broken.test", "starttls good keyword") as host:
        site.records.add("broken.test", "A", host.address, status=DnsStatus.SECURE, ttl=0)
        site.records.add("broken.test", "AAAA", status=DnsStatus.SECURE, ttl=0)
        site.records.add(f"_{site.port}._tcp.broken.test", "TLSA", WRONG, status=DnsStatus.SECURE)
        status, printed = asked(site, "broken.test", "--json")
    assert status == 1
    told = json.loads(printed)
    assert told["ordinary"]["reply"].startswith("451 4.7.10 ")
    assert told["requiretls"]["reply"].startswith("550 5.7.10 ")
    assert told["hosts"][0]["policies"] == [
        {
            "type": "tlsa",
            "domain": "broken.test",
            "strings": [WRONG],
            "failure": {"type": "certificate-not-trusted", "reason": "no TLSA record matches"},
        }
    ]


def test_a_domain_that_does_not_exist(site: RelaySite) -> None:
    status, printed = asked(site, "nothing.test", "--json")
    assert status == 1
    assert json.loads(printed)["hosts"] == []
    assert asked(site, "nothing.test")[1].count("550 5.1.2 Domain nothing.test does not exist") == 2


def test_a_configuration_that_cannot_be_used(site: RelaySite, tmp_path) -> None:
    broken = tmp_path / "mailext.toml"
    broken.write_text(site.server.config.read_text("utf-8") + "\n[relay.x]\ny = 1\n", "utf-8")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        site.server.run("--config", str(broken), "path", "seen.test")
    assert failed.value.returncode == 2

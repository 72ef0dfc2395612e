"""MTA-STS by a whole server: policy hosts on real sockets, and a memory that outlives the process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.values import DnsStatus
from tests.black_box import ADDRESS, free_ports
from tests.net.web_host import WebHost, answer, web_host
from tests.relay.mx_host import MxHost
from tests.relay.scenario import message_of
from tests.relay.site import PATIENT, RelaySite

_numbers = itertools.count()


class StsWorld:
    """A server, and domains with policies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        [self._port] = free_ports(1)
        self.site = RelaySite(folder / "site", f"{PATIENT}mta-sts-port = {self._port}\n")

    @contextmanager
    def domain(
        self, mode: StsMode, words: str, certificate: str = "", pattern: str = "*"
    ) -> Iterator[tuple[str, MxHost, WebHost]]:
        """
        :param words: what the host of its MX record is.
        :param certificate: for whom that of the policy host is, if not for it.
        :param pattern: the first label of the hosts that the policy covers.
        """
        name = f"sts-{next(_numbers)}.test"
        file = self._folder / "policy-host.pem"
        self.site.certificates.certify(file, certificate or f"mta-sts.{name}")
        policy = StsPolicy(mode, 604800, (f"{pattern}.{name}",))
        records = self.site.records
        records.add(name, "MX", f"10 mx.{name}.", ttl=0)
        records.add(f"mta-sts.{name}", "A", "127.0.0.1", ttl=0)
        records.add(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={policy.id};"', ttl=0)
        with (
            self.site.host(f"mx.{name}", words) as host,
            web_host(file, answer(policy.text), port=self._port) as web,
        ):
            yield name, host, web

    def reply(self, domain: str, *demand: str) -> str:
        """What becomes of a message at the first attempt."""
        mail = ["REQUIRETLS"] * ("require" in demand)
        sent = self.site.submit(message_of(demand), ADDRESS, mail, {f"bob@{domain}": []})
        attempt = self.site.log.wait_for(event="attempt", queueId=sent.queue_id)
        [reply] = attempt["replies"].values()
        return str(reply)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StsWorld]:
    made = StsWorld(tmp_path_factory.mktemp("sts"))
    made.site.start()
    yield made
    made.site.stop()


@pytest.mark.requirement("R10")
@pytest.mark.parametrize("mode", [StsMode.TESTING, StsMode.ENFORCE])
def test_a_policy_proves_a_host(world: StsWorld, mode: StsMode) -> None:
    with world.domain(mode, "starttls good keyword") as (name, host, web):
        assert "250" in world.reply(name, "require")
        assert host.arrivals[0].mail.endswith(" REQUIRETLS")
        assert web.names == [f"mta-sts.{name}"]
    line = world.site.log.wait_for(event="relay", destination=name)
    assert line["mxLevel"] == "mta_sts"
    assert f"covered by the MTA-STS policy of {name}" in str(line["reason"])


def test_a_policy_holds_ordinary_mail_back(world: StsWorld) -> None:
    with world.domain(StsMode.ENFORCE, "plain") as (name, host, _):
        assert "451 4.7.10" in world.reply(name)
        assert host.arrivals == []


def test_a_policy_host_that_does_not_prove_its_name(world: StsWorld) -> None:
    with world.domain(StsMode.ENFORCE, "plain", certificate="mta-sts.else.test") as (name, host, _):
        assert "250" in world.reply(name)
        assert len(host.arrivals) == 1


def test_a_policy_outlives_the_process_and_its_publication(world: StsWorld) -> None:
    with world.domain(StsMode.ENFORCE, "plain") as (name, host, web):
        world.reply(name)
        assert len(web.heard) == 1
        world.site.leave()
        world.site.server.stop()
        world.site.records.add(f"_mta-sts.{name}", "TXT", ttl=0)
        world.site.server.start()
        assert "451 4.7.10" in world.reply(name)
        assert host.arrivals == []
        assert len(web.heard) == 1


@pytest.mark.requirement("R10", "R14")
@pytest.mark.parametrize(("demand", "offer"), [("none", ""), ("require", "keyword")])
def test_of_several_hosts_one_that_the_policy_covers(world: StsWorld, demand: str, offer: str) -> None:
    with world.domain(StsMode.ENFORCE, f"starttls good {offer}", pattern="second") as (name, first, _):
        records = world.site.records
        records.add(name, "MX", f"10 mx.{name}.", f"20 second.{name}.", f"30 third.{name}.", ttl=0)
        with (
            world.site.host(f"second.{name}", f"starttls good {offer}") as second,
            world.site.host(f"third.{name}", "plain") as third,
        ):
            assert "250" in world.reply(name, demand)
    assert (len(first.arrivals), len(second.arrivals), len(third.arrivals)) == (0, 1, 0)


def test_before_mail_is_returned_the_policy_is_looked_up_afresh(world: StsWorld) -> None:
    with world.domain(StsMode.ENFORCE, "starttls good keyword") as (name, host, web):

        def publish(pattern: str) -> None:
            policy = StsPolicy(StsMode.ENFORCE, 604800, (pattern,))
            web.saying = answer(policy.text)
            # The resolver remembers it.
            world.site.records.add(f"_mta-sts.{name}", "TXT", f'"v=STSv1; id={policy.id};"', ttl=3600)

        publish(f"another.{name}")
        assert "451 4.7.10" in world.reply(name)
        publish(f"mx.{name}")
        assert "250" in world.reply(name, "require")
        assert [arrival.parameters for arrival in host.arrivals] == [["REQUIRETLS"]]
        assert len(web.heard) == 2


@pytest.mark.parametrize(("mode", "taken"), [(StsMode.ENFORCE, False), (StsMode.TESTING, True)])
def test_dane_does_not_save_a_host_that_the_policy_refuses(
    world: StsWorld, mode: StsMode, *, taken: bool
) -> None:
    with world.domain(mode, "starttls self-signed") as (name, host, _):
        site, mx = world.site, f"mx.{name}"
        site.records.add(mx, "A", host.address, status=DnsStatus.SECURE, ttl=0)
        site.records.add(mx, "AAAA", status=DnsStatus.SECURE, ttl=0)
        owner = f"_{site.port}._tcp.{mx}"
        site.records.add(owner, "TLSA", site.certificates.tlsa(mx), status=DnsStatus.SECURE, ttl=0)
        assert world.reply(name).startswith("250" if taken else "451 4.7.10")
        assert len(host.arrivals) == taken

"""Rules that ask for REQUIRETLS on the sender's behalf (R20), end to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.mx_host import MxHost
from tests.relay.scenario import message_of
from tests.relay.site import RelaySite, Sent, hand_over

pytestmark = pytest.mark.requirement("R20")

POLICIES = (
    "requiretls:header=X-Ask:account=ann@*",
    "requiretls:domain=*.bank.test",
    "requiretls:account=bob@*",
    "requiretls:supported=yes",
)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    site = RelaySite(
        tmp_path_factory.mktemp("rules") / "site",
        aliases='"team@example.org" = ["ann@example.org", "team@learned.test"]\n',
    )
    policies = ", ".join(f'"{each}"' for each in POLICIES)
    site.server.reconfigure(lambda text: text.replace("\n[tls]", f"\npolicies = [{policies}]\n\n[tls]", 1))
    site.start()
    yield site
    site.stop()


@pytest.fixture
def hosts(ruled: RelaySite) -> Iterator[dict[str, MxHost]]:
    """Of each domain one: some keep the promise, some do not."""
    offers = {
        "learned.test": "starttls good keyword",
        "other.test": "starttls good",
        "www.bank.test": "starttls good keyword",
    }
    with ExitStack() as stack:
        made = {}
        for domain, words in offers.items():
            ruled.records.add(domain, "MX", f"10 mx.{domain}.", status=DnsStatus.SECURE)
            made[domain] = stack.enter_context(ruled.host(f"mx.{domain}", words))
        yield made


def send(site: RelaySite, *recipients: str, fields: bytes = b"", words: tuple[str, ...] = ()) -> Sent:
    message = message_of(words).replace(b"Subject:", fields + b"Subject:")
    return site.submit(message, ADDRESS, [], {each: [] for each in recipients})


def demanded(site: RelaySite, sent: Sent) -> str:
    """What the message demanded, once it is done."""
    return str(site.log.wait_for(event="done", queueId=sent.queue_id)["requiretls"])


def test_by_a_field_that_nobody_sees(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    sent = send(ruled, "kim@www.bank.test", "kim@learned.test", fields=b"X-Ask: yes\r\n")
    assert demanded(ruled, sent) == "require"
    for domain in ("www.bank.test", "learned.test"):
        [arrival] = hosts[domain].arrivals
        assert arrival.parameters == ["REQUIRETLS"]
        assert b"X-Ask" not in arrival.content


def test_and_is_refused_where_it_cannot_be_had(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    sent = send(ruled, "kim@other.test", fields=b"X-Ask: yes\r\n")
    assert demanded(ruled, sent) == "require"
    assert hosts["other.test"].arrivals == []
    assert ruled.report_about(sent).told == ["kim failed 5.7.30"]


def test_a_field_that_says_no(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    sent = send(ruled, "kim@other.test", fields=b"X-Ask: no\r\n")
    assert demanded(ruled, sent) == "none"
    [arrival] = hosts["other.test"].arrivals
    assert b"X-Ask" not in arrival.content


def test_by_the_domain_of_a_recipient(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    assert demanded(ruled, send(ruled, "kim@www.bank.test")) == "require"
    assert hosts["www.bank.test"].arrivals[0].parameters == ["REQUIRETLS"]


def test_by_the_account_that_sends(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    password = "a long password"
    ruled.server.run("account", "add", "bob@example.org", "--password-stdin", stdin=f"{password}\n".encode())
    with ruled.server.client() as client:
        client.login("bob@example.org", password)
        sent = hand_over(client, message_of(()), "bob@example.org", [], {"kim@other.test": []})
    assert demanded(ruled, sent) == "require"
    assert hosts["other.test"].arrivals == []
    assert ruled.report_about(sent, "bob@example.org").told == ["kim failed 5.7.30"]


def test_the_header_field_cannot_weaken_a_rule(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    assert demanded(ruled, send(ruled, "kim@www.bank.test", words=("optional",))) == "require"


def test_all_domains_must_be_known(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    assert demanded(ruled, send(ruled, "kim@learned.test", fields=b"X-Ask: yes\r\n")) == "require"
    assert demanded(ruled, send(ruled, "kim@other.test", "kim@learned.test")) == "none"


def test_it_is_learned_from_deliveries(ruled: RelaySite) -> None:
    ruled.records.add("new.test", "MX", "10 mx.new.test.", status=DnsStatus.SECURE)
    with ruled.host("mx.new.test", "starttls good keyword") as host:
        assert demanded(ruled, send(ruled, "kim@new.test")) == "none"
        assert demanded(ruled, send(ruled, "kim@new.test")) == "require"
        assert demanded(ruled, send(ruled, ADDRESS, "kim@new.test")) == "require"
    assert [arrival.parameters for arrival in host.arrivals] == [[], ["REQUIRETLS"], ["REQUIRETLS"]]
    # A restart forgets nothing.
    ruled.leave()
    ruled.server.stop()
    ruled.server.start()
    with ruled.host("mx.new.test", "starttls good") as host:
        sent = send(ruled, "kim@new.test")
        assert demanded(ruled, sent) == "require"
        assert ruled.report_about(sent).told == ["kim failed 5.7.30"]
        # That was the last one that was asked for.
        assert demanded(ruled, send(ruled, "kim@new.test")) == "none"
    assert [arrival.parameters for arrival in host.arrivals] == [[]]


@pytest.mark.requirement("R13")
def test_nothing_is_learned_from_weak_tls(ruled: RelaySite) -> None:
    ruled.records.add("old.test", "MX", "10 mx.old.test.", status=DnsStatus.SECURE)
    with ruled.host("mx.old.test", "starttls good weak-cipher keyword") as host:
        for _ in range(2):
            assert demanded(ruled, send(ruled, "kim@old.test")) == "none"
    assert len(host.arrivals) == 2


def test_the_first_host_has_spoken_for_the_others(ruled: RelaySite) -> None:
    ruled.records.add("two.test", "MX", "10 first.two.test.", "20 second.two.test.", status=DnsStatus.SECURE)
    with ruled.host("second.two.test", "starttls good") as second:
        with ruled.host("first.two.test", "starttls good keyword"):
            assert demanded(ruled, send(ruled, "kim@two.test")) == "none"
        # Nobody asked for it: it waits for the first, and is not returned.
        sent = send(ruled, "kim@two.test")
        attempt = ruled.log.wait_for(event="attempt", queueId=sent.queue_id)
        assert attempt["requiretls"] == "require"
        assert str(attempt["replies"]["kim@two.test"]).startswith("451 4.4.1")
        assert second.arrivals == []
        # Now the second was seen.
        assert demanded(ruled, send(ruled, "kim@two.test")) == "none"
        assert len(second.arrivals) == 1
    ruled.server.run("queue", "drop", sent.queue_id)


def test_through_an_alias(ruled: RelaySite, hosts: dict[str, MxHost]) -> None:
    assert demanded(ruled, send(ruled, "kim@learned.test", fields=b"X-Ask: yes\r\n")) == "require"
    assert demanded(ruled, send(ruled, "team@example.org")) == "require"
    assert demanded(ruled, send(ruled, "team@example.org", "kim@other.test")) == "none"

"""What a server counts of TLS on the way to other domains (RFC 8460), as ``mailext tlsrpt`` tells it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailext.cli import main
from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.scenario import message_of
from tests.relay.site import RelaySite

Told = list[tuple[str, str, int]]


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    """A server of its own: what it counts is all there is."""
    made = RelaySite(tmp_path_factory.mktemp("counting") / "site")
    made.start()
    yield made
    made.stop()


def send(site: RelaySite, domain: str, *words: str) -> None:
    """Send a message, and wait for the end of its attempt."""
    parameters = ["REQUIRETLS"] if "require" in words else []
    sent = site.submit(message_of(words), ADDRESS, parameters, {f"bob@{domain}": []})
    site.log.wait_for(event="attempt", queueId=sent.queue_id)


def told(config: Path, domain: str) -> Told:
    """Kind of policy, result, and how many sessions."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["--config", str(config), "--json", "tlsrpt", "show", domain]) == 0
    found = []
    for policy in (policy for day in json.loads(output.getvalue()) for policy in day["policies"]):
        kind = policy["policy"]["policy-type"]
        if successes := policy["summary"]["total-successful-session-count"]:
            found.append((kind, "", successes))
        found += [
            (kind, each["result-type"], each["failed-session-count"])
            for each in policy.get("failure-details", [])
        ]
    return found


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ("starttls good", ""),
        ("starttls stranger", ""),
        ("plain", "starttls-not-supported"),
        ("starttls good old-tls", "validation-failure"),
    ],
)
def test_without_a_policy(counting: RelaySite, words: str, result: str) -> None:
    domain = f"{words.replace(' ', '-')}.test"
    with counting.host(domain, words):
        send(counting, domain)
    assert told(counting.server.config, domain) == [("no-policy-found", result, 1)]


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (f"3 1 1 {'00' * 32}", "certificate-not-trusted"),
        # No use for SMTP, RFC 7672 section 3.1.3.
        (f"0 1 1 {'00' * 32}", "tlsa-invalid"),
    ],
)
def test_against_tlsa_records(counting: RelaySite, record: str, result: str) -> None:
    domain = f"{result}.test"
    with counting.host(domain, "starttls good") as host:
        counting.records.add(domain, "A", host.address, status=DnsStatus.SECURE)
        counting.records.add(domain, "AAAA", status=DnsStatus.SECURE)
        owner = f"_{counting.port}._tcp.{domain}"
        counting.records.add(owner, "TLSA", record, status=DnsStatus.SECURE)
        send(counting, domain)
    assert told(counting.server.config, domain) == [("tlsa", result, 1)]


def test_a_missing_keyword_is_no_failure(counting: RelaySite) -> None:
    with counting.host("keyword.test", "starttls good"):
        send(counting, "keyword.test", "require")
    assert told(counting.server.config, "keyword.test") == [("no-policy-found", "", 1)]


def test_what_may_go_without_tls_is_not_counted(counting: RelaySite) -> None:
    with counting.host("optional.test", "starttls good"):
        send(counting, "optional.test", "optional")
    assert told(counting.server.config, "optional.test") == []


def test_figures_outlive_the_server(tmp_path: Path) -> None:
    site = RelaySite(tmp_path / "site")
    site.start()
    with site.host("late.test", "plain"):
        send(site, "late.test")
    site.stop()
    assert told(site.server.config, "late.test") == [("no-policy-found", "starttls-not-supported", 1)]

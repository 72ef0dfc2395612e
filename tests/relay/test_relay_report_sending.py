"""
Reports to other domains (RFC 8460), from the sessions that they tell of to those
who want them: over HTTPS, and by mail to an account of the server itself.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailext.cli import main
from mailext.storage.engine import DATABASE_NAME
from mailext.storage.store import open_store_offline
from mailext.tlsrpt.report import day_of
from mailext.tlsrpt.store import PlannedReport
from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.net.web_host import answer, web_host
from tests.relay.scenario import message_of
from tests.relay.site import RelaySite
from tests.support import success_result_of

REPORTING = f'[tlsrpt]\ncontact = "{ADDRESS}"\norganization-name = "Example"\nmail = true\n'
#: By domain: what its host is, where it wants reports, and what its web server says.
WISHES = {
    "web.test": ("starttls good", "https://reports.web.test:PORT/tls?v=1", "201 Created"),
    "mail.test": ("plain", f"mailto:{ADDRESS}", ""),
    "either.test": ("plain", f"https://reports.either.test:PORT/,mailto:{ADDRESS}", "503 Later"),
    "later.test": ("plain", "https://reports.later.test:PORT/", "503 Later"),
    "quiet.test": ("plain", "", ""),
}


class Receiver:
    """
    A web server that takes reports.

    :ivar posted: by the name of the host: head and content.
    """

    def __init__(self) -> None:
        self.posted: dict[str, tuple[str, bytes]] = {}
        self.heard: Callable[[], bytes]

    def say(self, connection: ssl.SSLSocket) -> None:
        head, _, content = self.heard().partition(b"\r\n\r\n")
        length = re.search(rb"^Content-Length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
        assert length is not None
        while len(content) < int(length[1]):
            content += connection.recv(65536)
        host = re.search(rb"^Host: ([^:\r]+)", head, re.MULTILINE | re.IGNORECASE)
        assert host is not None
        name = host[1].decode()
        self.posted[name] = (head.decode(), content)
        answer(b"", WISHES[name.removeprefix("reports.")][2])(connection)


def send(site: RelaySite, domain: str) -> None:
    sent = site.submit(message_of(()), ADDRESS, [], {f"bob@{domain}": []})
    site.log.wait_for(event="attempt", queueId=sent.queue_id)


def a_night_passes(site: RelaySite, domains: Mapping[str, object]) -> date:
    """
    All that was counted today was counted yesterday, and it is time to tell of it.

    :return: that day.
    """
    today = day_of(time.time())
    day = today - timedelta(days=1)
    state = site.server.folder / "state"
    with closing(sqlite3.connect(state / DATABASE_NAME)) as database, database:
        for table in "tls_policy", "tls_failure":
            database.execute(f"UPDATE {table} SET day = ?", [day.isoformat()])
    store = open_store_offline(state)
    due = [PlannedReport(day, name, f"abc{number}", time.time()) for number, name in enumerate(domains)]
    success_result_of(store.tls_results.plan(due))
    success_result_of(store.close())
    return day


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RelaySite, Receiver, date]]:
    """A server that has told everybody who wants it about yesterday."""
    folder = tmp_path_factory.mktemp("reporting")
    site = RelaySite(folder / "site", more=REPORTING)
    receiver = Receiver()
    site.start()
    for domain, (words, _, _) in WISHES.items():
        with site.host(domain, words) as host:
            if domain == "web.test":
                site.records.add(domain, "A", host.address, status=DnsStatus.SECURE, ttl=0)
                site.records.add(domain, "AAAA", status=DnsStatus.SECURE, ttl=0)
                owner = f"_{site.port}._tcp.{domain}"
                site.records.add(owner, "TLSA", f"3 1 1 {'00' * 32}", status=DnsStatus.SECURE, ttl=0)
            send(site, domain)
    site.leave()
    site.server.stop()
    day = a_night_passes(site, WISHES)
    certificate = folder / "receiver.pem"
    site.certificates.certify(certificate, *(f"reports.{domain}" for domain in WISHES))
    with web_host(certificate, receiver.say) as web:
        receiver.heard = lambda: web.heard[-1]
        for domain, (_, rua, _) in WISHES.items():
            site.records.add(f"reports.{domain}", "A", "127.0.0.1")
            if rua:
                text = f"v=TLSRPTv1; rua={rua.replace('PORT', str(web.port))}"
                site.records.add(f"_smtp._tls.{domain}", "TXT", f'"{text}"')
        site.server.start()
        for domain in WISHES:
            site.log.wait_for(event="tls-report", domain=domain)
        yield site, receiver, day
    site.stop()


def read(file: Path) -> dict:
    """What ``mailext tlsrpt read`` makes of a file."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["--json", "tlsrpt", "read", str(file)]) == 0
    return json.loads(output.getvalue())


def test_over_https(reported: tuple[RelaySite, Receiver, date], tmp_path: Path) -> None:
    _, receiver, day = reported
    head, content = receiver.posted["reports.web.test"]
    assert head.startswith("POST /tls?v=1 HTTP/1.1\r\n")
    assert re.search("^content-type: application/tlsrpt\\+gzip\r$", head, re.MULTILINE | re.IGNORECASE)
    told = json.loads(gzip.decompress(content))
    assert told["organization-name"] == "Example"
    assert told["contact-info"] == ADDRESS
    assert told["report-id"] == "abc0@example.org"
    assert told["date-range"] == {
        "start-datetime": f"{day.isoformat()}T00:00:00Z",
        "end-datetime": f"{day.isoformat()}T23:59:59Z",
    }
    [policy] = told["policies"]
    assert policy["policy"]["policy-type"] == "tlsa"
    assert policy["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 1}
    [details] = policy["failure-details"]
    assert details["result-type"] == "certificate-not-trusted"
    assert details["receiving-mx-hostname"] == "web.test"
    (tmp_path / "report").write_bytes(content)
    assert read(tmp_path / "report")["policies"][0]["summary"] == policy["summary"]


@pytest.mark.requirement("R18")
def test_by_mail(reported: tuple[RelaySite, Receiver, date], tmp_path: Path) -> None:
    site, _, _ = reported
    received = site.server.wait_for_messages(2)
    [message] = [each for each in received if b"\r\nTLS-Report-Domain: mail.test\r\n" in each]
    assert message.startswith(f"Return-Path: <{ADDRESS}>\r\n".encode())
    # RFC 8460 section 3: delivered despite any failure of TLS.
    assert b"\r\nTLS-Required: No\r\n" in message
    (tmp_path / "message").write_bytes(message)
    told = read(tmp_path / "message")
    assert [each["id"] for each in told["reports"]] == ["abc1@example.org"]
    [policy] = told["policies"]
    assert policy["policy"] == {"policy-type": "no-policy-found", "policy-domain": "mail.test"}
    assert policy["failure-details"][0]["result-type"] == "starttls-not-supported"


def test_one_way_is_enough(reported: tuple[RelaySite, Receiver, date]) -> None:
    site, receiver, _ = reported
    assert "reports.either.test" in receiver.posted
    assert any(b"\r\nTLS-Report-Domain: either.test\r\n" in each for each in site.server.wait_for_messages(2))


def test_what_became_of_them(reported: tuple[RelaySite, Receiver, date]) -> None:
    site, _, _ = reported
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["--config", str(site.server.config), "--json", "tlsrpt", "show", "--days", "2"]) == 0
    assert {each["domain"]: each["report"] for each in json.loads(output.getvalue())} == {
        "web.test": "sent",
        "mail.test": "sent",
        "either.test": "sent",
        "later.test": "pending",
        "quiet.test": "unwanted",
    }
    line = site.log.wait_for(event="tls-report", domain="later.test")
    assert str(line["said"]).endswith("status 503")


def test_reports_are_not_reported_on(reported: tuple[RelaySite, Receiver, date]) -> None:
    site, _, _ = reported
    today = day_of(time.time()).isoformat()
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["--config", str(site.server.config), "--json", "tlsrpt", "show"]) == 0
    assert [each for each in json.loads(output.getvalue()) if each["day"] == today] == []

"""What reports tell, and where they go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.mx_host import MxHost
from tests.relay.reports import read_report
from tests.relay.scenario import message_of
from tests.relay.site import HOSTNAME, RelaySite, Sent


@pytest.fixture
def refusing(site: RelaySite) -> Iterator[MxHost]:
    with site.host("refusing.test", "starttls good keyword RCPT=550:5.1.1") as host:
        yield host


def from_elsewhere(site: RelaySite, words: list[str], rcpt: str = "bob@refusing.test") -> Sent:
    """A message of somebody in the domain sender.test that cannot be delivered."""
    mail = ["REQUIRETLS"] * ("require" in words)
    return site.bring(message_of(words), "ann@sender.test", mail, {rcpt: []})


def report_to_elsewhere(site: RelaySite, sent: Sent) -> str:
    """:return: the queue id of the report, once the queue has done with it."""
    logged = site.log.wait_for(event="report", queueId=sent.queue_id)
    queue_id = str(logged["reply"]).rpartition(" ")[2]
    site.log.wait_for(event="done", queueId=queue_id)
    return queue_id


def test_what_a_report_tells(site: RelaySite, refusing: MxHost) -> None:
    sent = site.submit(
        message_of([]),
        ADDRESS,
        ["ENVID=an+2Bid", "RET=FULL"],
        {"bob@refusing.test": ["ORCPT=rfc822;Bob@old.test"]},
    )
    report = site.report_about(sent)
    assert report.message["To"] == ADDRESS
    assert report.message["From"] == f"Mail Delivery System <MAILER-DAEMON@{HOSTNAME}>"
    assert report.about["Original-Envelope-Id"] == "an+id"
    assert report.about["Reporting-MTA"] == f"dns; {HOSTNAME}"
    [recipient] = report.recipients
    assert recipient["Original-Recipient"] == "rfc822; Bob@old.test"
    assert recipient["Final-Recipient"] == "rfc822; bob@refusing.test"
    assert recipient["Remote-MTA"] == "dns; refusing.test"
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 Said by refusing.test"
    # In the words of the host, for people too.
    assert "refusing.test said:" in report.text
    assert "550 5.1.1 Said by refusing.test" in report.text


def test_what_was_decided_here_is_told_as_ours(site: RelaySite) -> None:
    sent = site.submit(message_of([]), ADDRESS, [], {"bob@nowhere-at-all.test": []})
    [recipient] = site.report_about(sent).recipients
    assert recipient["Status"] == "5.1.2"
    assert "Remote-MTA" not in recipient
    assert recipient["Diagnostic-Code"].startswith("x-mailext; 550 5.1.2 ")


@pytest.mark.requirement("R22", "R24")
@pytest.mark.parametrize(
    ("host", "arrives"),
    [
        ("starttls good keyword", "tls REQUIRETLS"),
        ("starttls good keyword dsn", "tls NOTIFY=NEVER REQUIRETLS RET=HDRS"),
        ("starttls good", "tls"),
        ("starttls self-signed", "tls"),
        ("plain", "clear"),
    ],
)
def test_the_report_about_requiretls_goes_home(
    site: RelaySite, refusing: MxHost, host: str, arrives: str
) -> None:
    """With REQUIRETLS first; and without rather than not at all."""
    site.records.add("sender.test", "MX", "10 home.sender.test.", status=DnsStatus.SECURE)
    with site.host("home.sender.test", host) as home:
        report_to_elsewhere(site, from_elsewhere(site, ["require"]))
        [arrival] = home.arrivals
    assert arrival.mail.startswith("MAIL FROM:<> ")
    how = ["tls" if arrival.tls else "clear", *sorted(arrival.parameters)]
    assert " ".join(how) == arrives
    report = read_report(b"Return-Path: <>\r\n" + arrival.content)
    assert report.told == ["bob failed 5.1.1"]
    assert b"which no report shows" not in arrival.content


@pytest.mark.requirement("R18")
def test_the_report_about_an_optional_message_says_so_too(site: RelaySite, refusing: MxHost) -> None:
    site.records.add("sender.test", "MX", "10 home.sender.test.", status=DnsStatus.SECURE)
    with site.host("home.sender.test", "starttls no-handshake") as home:
        report_to_elsewhere(site, from_elsewhere(site, ["optional"]))
        [arrival] = home.arrivals
    assert arrival.tls == ""
    headers = arrival.content.partition(b"\r\n\r\n")[0].splitlines()
    assert headers.count(b"TLS-Required: No") == 1


def test_a_double_bounce_ends_in_the_log(site: RelaySite, refusing: MxHost) -> None:
    site.records.add("sender.test", "MX", "10 home.sender.test.")
    with site.host("home.sender.test", "RCPT=550:5.1.1") as home:
        report_id = report_to_elsewhere(site, from_elsewhere(site, []))
        assert home.arrivals == []
    assert site.log.all(event="unreported", queueId=report_id)
    assert site.log.all(event="report", queueId=report_id) == []

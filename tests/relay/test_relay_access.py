"""Who may send to other servers, and where aliases lead."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS
from tests.relay.mx_host import MxHost
from tests.relay.scenario import BODY, message_of
from tests.relay.site import FRIEND, RelaySite, hand_over

STRANGER = "127.0.0.3"


@pytest.fixture
def forwarded(site: RelaySite) -> Iterator[MxHost]:
    """The host of the domain that the aliases lead to."""
    site.records.add("forwarded.test", "MX", "10 mx.forwarded.test.", status=DnsStatus.SECURE)
    with site.host("mx.forwarded.test", "starttls good keyword dsn") as host:
        yield host


def refusal(client: smtplib.SMTP, recipient: str) -> str:
    """What a client is told that tries to send to somebody."""
    with client:
        client.starttls()
        client.ehlo()
        client.mail("bob@peer.test")
        code, text = client.rcpt(recipient)
    return f"{code} {text.decode()}"


@pytest.mark.parametrize(
    "recipient", ["eve@forwarded.test", "eve%forwarded.test@other.test", '"eve@example.org"@forwarded.test']
)
def test_nobody_relays_without_a_login(site: RelaySite, recipient: str) -> None:
    assert refusal(site.neighbour(STRANGER), recipient).startswith("550 5.7.1 Relaying denied")


def test_submission_wants_a_login(site: RelaySite) -> None:
    with contextlib.closing(site.server.client()) as client:
        code, text = client.mail(ADDRESS)
    assert f"{code} {text.decode()}".startswith("530 5.7.0")


def test_networks_relay_without_a_login(site: RelaySite, forwarded: MxHost) -> None:
    sent = site.bring(message_of([]), "bob@peer.test", [], {"eve@forwarded.test": []})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    [arrival] = forwarded.arrivals
    assert arrival.recipients == ["eve@forwarded.test"]
    assert f"[{FRIEND}]".encode() in arrival.content


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(
    ("words", "parameters"), [(["require"], ["REQUIRETLS", "RET=HDRS"]), (["optional"], []), ([], [])]
)
def test_every_copy_carries_the_tag(
    site: RelaySite, forwarded: MxHost, words: list[str], parameters: list[str]
) -> None:
    before = len(site.server.messages())
    mail = ["REQUIRETLS"] * ("require" in words)
    sent = site.bring(message_of(words), "bob@peer.test", mail, {"team@example.org": []})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    [arrival] = forwarded.arrivals
    assert arrival.recipients == ["team@forwarded.test"]
    assert [word for word in arrival.parameters if not word.startswith("ORCPT")] == parameters
    assert len(site.server.messages()) == before + 1


def test_an_alias_keeps_the_spelling_of_a_mailbox_elsewhere(site: RelaySite, forwarded: MxHost) -> None:
    sent = site.bring(message_of([]), "bob@peer.test", [], {"away@example.org": []})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    [arrival] = forwarded.arrivals
    assert arrival.recipients == ["Away.User@forwarded.test"]
    assert arrival.content.endswith(BODY)


def test_a_stranger_may_write_to_an_alias_that_leads_elsewhere(site: RelaySite, forwarded: MxHost) -> None:
    with site.neighbour(STRANGER) as client:
        sent = hand_over(client, message_of([]), "bob@peer.test", [], {"away@example.org": []})
    site.log.wait_for(event="done", queueId=sent.queue_id)
    assert len(forwarded.arrivals) == 1

"""A host that takes all outgoing mail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.black_box import ADDRESS, free_ports
from tests.relay.mx_host import Arrival
from tests.relay.scenario import BODY, message_of
from tests.relay.site import LOGIN, PATIENT, RelaySite, Sent

NAME = "smart.test"
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["starttls", "implicit"])
def tls(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def smart(tmp_path_factory: pytest.TempPathFactory, tls: str, port: int) -> Iterator[RelaySite]:
    """A server that sends everything through a smarthost."""
    folder = tmp_path_factory.mktemp("smart")
    password = folder / "password"
    password.touch(0o600)
    password.write_text(f"{LOGIN[1]}\n", "utf-8")
    smarthost = (
        "\n[relay.smarthost]\n"
        f'host = "{NAME}"\n'
        f"port = {port}\n"
        f'tls = "{tls}"\n'
        f'username = "{LOGIN[0]}"\n'
        f'password-file = "{password}"\n'
    )
    made = RelaySite(
        folder / "site", PATIENT, {"direct.test": 'next-hop = "mx.direct.test"\n'}, more=smarthost
    )
    made.start()
    yield made
    made.stop()


def through(
    site: RelaySite, port: int, words: str, *message: str, to: str = ""
) -> tuple[Sent, list[Arrival], list[str]]:
    """
    Send a message through a smarthost that does as the words tell it.

    :return: the message, what the smarthost has, and what it heard.
    """
    place = site.place(NAME)
    site.records.add(NAME, "A", place.address, ttl=0)
    host = site.host_at(place, words, port=port)
    try:
        mail = ["REQUIRETLS"] * ("require" in message)
        # Of another domain each time: what one message meets is not held against the next.
        recipient = to or f"bob@far-{next(_numbers)}.test"
        sent = site.submit(message_of(message), ADDRESS, mail, {recipient: []})
        site.log.wait_for(event="attempt", queueId=sent.queue_id)
    finally:
        host.stop()
    return sent, host.arrivals, host.heard


def test_everything_goes_there_under_a_login(smart: RelaySite, tls: str, port: int) -> None:
    # Nobody asks for the hosts of the domain: there are none.
    _, [arrival], _ = through(smart, port, f"{tls} good auth", to="bob@has-no-hosts.test")
    assert arrival.login == LOGIN[0]
    assert arrival.tls
    assert arrival.recipients == ["bob@has-no-hosts.test"]
    assert arrival.content.endswith(BODY)


@pytest.mark.requirement("R10", "R16")
def test_requiretls_needs_no_proof_of_a_configured_name(smart: RelaySite, tls: str, port: int) -> None:
    _, [arrival], _ = through(smart, port, f"{tls} good auth keyword", "require")
    assert arrival.parameters == ["REQUIRETLS"]


@pytest.mark.requirement("R12", "R15")
def test_requiretls_without_the_keyword(smart: RelaySite, tls: str, port: int) -> None:
    sent, arrivals, _ = through(smart, port, f"{tls} good auth", "require")
    assert arrivals == []
    assert smart.report_about(sent).told == ["bob failed 5.7.30"]


@pytest.mark.parametrize("certificate", ["wrong-name", "expired", "stranger", "self-signed"])
@pytest.mark.requirement("R11")
def test_the_password_is_not_said_to_somebody_else(
    smart: RelaySite, tls: str, port: int, certificate: str
) -> None:
    sent, arrivals, heard = through(smart, port, f"{tls} {certificate} auth")
    assert arrivals == []
    assert not any(line.startswith("AUTH") for line in heard)
    [recipient] = smart.queue()[sent.queue_id]["recipients"]
    assert recipient["lastReply"].startswith("451 4.7.")


@pytest.mark.requirement("R18")
def test_tls_optional_does_not_weaken_the_way_to_the_smarthost(smart: RelaySite, tls: str, port: int) -> None:
    sent, arrivals, _ = through(smart, port, "plain", "optional")
    assert arrivals == []
    if tls == "starttls":
        assert smart.report_about(sent).told == ["bob failed 5.7.10"]


def test_a_destination_with_a_next_hop_of_its_own(smart: RelaySite, tls: str, port: int) -> None:
    with smart.host("mx.direct.test", "starttls good") as host:
        sent, arrivals, _ = through(smart, port, f"{tls} good auth", to="bob@direct.test")
        smart.log.wait_for(event="done", queueId=sent.queue_id)
        [arrival] = host.arrivals
    assert arrivals == []
    assert arrival.login == ""


# The last: the smarthost is left alone for a while then.
def test_a_smarthost_that_does_not_know_the_password(smart: RelaySite, tls: str, port: int) -> None:
    sent, arrivals, _ = through(smart, port, f"{tls} good auth AUTH=535:5.7.8")
    assert arrivals == []
    assert LOGIN[1] not in smart.server.log.read_text("utf-8")
    # A mistake of this server's operator is not the sender's.
    [recipient] = smart.queue()[sent.queue_id]["recipients"]
    assert recipient["state"] == "queued"

"""A program that sends with the library: over sockets, to our server and to others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, answers, environment, eventually, free_ports
from tests.interop.postfix import Postfix
from tests.programs import find

SENDER = Path(__file__).parent / "sender.py"


def send(**wishes: object) -> list[list[str]]:
    """:return: for each message the outcomes of its recipients."""
    finished = subprocess.run(
        [sys.executable, str(SENDER)],
        input=json.dumps({"host": "127.0.0.1", **wishes}),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def to(server: RunningServer, **wishes: object) -> list[list[str]]:
    """Send to our server."""
    account = {"username": ADDRESS, "password": server.password, "roots": str(server.folder / "cert.pem")}
    return send(
        **{"name": "localhost", "port": server.submission, "recipients": [ADDRESS], **account, **wishes}
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    made = RunningServer.initialised(tmp_path_factory.mktemp("server") / "made")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("discard", [[], ["CHUNKING"], ["CHUNKING", "PIPELINING"]])
def test_to_our_server(server: RunningServer, tmp_path: Path, discard: list[str]) -> None:
    before = len(server.messages())
    sent = to(
        server, discard=discard, requiretls=True, size=2_000_000, identities=str(tmp_path / "identities")
    )
    assert [outcome[:9] for (outcome,) in sent] == ["250 2.0.0"]
    messages = server.wait_for_messages(before + 1)
    assert any(message.count(b"\n.0123456789 dots") == 2_000_000 // 29 for message in messages)


def test_many_messages_over_implicit_tls(server: RunningServer) -> None:
    sent = to(server, port=server.submissions, implicit=True, count=60)
    assert {outcome[:9] for (outcome,) in sent} == {"250 2.0.0"}
    assert len(sent) == 60


def test_a_server_that_is_somebody_else(server: RunningServer) -> None:
    ((told,),) = to(server, name="mail.elsewhere.example")
    assert told.startswith("451 4.7.5")


def test_a_wrong_password(server: RunningServer) -> None:
    ((told,),) = to(server, password="wrong")
    assert told.startswith("535 5.7.8")


def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    ((told,),) = send(name="localhost", port=port, recipients=[ADDRESS])
    assert told.startswith("451 4.4.1")


@pytest.fixture
def postfix(server: RunningServer) -> Iterator[tuple[Postfix, int]]:
    (port,) = free_ports(1)
    certificate = server.folder / "cert.pem", server.folder / "key.pem"
    instance = Postfix(
        f"""\
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = reject_unlisted_recipient
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{{ {{ann@example.org=x}} {{bob@example.org=x}} {{eve@example.org=x}} }}
virtual_alias_maps = inline:{{ {{jörg@example.org=bob@example.org}} }}
virtual_transport = discard:
transport_maps = inline:{{ {{ann@example.org=smtp:[127.0.0.1]:{server.mx}}} }}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {server.folder}/postfix.pem
message_size_limit = 5000000
""",
        f"127.0.0.1:{port} inet n - n - - smtpd\n",
    )
    (server.folder / "postfix.pem").write_bytes(certificate[1].read_bytes() + certificate[0].read_bytes())
    instance.start()
    eventually(lambda: answers(port), "Postfix to listen")
    yield instance, port
    instance.stop()


@pytest.mark.interop("postfix")
@pytest.mark.parametrize("discard", [[], ["CHUNKING"], ["CHUNKING", "PIPELINING"]])
def test_to_postfix(server: RunningServer, postfix: tuple[Postfix, int], discard: list[str]) -> None:
    instance, port = postfix
    sent = send(
        name="localhost",
        port=port,
        roots=str(server.folder / "cert.pem"),
        recipients=["bob@example.org", "nobody@example.org", "eve@example.org"],
        discard=discard,
        count=30,
        size=100_000,
    )
    assert len(sent) == 30
    for bob, nobody, eve in sent:
        assert bob.startswith("250 2.0.0 Ok: ")
        assert nobody.startswith("550 5.1.1 <nobody@example.org>")
        assert eve == bob
    log = instance.wait_until_sent(60)
    assert "improper command pipelining" not in log


@pytest.mark.interop("postfix")
def test_postfix_reports_as_it_is_asked_to(server: RunningServer, postfix: tuple[Postfix, int]) -> None:
    before = len(server.messages())
    ((told,),) = send(
        name="localhost",
        port=postfix[1],
        roots=str(server.folder / "cert.pem"),
        recipients=["bob@example.org"],
        notify=["SUCCESS"],
        envid="QQ=314",
    )
    assert told.startswith("250 2.0.0 Ok: ")
    reports = server.wait_for_messages(before + 1)
    (report,) = (each for each in reports if b"Original-Envelope-Id: QQ=314" in each)
    assert b"Final-Recipient: rfc822; bob@example.org" in report
    assert b"\nAction: delivered" in report


@pytest.mark.interop("postfix")
def test_an_address_beyond_ascii(server: RunningServer, postfix: tuple[Postfix, int]) -> None:
    ((told,),) = send(
        name="localhost",
        port=postfix[1],
        roots=str(server.folder / "cert.pem"),
        recipients=["jörg@example.org"],
    )
    assert told.startswith("250 2.0.0 Ok: ")
    assert "to=<bob@example.org>, orig_to=<jörg@example.org>" in postfix[0].wait_until_sent()


@pytest.mark.interop("postfix")
def test_messages_one_behind_the_other(server: RunningServer, postfix: tuple[Postfix, int]) -> None:
    sent = send(
        name="localhost",
        port=postfix[1],
        roots=str(server.folder / "cert.pem"),
        recipients=["bob@example.org", "nobody@example.org"],
        count=200,
        concurrency=1,
    )
    assert {(bob[:9], nobody[:9]) for bob, nobody in sent} == {("250 2.0.0", "550 5.1.1")}
    log = postfix[0].wait_until_sent(200)
    assert "improper command pipelining" not in log
    # After 100 messages a connection has served its time.
    assert log.count(": connect from ") <= 4


@pytest.mark.interop("postfix")
def test_a_message_that_is_too_large_for_postfix(server: RunningServer, postfix: tuple[Postfix, int]) -> None:
    ((told,),) = send(
        name="localhost",
        port=postfix[1],
        roots=str(server.folder / "cert.pem"),
        recipients=["bob@example.org"],
        size=6_000_000,
    )
    assert told.startswith("552 5.3.4")


@pytest.mark.interop("smtp-sink")
def test_to_smtp_sink() -> None:
    (port,) = free_ports(1)
    sink = subprocess.Popen([str(find("smtp-sink")), "-u", "nobody", f"127.0.0.1:{port}", "100"])
    try:
        eventually(lambda: answers(port), "smtp-sink to listen")
        sent = send(
            name="localhost", port=port, use="where-offered", recipients=["bob@example.org"], count=200
        )
    finally:
        sink.kill()
        sink.wait()
    assert len(sent) == 200
    assert {outcome[:3] for (outcome,) in sent} == {"250"}

"""LMTP (RFC 2033), by smtplib of Python's standard library."""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, environment, eventually
from tests.samples import SAMPLE, is_delivered


@pytest.fixture
def lmtp(tmp_path: Path) -> Iterator[tuple[RunningServer, Path]]:
    """A server that listens for LMTP on a socket of the file system, and that socket."""
    server = RunningServer.initialised(tmp_path / "site")
    socket = tmp_path / "lmtp"
    server.reconfigure(lambda text: text.replace("[listen]\n", f'[listen]\nlmtp = ["unix:{socket}"]\n'))
    server.start()
    eventually(socket.exists, "the socket")
    yield server, socket
    server.stop()


def test_each_recipient_has_a_reply_of_its_own(lmtp: tuple[RunningServer, Path]) -> None:
    server, socket = lmtp
    server.run("account", "add", "bob@example.org", "--password-stdin", stdin=b"a long password\n")
    with smtplib.LMTP(str(socket), local_hostname="peer.example.net") as client:
        client.ehlo()
        client.mail("carol@example.net")
        replies = [client.rcpt(address)[0] for address in (ADDRESS, "nobody@example.org", "bob@example.org")]
        assert replies == [250, 550, 250]
        assert client.docmd("DATA")[0] == 354
        client.send(SAMPLE.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert [client.getreply()[0], client.getreply()[0]] == [250, 250]
        assert client.noop()[0] == 250
    for address in (ADDRESS, "bob@example.org"):
        (stored,) = server.wait_for_messages(address=address)
        assert is_delivered(SAMPLE, stored)


def test_smtp_is_not_spoken_there(lmtp: tuple[RunningServer, Path]) -> None:
    _, socket = lmtp
    with smtplib.LMTP(str(socket), local_hostname="peer.example.net") as client:
        assert client.docmd("EHLO", "peer.example.net")[0] == 500


def test_our_client_to_our_server(lmtp: tuple[RunningServer, Path]) -> None:
    server, socket = lmtp
    wishes = {"path": str(socket), "recipients": [ADDRESS, "nobody@example.org"], "count": 3}
    finished = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "lmtp_client.py")],
        input=json.dumps(wishes).encode(),
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    replies = json.loads(finished.stdout)
    assert [[reply[:9] for reply in each] for each in replies] == [["250 2.0.0", "550 5.1.1"]] * 3
    assert all(is_delivered(SAMPLE, message) for message in server.wait_for_messages(3))

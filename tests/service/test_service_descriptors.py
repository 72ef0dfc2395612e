"""Descriptors: as many as there may be, and some are kept for the work."""

from __future__ import annotations

import re
import resource
import smtplib
import socket
from pathlib import Path

import pytest

from mailext.counts import ConnectionCounts, SharedDescriptors
from mailext.service.descriptors import most_connections
from tests.black_box import ADDRESS, RunningServer, eventually


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(65536, 64036), (4096, 2596), (1024, 512), (100, 50)]
)
def test_what_is_kept(monkeypatch: pytest.MonkeyPatch, descriptors: int, connections: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert most_connections() == connections


def test_listeners_share_them() -> None:
    shared = SharedDescriptors(2)
    mx, imap = ConnectionCounts(shared), ConnectionCounts(shared)
    limits = _Many()
    mx.add("192.0.2.1")
    assert imap.limit_reached("192.0.2.2", limits) == ""
    imap.add("192.0.2.2")
    assert mx.limit_reached("192.0.2.3", limits) == "descriptors"
    assert imap.limit_reached("192.0.2.3", limits) == "descriptors"
    mx.remove("192.0.2.1")
    assert imap.limit_reached("192.0.2.3", limits) == ""


class _Many:
    connections = connections_per_address = connections_per_network = 1000


def test_mail_is_taken_while_connections_use_up_the_rest(tmp_path: Path) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    server.reconfigure(lambda text: text + "\n[limits]\nconnections-per-address = 1000\n")
    server.start(through=("prlimit", "--nofile=64:120"))
    held: list[socket.socket] = []
    try:
        status = Path(f"/proc/{server.pid}/limits").read_text("ascii")
        assert re.search(r"^Max open files +120 +120 ", status, re.MULTILINE)
        assert "but the process only 120 descriptors" in server.log.read_text("utf-8")
        client = smtplib.SMTP("127.0.0.1", server.mx, timeout=30)
        while True:
            held.append(socket.create_connection(("127.0.0.1", server.mx), 30))
            if held[-1].recv(3) == b"421":
                break
        assert len(held) <= 60
        client.sendmail("a@client.example", [ADDRESS], "Subject: large\r\n\r\n" + "0123456789\r\n" * 20000)
        server.wait_for_messages()
        for each in held:
            each.close()
        eventually(lambda: _is_let_in(server), "room for a connection")
        assert "limit=descriptors" in server.log.read_text("utf-8")
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < 100
        client.quit()
    finally:
        server.stop()


def _is_let_in(server: RunningServer) -> bool:
    with socket.create_connection(("127.0.0.1", server.mx), 30) as probe:
        return probe.recv(3) == b"220"

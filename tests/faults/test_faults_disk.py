"""A disk that is full, and a folder that is read-only: 4xx, and service resumes without a restart."""

from __future__ import annotations

import smtplib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, eventually, free_ports
from tests.relay.mx_host import MxHost, Script

pytestmark = pytest.mark.interop("root")

_SIZE = "24m"
_LARGE = "0123456789abcde\r\n" * 10000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=0700", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def site(disk: Path, reserve: str) -> RunningServer:
    server = RunningServer.initialised(disk / "site")
    server.reconfigure(lambda text: f'{text}\n[limits]\ndisk-reserve = "{reserve}"\n')
    return server


@pytest.fixture
def small(disk: Path) -> Iterator[RunningServer]:
    """A server that keeps nothing free, so that it comes to the end of the disk."""
    server = site(disk, "0B")
    server.start()
    yield server
    server.stop()


def send(server: RunningServer, subject: str, body: str, *options: str) -> int:
    """
    :param options: of RCPT.
    :return: the reply code to the message.
    """
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=30) as client:
        try:
            message = f"Subject: {subject}\r\n\r\n{body}"
            client.sendmail("a@client.example", [ADDRESS], message, rcpt_options=options)
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        except smtplib.SMTPSenderRefused as error:
            return error.smtp_code
    return 250


def fill(disk: Path) -> Path:
    """:return: a file that takes all that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            pass
    return ballast


def has_room(client: smtplib.SMTP) -> bool:
    time.sleep(0.3)
    code, _ = client.mail(ADDRESS)
    client.rset()
    return code == 250


def subjects(server: RunningServer) -> list[bytes]:
    return sorted(
        line for each in server.messages() for line in each.splitlines() if line.startswith(b"Subject:")
    )


def test_a_full_disk(small: RunningServer, disk: Path) -> None:
    assert send(small, "before", _LARGE) == 250
    small.wait_for_messages(1)
    ballast = fill(disk)
    codes = {send(small, "refused", _LARGE) for _ in range(5)}
    assert codes == {452}
    ballast.unlink()
    assert eventually(lambda: send(small, "after", _LARGE) == 250, "room again")
    small.wait_for_messages(2)
    assert subjects(small) == [b"Subject: after", b"Subject: before"]


def test_what_waits_for_a_full_disk_is_delivered_when_there_is_room(small: RunningServer, disk: Path) -> None:
    """Small messages fit into what SQLite has left of its journal; their mailboxes may not."""
    ballast = fill(disk)
    acknowledged = sum(send(small, "small", "body\r\n") == 250 for _ in range(20))
    ballast.unlink()
    small.run("queue", "retry", "all")
    small.wait_for_messages(acknowledged)
    assert len(small.messages()) == acknowledged


@pytest.mark.parametrize(
    ("folder", "options"), [("mail/example.org/ann/tmp", ()), ("content/tmp", ("NOTIFY=SUCCESS",))]
)
def test_a_folder_that_cannot_be_written_to(
    small: RunningServer, folder: str, options: tuple[str, ...]
) -> None:
    """Into a mailbox, and into the queue."""
    assert send(small, "before", _LARGE) == 250
    small.wait_for_messages(1)
    incoming = small.folder / "state" / folder
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", incoming], check=True)
    try:
        assert send(small, "refused", _LARGE, *options) == 451
    finally:
        subprocess.run(["umount", incoming], check=True)
    assert send(small, "after", _LARGE) == 250
    small.wait_for_messages(2)
    assert subjects(small) == [b"Subject: after", b"Subject: before"]


def test_the_reserve_is_for_what_is_in_the_queue_and_for_reports(disk: Path) -> None:
    """Mail is refused before the disk is full; a failure is reported all the same."""
    server = site(disk, "8MiB")
    [port] = free_ports(1)
    server.reconfigure(
        lambda text: (
            text
            + '\n[relay]\nretry = ["3s"]\n'
            + f'[relay.destinations."example.net"]\nnext-hop = "127.0.0.1:{port}"\n'
        )
    )
    host = MxHost("later.test", "127.0.0.1", port, Script.of("RCPT=450,550"))
    server.start()
    try:
        with server.logged_in() as client:
            client.sendmail(ADDRESS, ["carol@example.net"], "Subject: lost\r\n\r\nbody\r\n")
            ballast = disk / "ballast"
            subprocess.run(["fallocate", "-l", "16M", ballast], check=True)
            eventually(lambda: not has_room(client), "what is known of the disk to be a second old")
            assert client.mail(ADDRESS) == (452, b"4.3.1 Insufficient system storage")
            [report] = server.wait_for_messages(1)
            assert b"carol@example.net" in report
            ballast.unlink()
            eventually(lambda: has_room(client), "room again")
    finally:
        server.stop()
        host.stop()
    assert "limit=disk-reserve" in server.log.read_text("utf-8")

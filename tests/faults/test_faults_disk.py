"""A disk that is full, and a folder that is read-only: 4xx, and service resumes without a restart."""

from __future__ import annotations

import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, eventually

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


@pytest.fixture
def small(disk: Path) -> Iterator[RunningServer]:
    server = RunningServer.initialised(disk / "site")
    server.start()
    yield server
    server.stop()


def send(server: RunningServer, subject: str, body: str) -> int:
    """:return: the reply code to the message."""
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=30) as client:
        try:
            client.sendmail("a@client.example", [ADDRESS], f"Subject: {subject}\r\n\r\n{body}")
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


def subjects(server: RunningServer) -> list[bytes]:
    return sorted(
        line for each in server.messages() for line in each.splitlines() if line.startswith(b"Subject:")
    )


def test_a_full_disk(small: RunningServer, disk: Path) -> None:
    assert send(small, "before", _LARGE) == 250
    small.wait_for_messages(1)
    ballast = fill(disk)
    codes = {send(small, "refused", _LARGE) for _ in range(5)}
    assert codes == {451}
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


def test_a_folder_that_cannot_be_written_to(small: RunningServer) -> None:
    assert send(small, "before", _LARGE) == 250
    small.wait_for_messages(1)
    incoming = small.folder / "state/content/tmp"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", incoming], check=True)
    try:
        assert send(small, "refused", _LARGE) == 451
    finally:
        subprocess.run(["umount", incoming], check=True)
    assert send(small, "after", _LARGE) == 250
    small.wait_for_messages(2)
    assert subjects(small) == [b"Subject: after", b"Subject: before"]

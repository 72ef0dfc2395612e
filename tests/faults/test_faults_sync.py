"""Syncs that fail: the client hears 451, nothing of it is delivered, and service resumes without a restart."""

from __future__ import annotations

import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer

pytestmark = pytest.mark.interop("gcc")

_BODIES = {"small": "body\r\n", "large": "0123456789abcde\r\n" * 10000}


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file: while it exists, syncs fail."""
    library, switch = tmp_path / "failing_sync.so", tmp_path / "switch"
    source = Path(__file__).with_name("failing_sync.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAILING_SYNC", str(switch))
    return switch


@pytest.fixture
def failing(switch: Path, tmp_path: Path) -> Iterator[RunningServer]:
    server = RunningServer.initialised(tmp_path / "site")
    server.start()
    yield server
    server.stop()


def send(server: RunningServer, subject: str, body: str) -> None:
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=30) as client:
        client.sendmail("a@client.example", [ADDRESS], f"Subject: {subject}\r\n\r\n{body}")


@pytest.mark.parametrize("size", _BODIES)
def test_a_sync_that_fails(failing: RunningServer, switch: Path, size: str) -> None:
    body = _BODIES[size]
    send(failing, "before", body)
    failing.wait_for_messages(1)
    switch.touch()
    for _ in range(3):
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send(failing, "refused", body)
        assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (451, b"4.3.0")
    switch.unlink()
    send(failing, "after", body)
    arrived = failing.wait_for_messages(2)
    assert sorted(line for each in arrived for line in each.splitlines() if line.startswith(b"Subject:")) == [
        b"Subject: after",
        b"Subject: before",
    ]

"""swaks: one command per way of logging in and of TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.programs import find
from tests.samples import SAMPLE, is_delivered

pytestmark = pytest.mark.interop("swaks")

#: swaks' exit status for "error of authentication", and for "no recipient was accepted".
_NO_AUTH, _NO_RECIPIENT = 28, 24


def swaks(server: RunningServer, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Send :data:`SAMPLE` to ann."""
    message = server.folder / "message"
    # swaks ends the last line itself.
    message.write_bytes(SAMPLE.removesuffix(b"\r\n"))
    command = [str(find("swaks")), "--server", f"127.0.0.1:{port}", "--helo", "client.example"]
    addresses = ["--from", ADDRESS, "--to", ADDRESS, "--data", f"@{message}"]
    return subprocess.run(
        [*command, *addresses, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path("/"),
    )


def login(server: RunningServer, mechanism: str) -> list[str]:
    return ["--auth", mechanism, "--auth-user", ADDRESS, "--auth-password", server.password]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_message_over_starttls_with_a_login(server: RunningServer, mechanism: str) -> None:
    run = swaks(server, server.submission, "--tls", *login(server, mechanism))
    assert run.returncode == 0, run.stdout
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_a_message_over_implicit_tls(server: RunningServer) -> None:
    run = swaks(server, server.submissions, "--tls-on-connect", *login(server, "PLAIN"))
    assert run.returncode == 0, run.stdout
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_the_envelope_in_one_flight(server: RunningServer) -> None:
    run = swaks(server, server.submission, "--tls", "--pipeline", *login(server, "PLAIN"))
    assert run.returncode == 0, run.stdout
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_a_wrong_password_is_refused(server: RunningServer) -> None:
    wrong = ["--auth", "PLAIN", "--auth-user", ADDRESS, "--auth-password", "wrong"]
    run = swaks(server, server.submission, "--tls", *wrong)
    assert run.returncode == _NO_AUTH, run.stdout
    assert "<~* 535 5.7.8 " in run.stdout


def test_the_mx_takes_mail_for_its_own_without_a_login(server: RunningServer) -> None:
    run = swaks(server, server.mx, "--from", "bob@example.net")
    assert run.returncode == 0, run.stdout
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_the_mx_refuses_a_recipient_elsewhere(server: RunningServer) -> None:
    run = swaks(server, server.mx, "--to", "bob@example.net")
    assert run.returncode == _NO_RECIPIENT, run.stdout
    assert "<** 550 5.7.1 " in run.stdout

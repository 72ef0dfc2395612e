"""curl, with the server's certificate verified."""

from __future__ import annotations

import subprocess

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.programs import find
from tests.samples import SAMPLE, is_delivered, numbered

pytestmark = pytest.mark.interop("curl")


def curl(server: RunningServer, url: str, message: bytes, *options: str) -> None:
    source = server.folder / "message"
    source.write_bytes(message)
    subprocess.run(
        [
            *(str(find("curl")), "--silent", "--show-error", "--fail", "--max-time", "60"),
            *("--cacert", str(server.folder / "cert.pem"), "--user", f"{ADDRESS}:{server.password}"),
            *("--mail-from", ADDRESS, "--mail-rcpt", ADDRESS, "--upload-file", str(source)),
            *options,
            url,
        ],
        check=True,
        capture_output=True,
    )


def test_a_message_over_starttls(server: RunningServer) -> None:
    curl(server, f"smtp://localhost:{server.submission}/client.example", SAMPLE, "--ssl-reqd")
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_a_message_over_implicit_tls(server: RunningServer) -> None:
    curl(server, f"smtps://localhost:{server.submissions}/client.example", SAMPLE)
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)


def test_a_message_of_many_segments(server: RunningServer) -> None:
    message = numbered(1, size=8 << 20)
    curl(server, f"smtps://localhost:{server.submissions}/client.example", message)
    (stored,) = server.wait_for_messages()
    assert is_delivered(message, stored)

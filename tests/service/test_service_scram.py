"""SCRAM-SHA-256 at the real server, with Python's smtplib and with our own client."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from scramp import ScramClient

from tests.black_box import RunningServer


@pytest.fixture(params=[0, 2], ids=["one process", "workers"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Ann has chosen SCRAM, Ben has not."""
    made = RunningServer.initialised(tmp_path / "site", workers=request.param)
    made.reconfigure(lambda text: f'scram = true\nauth-failure-delay = "10ms"\n{text}')
    password = made.password.encode() + b"\n"
    made.run("account", "passwd", "ann", "--scram", "--password-stdin", stdin=password)
    made.run("account", "add", "ben", "--password-stdin", stdin=password)
    made.start()
    yield made
    made.stop()


def log_in(server: RunningServer, name: str, password: str) -> tuple[int, bytes]:
    """The code of the reply, and the server's proof."""
    client = smtplib.SMTP("127.0.0.1", server.submission, "client.example", 30)
    client.starttls(context=server.trusting())
    client.ehlo()
    assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN", "SCRAM-SHA-256"]
    scram = ScramClient(["SCRAM-SHA-256"], name, password)
    proofs: list[bytes] = []

    def answer(challenge: bytes | None = None) -> str:
        if challenge is None:
            return scram.get_client_first()
        if challenge.startswith(b"v="):
            scram.set_server_final(challenge.decode())
            proofs.append(challenge)
            return ""
        scram.set_server_first(challenge.decode())
        return scram.get_client_final()

    try:
        code, _ = client.auth("SCRAM-SHA-256", answer)
    except smtplib.SMTPAuthenticationError as error:
        code = error.smtp_code
    finally:
        client.close()
    return code, b"".join(proofs)


def test_who_has_chosen_it_logs_in_by_it(server: RunningServer) -> None:
    code, proof = log_in(server, "ann", server.password)
    assert (code, proof[:2]) == (235, b"v=")
    assert log_in(server, "ann", "wrong") == (535, b"")
    assert log_in(server, "ben", server.password) == (535, b"")
    # A new password without --scram takes it back, without a restart.
    other = b"other\n"
    server.run("account", "passwd", "ann", "--password-stdin", stdin=other)
    assert log_in(server, "ann", "other") == (535, b"")
    server.run("account", "passwd", "ann", "--scram", "--password-stdin", stdin=other)
    assert log_in(server, "ann", "other")[0] == 235
    assert log_in(server, "ann", server.password) == (535, b"")

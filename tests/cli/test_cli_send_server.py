"""``mailext send --server``: no configuration, and a server that is a real one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, environment, free_ports

_MAILEXT = [sys.executable, "-c", "import sys; from mailext.cli import main; sys.exit(main())"]
_TOKEN = "3f0e7d1c-0000-4000-8000-1234567890ab"
_MESSAGE = b"Subject: x\nBcc: eve@example.net\n\nHello.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    made = RunningServer.initialised(tmp_path_factory.mktemp("server") / "made")
    made.start()
    yield made
    made.stop()


class Client:
    """``mailext send`` in a folder without a configuration."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.token = folder / "token"
        self.token.write_text(_TOKEN + "\n")
        self.token.chmod(0o600)
        self.login = [
            "--server",
            f"localhost:{server.submission}",
            "--user",
            ADDRESS,
            "--password-file",
            str(server.folder / "password"),
            "--trust-roots",
            str(server.folder / "cert.pem"),
        ]

    def send(self, *arguments: str, stdin: bytes = _MESSAGE) -> tuple[int, str, str]:
        finished = subprocess.run(
            [*_MAILEXT, "send", *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            env=environment(),
            timeout=60,
            check=False,
        )
        return finished.returncode, finished.stdout.decode(), finished.stderr.decode()

    def arrived(self) -> bytes:
        """The message that is new."""
        (message,) = self.server.wait_for_messages(1)
        for path in (self.server.mailbox() / "new").glob("*"):
            path.unlink()
        return message


@pytest.fixture
def client(server: RunningServer, tmp_path: Path) -> Client:
    return Client(server, tmp_path)


@pytest.mark.requirement("R20")
def test_through_starttls_with_all_that_can_be_said(client: Client) -> None:
    identity = f"uuid:@{client.token}"
    status, out, err = client.send(
        *client.login, "--requiretls", "--clientid", identity, "--clientid-required", "-N", "never", ADDRESS
    )
    assert (status, err) == (0, "")
    assert re.match("250 2.0.0 Ok: (delivered|queued) as ", out)
    message = client.arrived()
    assert b"Bcc" not in message
    assert b"\r\nFrom: ann@example.org\r\n" in message
    assert b"\r\nMessage-ID: <" in message
    assert _TOKEN.encode() not in message
    log = client.server.log.read_text("utf-8")
    assert re.search(r"requiretls=require.* clientid=[0-9a-f]{16}\b", log)
    assert _TOKEN not in log


def test_through_implicit_tls(client: Client) -> None:
    client.login[1] = f"127.0.0.1:{client.server.submissions}"
    # "ann" is completed by the domain of the user.
    status, _, err = client.send(*client.login, "--tls", "implicit", "-t", stdin=b"To: ann\n\nHello.\n")
    assert (status, err) == (0, "")
    assert client.arrived().endswith(b"\r\n\r\nHello.\r\n")


def test_some_recipients_are_refused(client: Client) -> None:
    status, out, err = client.send("--json", *client.login, "nobody@example.org", ADDRESS)
    assert (status, err) == (1, "")
    told = json.loads(out)
    assert told["reply"] == ""
    nobody, ann = told["recipients"]
    assert (nobody["address"], nobody["accepted"]) == ("nobody@example.org", False)
    assert nobody["reply"].startswith("550 5.1.1 ")
    assert (ann["address"], ann["accepted"]) == (ADDRESS, True)
    assert client.arrived()
    status, out, _ = client.send(*client.login, "nobody@example.org", ADDRESS)
    assert status == 1
    assert out.splitlines()[0].split() == ["recipient", "reply"]
    assert out.splitlines()[1].startswith("nobody@example.org  550 5.1.1 ")
    client.arrived()


def test_a_server_that_is_somebody_else(client: Client) -> None:
    login = [*client.login[:-2], "--trust-roots", str(client.folder / "other.pem")]
    other = RunningServer.initialised(client.folder / "other")
    (client.folder / "other.pem").write_bytes((other.folder / "cert.pem").read_bytes())
    status, out, err = client.send(*login, ADDRESS)
    assert (status, out) == (1, "")
    assert err.startswith("mailext: 451 4.7.5 ")


def test_a_wrong_password(client: Client) -> None:
    wrong = client.folder / "password"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    client.login[5] = str(wrong)
    status, _, err = client.send("--json", *client.login, ADDRESS)
    assert status == 1
    assert json.loads(err)["error"]["reason"].startswith("535 5.7.8 ")


def test_nobody_listens(client: Client) -> None:
    (port,) = free_ports(1)
    status, _, err = client.send("--server", f"127.0.0.1:{port}", "--tls", "none", ADDRESS)
    assert status == 1
    assert err.startswith("mailext: 451 4.4.1 ")


def test_in_clear_to_this_machine(client: Client) -> None:
    status, _, err = client.send("--server", f"127.0.0.1:{client.server.mx}", "--tls", "none", ADDRESS)
    assert (status, err) == (0, "")
    client.arrived()
    status, _, err = client.send(
        "--server", f"127.0.0.1:{client.server.mx}", "--tls", "none", "--requiretls", ADDRESS
    )
    assert status == 1
    assert err.startswith("mailext: 550 5.7.10 ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--user", "ann"], "--user: there is no --server"),
        (["--tls", "none"], "--tls: there is no --server"),
        (["--clientid-required"], "--clientid-required: there is no --server"),
        (["--server", "a b"], "--server: not a domain name: 'a b'"),
        (["--server", "localhost:0"], "--server: not a port: '0'"),
        (["--server", "localhost", "--user", "ann"], "a login needs --user and --password-file"),
        (["--server", "localhost", "--clientid", "UUID:@token"], "there is no --user"),
        (["--server", "localhost", "--clientid-required"], "there is no --clientid"),
        (["--server", "localhost", "--password-file", "open"], "everybody may read it"),
        (["--server", "localhost", "--password-file", "missing"], "missing: No such file or directory"),
        (["--server", "localhost", "--trust-roots", "token"], "token: not a PEM file"),
        (["--server", "localhost", "--clientid", f"UUID:{_TOKEN}"], "not TYPE:@FILE"),
        (["--server", "localhost", "--clientid", "DEVICE_ID:@token"], "not an identity type"),
        (
            ["--server", "x.example", "--tls", "none", "--user", "a", "--password-file", "token"],
            "--tls: no password is said without TLS",
        ),
    ],
)
def test_usage(client: Client, arguments: list[str], reason: str) -> None:
    (client.folder / "open").write_text("secret")
    (client.folder / "open").chmod(0o644)
    status, out, err = client.send(*arguments, ADDRESS)
    assert (status, out) == (2, "")
    assert reason in err
    assert _TOKEN not in err


def test_nobody_is_to_get_it(client: Client) -> None:
    assert client.send("--server", "localhost", "-t", stdin=b"\nx\n")[0::2] == (1, "mailext: no recipient\n")
    assert client.send("--server", "localhost", "a b@x")[0::2] == (1, "mailext: not an address: 'a b@x'\n")

"""The real server: how it begins, reloads and ends."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, answers, environment, eventually, free_ports

_TWISTD = [
    sys.executable,
    "-c",
    "from twisted.scripts.twistd import run; run()",
    "-n",
    "--pidfile=server.pid",
]


def twistd(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the server where it is expected to end by itself."""
    return subprocess.run(
        [*_TWISTD, "mailext", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def says(server: RunningServer, text: str) -> bool:
    return text in server.log.read_text("utf-8")


def send_signal(server: RunningServer, number: signal.Signals) -> None:
    assert server._process is not None
    os.kill(server._process.pid, number)


# The command line


def test_without_anything_it_says_what_to_do(tmp_path: Path) -> None:
    ended = twistd(tmp_path)
    assert ended.returncode == 2
    assert "mailext init demo" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--config", "none.toml"], "none.toml: No such file or directory"),
        (["--listen", "mx"], "--listen mx: a name, = and an endpoint"),
        (["--listen", "smtp=tcp:25"], "command line: listen.smtp: unknown key"),
        (["--listen", "mx=tcp:x"], "command line: listen.mx: not an endpoint"),
        (["--auth", "fil:x"], "command line: auth: unknown kind 'fil'"),
        (["--policy", "requiretls:x=y"], "command line: policies: requiretls: unknown argument 'x'"),
        (
            ["--clientid", "histroy"],
            "command line: clientid.checkers: there is no 'histroy'; known: allowlist",
        ),
        (["--hostname", "a b"], "command line: hostname: not a domain name"),
        (["--nonsense"], "option --nonsense not recognized"),
        (["words"], "unexpected: words"),
    ],
)
def test_what_cannot_be_used_is_status_2(tmp_path: Path, arguments: list[str], reason: str) -> None:
    if not {"--config", "--listen"} & set(arguments):
        arguments = ["--listen", f"mx=tcp:{free_ports(1)[0]}:interface=127.0.0.1", *arguments]
    ended = twistd(tmp_path, *arguments)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--help-clientid"], ["history", "mode=observe|enforce"]),
        (["--help-clientid-type", "history"], ["history:[mode=observe|enforce]", "new=hold"]),
        (["--help-policy"], ["requiretls"]),
        (["--help-policy-type", "requiretls"], ["requiretls:"]),
        (["--help-auth"], ["accounts", "memory"]),
    ],
)
def test_help(tmp_path: Path, flags: list[str], words: list[str]) -> None:
    ended = twistd(tmp_path, *flags)
    assert ended.returncode == 0
    assert all(word in ended.stdout for word in words)


# The beginning


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        ended = twistd(tmp_path, "--listen", f"mx={endpoint}")
    assert ended.returncode == 1
    assert f"mailext cannot start: listen.mx: {endpoint}: " in ended.stdout
    assert "Traceback" not in ended.stdout
    assert "Address already in use" in ended.stdout
    # No pid file is left, nor a state directory made.
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_is_in_use(server: RunningServer) -> None:
    [port] = free_ports(1)
    ended = twistd(
        server.folder,
        "--listen",
        f"mx=tcp:{port}:interface=127.0.0.1",
        "--state-dir",
        str(server.folder / "state"),
    )
    assert ended.returncode == 1
    assert f"mailext cannot start: {server.folder}/state is in use by process " in ended.stdout
    assert "Traceback" not in ended.stdout
    assert not (server.folder / "server.pid").exists()


# A running server, and its end


def test_a_message_that_is_coming_in_is_finished(server: RunningServer) -> None:
    with server.logged_in() as client:
        client.mail(ADDRESS)
        client.rcpt(ADDRESS)
        assert client.docmd("DATA")[0] == 354
        client.send(b"Subject: the last one\r\n\r\nHel")
        send_signal(server, signal.SIGTERM)
        eventually(lambda: not answers(server.mx), "the ports to close")
        client.send(b"lo.\r\n.\r\n")
        code, text = client.getreply()
        assert (code, text.startswith(b"2.0.0 Ok: ")) == (250, True)
        assert client.getreply()[0] == 421
    server.join()
    server.start()
    [message] = server.wait_for_messages()
    assert b"Subject: the last one" in message


def test_a_message_that_never_ends_is_cut_off(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.mx) as client:
        client.ehlo("client.example")
        client.mail(ADDRESS)
        client.rcpt(ADDRESS)
        client.docmd("DATA")
        send_signal(server, signal.SIGTERM)
        assert client.getreply()[0] == 421
    server.join()
    assert not (server.folder / "state" / "mailext.sqlite-wal").exists(), "the store was closed"


def test_an_idle_client_is_told_that_the_server_stops(server: RunningServer) -> None:
    with smtplib.SMTP("127.0.0.1", server.mx) as client:
        client.ehlo("client.example")
        send_signal(server, signal.SIGTERM)
        assert client.getreply()[0] == 421
    server.join()
    assert not (server.folder / "state" / "control.sock").exists()


# Reload


def refused(server: RunningServer, address: str) -> bool:
    with smtplib.SMTP("127.0.0.1", server.mx, "client.example") as client:
        client.ehlo()
        client.mail("carol@example.net")
        return client.rcpt(address)[0] != 250


def test_reload(server: RunningServer) -> None:
    assert refused(server, "info@example.org")
    open_client = smtplib.SMTP("127.0.0.1", server.mx, "client.example")
    good = server.config.read_text("utf-8")
    aliased = good.replace("[aliases]\n", '[aliases]\n"info@example.org" = ["ann"]\n')
    server.reconfigure(lambda _: 'log-format = "json"\n' + aliased)
    send_signal(server, signal.SIGHUP)
    eventually(lambda: not refused(server, "info@example.org"), "the new configuration")
    # A bad file changes nothing, and is logged.
    server.reconfigure(lambda _: good + '[limits]\nrecipients = "many"\n')
    send_signal(server, signal.SIGHUP)
    eventually(lambda: says(server, "limits.recipients: must be a number"), "the complaint")
    assert not refused(server, "info@example.org")
    last = json.loads(server.log.read_text("utf-8").splitlines()[-1])
    assert last["level"] == "error"
    assert last["problem"] == f"{server.config}: limits.recipients: must be a number from 1 on"
    # What listens stays, whatever the file says of it.
    server.reconfigure(lambda _: good.replace(f"tcp:{server.mx}:", "tcp:1:"))
    send_signal(server, signal.SIGHUP)
    eventually(lambda: refused(server, "info@example.org"), "the old configuration")
    assert says(server, "What it says of listen holds after a restart")
    # Whoever was connected before still is, and is told of the end.
    assert open_client.noop()[0] == 250
    send_signal(server, signal.SIGTERM)
    assert open_client.getreply()[0] == 421
    open_client.close()
    server.join()


# Listeners of other kinds


def test_a_foreign_checker_and_lmtp(tmp_path: Path) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    socket_name = server.folder / "lmtp.sock"
    server.reconfigure(
        lambda text: (
            'auth = ["memory:carol:secret", "accounts"]\n'
            + text.replace("[listen]\n", f'[listen]\nlmtp = ["unix:{socket_name}"]\n')
            + "[listener.submission]\nplaintext-auth = true\nrecipients = 1\n"
        )
    )
    server.start()
    with smtplib.SMTP("127.0.0.1", server.submission, "client.example") as client:
        client.login("carol", "secret")
        assert client.mail(ADDRESS)[0] == 553
        assert client.mail("carol@example.org")[0] == 250
        assert client.rcpt(ADDRESS)[0] == 250
        assert client.rcpt("postmaster")[0] == 452
    with server.logged_in() as client:
        assert client.mail(ADDRESS)[0] == 250
    with smtplib.LMTP(str(socket_name), local_hostname="client.example") as client:
        client.sendmail("dave@example.net", [ADDRESS], "Subject: by LMTP\r\n\r\nHello.\r\n")
    [message] = server.wait_for_messages()
    assert b"with LMTP" in message
    server.stop()


def test_flags_alone(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    process = subprocess.Popen(
        [
            *_TWISTD,
            "mailext",
            "--listen",
            f"mx=tcp:{port}:interface=127.0.0.1",
            "--hostname",
            "mx.example.net",
        ],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: answers(port), "the server to listen")
    with smtplib.SMTP("127.0.0.1", port, "client.example") as client:
        code, text = client.ehlo()
        assert (code, text.splitlines()[0].split()[0]) == (250, b"mx.example.net")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert (tmp_path / "state").is_dir()


# The operator's commands


def test_a_new_password_holds_at_once(server: RunningServer) -> None:
    old = server.password
    with server.logged_in() as client:
        server.run("account", "passwd", ADDRESS, "--password-stdin", stdin=b"another\n")
        assert client.getreply()[0] == 421
    with server.client() as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(ADDRESS, old)
    with server.client() as client:
        client.login(ADDRESS, "another")
        server.run("account", "remove", ADDRESS)
        assert client.getreply()[0] == 421
    with server.client() as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(ADDRESS, "another")
    assert refused(server, ADDRESS)


def test_a_new_account_gets_mail_at_once(server: RunningServer) -> None:
    assert refused(server, "bob@example.org")
    server.run("account", "add", "bob", "--password-stdin", stdin=b"secret\n")
    assert not refused(server, "bob@example.org")
    sent = server.run("send", "bob", stdin=b"Subject: hello\n\nHello.\n").stdout
    [message] = server.wait_for_messages(1, "bob@example.org")
    assert b"Subject: hello" in message
    queue_id = sent.decode().split()[-1]
    eventually(lambda: says(server, f"done queueId={queue_id}"), "the last line of the message")
    assert json.loads(server.run("queue", "list", "--json").stdout) == []


def test_json_lines(tmp_path: Path) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    server.reconfigure(lambda text: 'log-format = "json"\n' + text)
    server.start()
    server.run("send", ADDRESS, stdin=b"Subject: hello\n\nHello.\n")
    server.wait_for_messages()
    server.stop()
    events = [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]
    mine = [event for event in events if event.get("event") in {"accepted", "attempt", "done"}]
    assert [event["event"] for event in mine] == ["accepted", "attempt", "done"]
    assert len({event["queueId"] for event in mine}) == 1
    assert {(event["requiretls"], event["clientid"]) for event in mine} == {("none", "")}

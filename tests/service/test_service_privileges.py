"""Least privilege: ports are bound as root, everything else is done as somebody else."""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from shlex import quote

import pytest

from mailext.service.readiness import Readiness
from tests.black_box import ADDRESS, MAILEXT, ROOT, TWISTD, RunningServer, answers, environment, eventually
from tests.programs import find


def in_reach_of_all(needed: Iterable[Path]) -> list[str]:
    """
    :param needed: folders that a private one may hold, as that of root.
    :return: the beginning of a command that runs what follows where somebody
        else can reach them: in a world of mounts of its own, in which an open
        folder with nothing else stands in place of each private one.
    """
    lines = ["set -e", "umask 022", "kept=$(mktemp -d)"]
    behind: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(each.resolve() for each in needed):
        private = [each for each in reversed(path.parents) if each.stat().st_mode & 0o001 == 0]
        if private:
            behind.setdefault(private[0], []).append(path)
    binds = [(path, f"$kept/{number}") for number, path in enumerate(chain.from_iterable(behind.values()))]
    lines += [f'mkdir "{kept}"; mount --bind {quote(str(path))} "{kept}"' for path, kept in binds]
    lines += [f"mount -t tmpfs -o mode=0755 none {quote(str(private))}" for private in behind]
    lines += [
        f'mkdir -p {quote(str(path))}; mount --bind "{kept}" {quote(str(path))}' for path, kept in binds
    ]
    return ["unshare", "--mount", "sh", "-c", "\n".join([*lines, "umask 027", 'exec "$@"']), "sh"]


_SECRETS = ("correct horse battery staple", "token-that-nobody-may-see")


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[pwd.struct_passwd]:
    """Somebody without rights, who can reach the test's folder."""
    found = pwd.getpwnam("nobody")
    opened = [each for each in (tmp_path, *tmp_path.parents) if each.stat().st_mode & 0o001 == 0]
    for each in opened:
        each.chmod(each.stat().st_mode | 0o001)
    yield found
    for each in opened:
        each.chmod(each.stat().st_mode & ~0o001)


@pytest.mark.interop("root")
def test_what_it_writes_belongs_to_whom_it_has_become(tmp_path: Path, nobody: pwd.struct_passwd) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    for path in (server.folder, *server.folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    log = server.folder / "twistd.log"
    become = (f"--uid={nobody.pw_uid}", f"--gid={nobody.pw_gid}")
    process = subprocess.Popen(
        [
            *in_reach_of_all([Path(sys.base_prefix), Path(sys.prefix), ROOT]),
            *TWISTD,
            *("-n", "--pidfile=", f"--logfile={log}", *become, "mailext", "--config", str(server.config)),
        ],
        cwd=server.folder,
        env=environment(),
    )
    try:
        eventually(
            lambda: answers(server.mx) and (server.folder / "state/control.sock").exists(), "the server"
        )
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
        assert re.findall(r"^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)", status, re.MULTILINE) == [
            (str(nobody.pw_uid),) * 4
        ]
        with server.logged_in() as client:
            client.sendmail(ADDRESS, [ADDRESS], "Subject: hello\r\n\r\nbody\r\n")
        server.wait_for_messages()
        written = [log, *(server.folder / "state").rglob("*")]
        assert {path.name for path in written} >= {"mailext.sqlite", "identity.key", "control.sock", "new"}
        for path in written:
            stat = path.lstat()
            assert (stat.st_uid, stat.st_gid) == (nobody.pw_uid, nobody.pw_gid), path
            assert path == log or stat.st_mode & 0o007 == 0 or path.is_socket(), path
        assert "accepted queueId=" in log.read_text("utf-8")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.parametrize("name", ["key.pem", "state", "state/identity.key"])
def test_secrets_that_everybody_may_read_are_refused(tmp_path: Path, name: str) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    secret = server.folder / name
    secret.chmod(secret.stat().st_mode | 0o004)
    ended = subprocess.run(
        [*TWISTD, "-n", "--pidfile=", "mailext", "--config", str(server.config)],
        cwd=server.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == (2 if name == "key.pem" else 1)
    assert f"{name}: everybody may read it; chmod o-rwx" in ended.stdout + ended.stderr


def test_no_secret_is_an_argument_or_in_the_log(tmp_path: Path) -> None:
    """Commands take secrets by file or standard input; the log has none of them, of failures neither."""
    password, token = _SECRETS
    server = RunningServer.initialised(tmp_path / "site")
    subprocess.run(
        [*MAILEXT, "--config", str(server.config), "account", "passwd", ADDRESS, "--password-stdin"],
        input=password.encode(),
        check=True,
        env=environment(),
        capture_output=True,
    )
    server.start()
    try:
        for word in (password, password + "!"):
            with server.client() as client:
                assert client.docmd("CLIENTID", f"UUID {token}")[0] == 250
                try:
                    client.login(ADDRESS, word)
                except OSError:
                    assert word != password
        arguments = Path(f"/proc/{server.pid}/cmdline").read_text("utf-8")
    finally:
        server.stop()
    key = (server.folder / "key.pem").read_text("ascii").splitlines()[1]
    for secret in (password, token, key):
        assert secret not in arguments
        for path in [server.log, *server.folder.glob("state/*")]:
            assert path.is_dir() or secret.encode() not in path.read_bytes(), path


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        server = RunningServer.initialised(tmp_path / "site")
        os.environ["NOTIFY_SOCKET"] = str(address)
        try:
            server.start()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        try:
            assert manager.recv(100) == b"READY=1"
            os.kill(server.pid, signal.SIGHUP)
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=[0-9]+", manager.recv(100))
            assert manager.recv(100) == b"READY=1"
        finally:
            server.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_without_a_service_manager_nobody_is_told() -> None:
    Readiness({}).ready()
    # One that has gone is no reason to stop.
    Readiness({"NOTIFY_SOCKET": "@nobody-listens-here"}).ready()


def test_unit_and_image_are_not_root() -> None:
    unit = (ROOT / "packaging/mailext.service").read_text("ascii")
    assert "Type=notify" in unit
    assert not re.search(r"^(User|Group)=root", unit, re.MULTILINE)
    dockerfile = (ROOT / "packaging/Dockerfile").read_text("ascii")
    [user] = re.findall(r"^USER (\d+):", dockerfile, re.MULTILINE)
    assert int(user) > 0
    assert f"--uid {user} --gid {user}" in dockerfile


def test_the_image_knows_whether_its_server_greets(server: RunningServer) -> None:
    dockerfile = (ROOT / "packaging/Dockerfile").read_text("ascii")
    [check] = re.findall(r'^HEALTHCHECK .*CMD \[".*python", "-c", \\\n +"(.*)"\]$', dockerfile, re.MULTILINE)

    def status(port: int) -> int:
        command = [sys.executable, "-c", check.replace("2525", str(port))]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert status(server.mx) == 0
    # Under TLS nobody greets first; and nobody listens on port 1.
    assert status(server.submissions) == status(1) == 1


@pytest.mark.interop("systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = (ROOT / "packaging/mailext.service").read_text("ascii")
    here = tmp_path / "mailext.service"
    here.write_text(unit.replace("/opt/mailext/bin/twistd", "/bin/true"), "ascii")
    told = subprocess.run(
        [str(find("systemd-analyze")), "verify", here], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")

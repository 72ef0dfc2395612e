"""The system calls of the server prove that the sync comes before the 250."""

from __future__ import annotations

import re
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, RunningServer, eventually

pytestmark = pytest.mark.interop("strace")

_CALLS = "fsync,fdatasync,sendto,sendmsg,write,writev,recvfrom,recvmsg,read"
_SMALL = "Subject: small\r\n\r\nbody\r\n"
_LARGE = "Subject: large\r\n\r\n" + "0123456789abcde\r\n" * 10000
# With -y a descriptor is written with what it is open on.
_SYNCED = re.compile(
    r"\b(?:fsync|fdatasync)\(\d+<([^>]+)>\)\s+= 0|<\.\.\. (?:fsync|fdatasync) resumed>\)\s+= 0"
)
_END = r"\r\n.\r\n"


def traced(server: RunningServer, folder: Path, message: str, *options: str) -> list[str]:
    """
    :param options: of RCPT.
    :return: the calls of the server while it takes a message, in their order.
    """
    log = folder / "calls"
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-s", "65536", "-e", f"trace={_CALLS}", "-o", str(log), "-p", str(server.pid)],
        stderr=subprocess.PIPE,
    )
    try:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        with smtplib.SMTP("127.0.0.1", server.mx, timeout=30) as client:
            client.sendmail("a@client.example", [ADDRESS], message, rcpt_options=options)
        eventually(lambda: "221 2.0.0" in log.read_text("utf-8", "replace"), "the end of the session")
    finally:
        tracer.terminate()
        tracer.communicate()
    return log.read_text("utf-8", "replace").splitlines()


def between(calls: list[str]) -> list[str]:
    """:return: what happens between the end of the message and its acknowledgement."""
    [acknowledged] = [number for number, call in enumerate(calls) if "250 2.0.0 Ok: " in call]
    ends = [number for number, call in enumerate(calls[:acknowledged]) if "recv" in call and _END in call]
    return calls[ends[-1] : acknowledged]


def synced(calls: list[str]) -> list[str]:
    """:return: the files and folders that are synced, in their order."""
    return [match[1] for call in calls if (match := re.search(r"\bf(?:data)?sync\(\d+<([^>]+)>", call))]


@pytest.mark.parametrize("message", [_SMALL, _LARGE], ids=["small", "large"])
def test_a_message_into_a_mailbox(server: RunningServer, tmp_path: Path, message: str) -> None:
    """First the file, then the folder that it was moved to."""
    paths = synced(between(traced(server, tmp_path, message)))
    [file] = [number for number, path in enumerate(paths) if Path(path).parent == server.mailbox() / "tmp"]
    assert str(server.mailbox() / "new") in paths[file:]


def test_a_message_into_the_queue(server: RunningServer, tmp_path: Path) -> None:
    calls = between(traced(server, tmp_path, _SMALL, "NOTIFY=SUCCESS"))
    assert any(_SYNCED.search(call) for call in calls), calls
    assert any("sync" in call and "mailext.sqlite-wal" in call for call in calls), calls


def test_a_large_message_into_the_queue(server: RunningServer, tmp_path: Path) -> None:
    """First the file, then its folder, then the row that names it."""
    paths = synced(between(traced(server, tmp_path, _LARGE, "NOTIFY=SUCCESS")))
    state = server.folder / "state"
    places = [
        next(number for number, path in enumerate(paths) if re.fullmatch(pattern, path))
        for pattern in (
            rf"{state}/content/tmp/.+",
            rf"{state}/content/[^/]{{2}}",
            rf"{state}/mailext\.sqlite-wal",
        )
    ]
    assert places == sorted(places), paths

"""The real server as its own process, as an operator would run it."""

from __future__ import annotations

import os
import random
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
ADDRESS = "ann@example.org"

#: The programs, as this project has them.
TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
MAILEXT = [sys.executable, "-c", "import sys; from mailext.cli import main; sys.exit(main())"]
_PATIENCE = 30.0

#: What the tests of one process are run with, to see whether they hold with several.
WORKERS = int(os.environ.get("MAILEXT_TEST_WORKERS", "0"))


# Below those that the system gives to whoever connects; and to each process of a parallel run its own.
_PORTS_EACH = 2_000
_PORTS = range(12_000, 32_000, _PORTS_EACH)[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])]
_ports = count(random.randrange(_PORTS_EACH))


def free_ports(number: int) -> list[int]:
    """:return: ports of the loopback interface that nobody listens on."""
    return list(islice(filter(_is_free, (_PORTS + each % _PORTS_EACH for each in _ports)), number))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def eventually(question: Callable[[], T], what: str, patience: float = _PATIENCE) -> T:
    """
    Ask until the answer is true.

    :param what: what is waited for, for the failure's text.
    :param patience: seconds.
    """
    deadline = time.monotonic() + patience
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(0.02)
    return answer


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """:return: whether something accepts connections there."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex((address, port)) == 0


def greets(port: int) -> bool:
    """:return: whether a mail server there greets: then it is up, and not only bound."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), 1.0)) as probe:
            return probe.recv(3) == b"220"
    except OSError:
        return False


def environment() -> dict[str, str]:
    """:return: an environment in which a program in any folder finds this project."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}


@dataclass
class RunningServer:
    """
    A server with a folder of its own.

    :param folder: holds what ``mailext init`` wrote, and the log.
    """

    folder: Path
    submission: int
    submissions: int
    mx: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def initialised(cls, folder: Path, workers: int = WORKERS) -> RunningServer:
        """
        Run ``mailext init`` and move the listeners to free ports.

        :param workers: how many worker processes there are to be.
        """
        subprocess.run([*MAILEXT, "init", str(folder)], check=True, capture_output=True, env=environment())
        made = cls(folder, *free_ports(3))
        ports = {"2587": made.submission, "2465": made.submissions, "2525": made.mx}
        made.reconfigure(lambda text: re.sub(r"\b(2587|2465|2525)\b", lambda m: str(ports[m[0]]), text))
        made.reconfigure(lambda text: f"workers = {workers}\n{text}")
        return made

    @property
    def config(self) -> Path:
        return self.folder / "mailext.toml"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text("utf-8").strip()

    def reconfigure(self, change: Callable[[str], str]) -> None:
        """:param change: from the text of the configuration file to a new one."""
        self.config.write_text(change(self.config.read_text("utf-8")), "utf-8")

    def start(self, through: Sequence[str] = ()) -> None:
        """
        Start it, and return once every listener accepts connections.

        :param through: a command that becomes the one behind it, as ``prlimit``.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*through, *TWISTD, "-n", "--pidfile=", "mailext", "--config", str(self.config)],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(self._listens, "the server to listen")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text("utf-8", "replace")
        return answers(self.submissions) and greets(self.submission) and greets(self.mx)

    def stop(self) -> None:
        """SIGTERM, as an operator's service manager sends it; the end must be an orderly one."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self.join()

    def join(self) -> None:
        """Somebody has stopped it: the end must be an orderly one."""
        assert self._process is not None
        assert self._process.wait(_PATIENCE) == 0, self.log.read_text("utf-8", "replace")
        self._process = None

    def kill(self) -> None:
        """SIGKILL: nothing in the process learns of it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run ``mailext`` with the server's configuration; a status other than 0 is an error."""
        command = [*MAILEXT, "--config", str(self.config), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True, env=environment())

    def mailbox(self, address: str = ADDRESS) -> Path:
        """:return: the Maildir of an account."""
        local_part, _, domain = address.partition("@")
        return self.folder / "state" / "mail" / domain / quote(local_part, safe="+=")

    def messages(self, address: str = ADDRESS) -> list[bytes]:
        """:return: what has arrived in the account's Maildir, in no order."""
        return [path.read_bytes() for path in (self.mailbox(address) / "new").glob("*")]

    def wait_for_messages(self, count: int = 1, address: str = ADDRESS) -> list[bytes]:
        """:return: the account's messages, once there are as many as that."""
        eventually(lambda: len(self.messages(address)) >= count, f"{count} messages for {address}")
        return self.messages(address)

    def trusting(self) -> ssl.SSLContext:
        """:return: a client's TLS context that trusts this server's certificate, and only that."""
        context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        context.check_hostname = False
        return context

    def client(self) -> smtplib.SMTP:
        """:return: a client in a TLS session of the submission listener, not logged in."""
        client = smtplib.SMTP(
            "127.0.0.1", self.submission, local_hostname="client.example", timeout=_PATIENCE
        )
        client.starttls(context=self.trusting())
        client.ehlo()
        return client

    def logged_in(self) -> smtplib.SMTP:
        """:return: a client that has logged in as :data:`ADDRESS`."""
        client = self.client()
        client.login(ADDRESS, self.password)
        return client

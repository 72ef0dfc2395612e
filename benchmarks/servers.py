"""
The servers that are compared. Each takes mail for ann@example.org on a port of
the loopback interface, answers 250 once it is safe, and ends it in a Maildir.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path

from benchmarks.load import Account, Envelopes, Load, Opening, Send, Shape, send_all
from tests.black_box import ADDRESS, ROOT, RunningServer, answers, environment, eventually, free_ports
from tests.interop.postfix import Postfix

__all__ = ["SERVERS", "Serve", "Server"]


@dataclass(frozen=True, slots=True)
class Server:
    """
    :param pid: its first process; all others descend from it.
    :param delivered: the folder into which messages are delivered at last.
    :param submission: the port for who logs in; 0: nobody can.
    :param known: who has logged in before.
    :param newcomers: accounts that nobody has logged in with.
    :param plain_only: whether it is not to be asked for STARTTLS, nor for BDAT.
    """

    port: int
    pid: int
    delivered: Path
    submission: int = 0
    known: Account | None = None
    newcomers: Iterator[Account] = field(default_factory=lambda: iter(()))
    plain_only: bool = False

    def takes(self, shape: Shape) -> bool:
        """Whether it can take this at all."""
        is_plain = shape.opening is Opening.CLEAR and shape.envelopes is not Envelopes.CHUNKED
        return is_plain or not self.plain_only

    def accounts(self, shape: Shape) -> list[Account]:
        """:return: who logs in, on one connection each; nobody where there are no logins."""
        if self.known is not None and shape.opening is Opening.KNOWN_LOGIN:
            return [self.known] * shape.connections
        if shape.opening is Opening.FIRST_LOGIN:
            return list(islice(self.newcomers, shape.connections))
        return []

    def take(self, shape: Shape, accounts: Sequence[Account], patience: float, send: Send = send_all) -> Load:
        """Send it what the shape says; see :func:`benchmarks.load.send_all`."""
        return send(self.submission if accounts else self.port, shape, patience, accounts)

    def cpu_seconds(self) -> float:
        """What all its processes have used so far, user and system."""
        parents, used = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text("ascii", "replace").rpartition(")")[2].split()
            except FileNotFoundError:
                continue
            pid = int(stat.parent.name)
            parents[pid] = int(fields[1])
            # utime, stime, and those of children that have ended.
            used[pid] = sum(map(int, fields[11:15]))
        ticks = sum(ticks for pid, ticks in used.items() if self._is_ours(pid, parents))
        return ticks / os.sysconf("SC_CLK_TCK")

    def _is_ours(self, pid: int, parents: dict[int, int]) -> bool:
        while pid in parents and pid != self.pid:
            pid = parents[pid]
        return pid == self.pid

    def count_delivered(self) -> int:
        return sum(1 for _ in os.scandir(self.delivered)) if self.delivered.exists() else 0


@contextmanager
def mailext(folder: Path, workers: int = 0) -> Iterator[Server]:
    running = RunningServer.initialised(folder / "mailext", workers)
    running.start()
    known = Account(ADDRESS, running.password)
    newcomers = _newcomers(running)
    try:
        yield Server(
            running.mx,
            running.pid,
            running.mailbox() / "new",
            running.submission,
            known,
            newcomers,
        )
    finally:
        running.stop()


def _newcomers(running: RunningServer) -> Iterator[Account]:
    """Accounts that are made when they are asked for."""
    for number in count():
        account = Account(f"newcomer{number}@example.org", f"password of newcomer {number}")
        running.run("account", "add", "--password-stdin", account.address, stdin=account.password.encode())
        yield account


def stock_twisted(folder: Path) -> AbstractContextManager[Server]:
    return _simple("benchmarks.stock", folder / "stock")


def aiosmtpd(folder: Path) -> AbstractContextManager[Server]:
    return _simple("benchmarks.aio", folder / "aio")


@contextmanager
def _simple(module: str, maildir: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", module, str(port), str(maildir)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment())
    try:
        eventually(lambda: answers(port), f"{module} to listen")
        yield Server(port, process.pid, maildir / "new", plain_only=True)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postfix(folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    nobody = pwd.getpwnam("nobody")
    mail = folder / "mail"
    mail.mkdir()
    os.chown(mail, nobody.pw_uid, nobody.pw_gid)
    folder.chmod(0o755)
    chain = folder / "chain.pem"
    like_ours = RunningServer.initialised(folder / "certificate").folder
    chain.write_text((like_ours / "key.pem").read_text() + (like_ours / "cert.pem").read_text())
    peer = Postfix(
        f"virtual_mailbox_base = {mail}\n"
        "virtual_mailbox_domains = example.org\n"
        "virtual_mailbox_maps = static:ann/\n"
        f"virtual_uid_maps = static:{nobody.pw_uid}\n"
        f"virtual_gid_maps = static:{nobody.pw_gid}\n"
        "virtual_mailbox_limit = 0\n"
        "smtpd_tls_security_level = may\n"
        f"smtpd_tls_chain_files = {chain}\n",
        f"127.0.0.1:{port} inet n - n - - smtpd\nvirtual unix - n n - - virtual\n",
    )
    try:
        peer.start()
        eventually(lambda: answers(port), "Postfix to listen")
        yield Server(port, peer.pid, mail / "ann/new")
    finally:
        peer.stop()


#: Starts a server in a folder of its own.
Serve = Callable[[Path], AbstractContextManager[Server]]

SERVERS: dict[str, Serve] = {
    "mailext": mailext,
    "stock Twisted": stock_twisted,
    "aiosmtpd": aiosmtpd,
    "Postfix": postfix,
    "mailext, 2 workers": partial(mailext, workers=2),
}

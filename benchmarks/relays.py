"""
The servers that are compared as relays: what comes in by SMTP goes out by SMTP,
to Postfix's ``smtp-sink``. Its dumps are what is counted.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import Serve, Server
from tests.black_box import RunningServer, answers, eventually, free_ports
from tests.interop.postfix import Postfix
from tests.programs import find

__all__ = ["RELAYED", "RELAYS", "sink"]

#: Whom relayed messages are for.
RELAYED = "bob@elsewhere.example"


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """
    :param folder: where each message becomes a file.
    :return: the port of a server that takes everything.
    """
    (port,) = free_ports(1)
    folder.mkdir()
    shutil.chown(folder, "nobody")
    # Whom it runs as has to come there.
    folder.parent.chmod(0o755)
    command = [str(find("smtp-sink")), "-u", "nobody", "-d", f"{folder}/%s.", f"127.0.0.1:{port}", "512"]
    server = subprocess.Popen(command)
    try:
        eventually(lambda: answers(port), "smtp-sink to listen")
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def mailext(folder: Path) -> Iterator[Server]:
    """Relays for the loopback interface, by a smarthost."""
    running = RunningServer.initialised(folder / "mailext")
    with sink(folder / "sunk") as port:
        running.reconfigure(
            lambda text: (
                f"""{text}
[relay]
networks = ["127.0.0.0/8"]

[relay.smarthost]
host = "127.0.0.1"
port = {port}
security = "may"
"""
            )
        )
        running.start()
        try:
            yield Server(running.mx, running.pid, folder / "sunk", plain_only=True)
        finally:
            running.stop()


@contextmanager
def postfix(folder: Path) -> Iterator[Server]:
    """The same, by ``relayhost``."""
    (port,) = free_ports(1)
    with sink(folder / "sunk") as next_hop:
        peer = Postfix(
            f"relayhost = [127.0.0.1]:{next_hop}\nmynetworks = 127.0.0.0/8\n",
            f"127.0.0.1:{port} inet n - n - - smtpd\n",
        )
        try:
            peer.start()
            eventually(lambda: answers(port), "Postfix to listen")
            yield Server(port, peer.pid, folder / "sunk", plain_only=True)
        finally:
            peer.stop()


RELAYS: dict[str, Serve] = {"mailext": mailext, "Postfix": postfix}

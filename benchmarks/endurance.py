"""
What a server of mailext bears: ``python -m benchmarks.endurance``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.load import Shape, send_all
from tests.black_box import RunningServer, eventually

_PATIENCE = 3600.0
_AT_ONCE = 50
_SHAPE = Shape("1 KiB", 20, 100, 1024)
# Beyond these numbers a limit of the server's would take a part in it.
_LIMITS = "\n[limits]\nconnections-per-address = 1000\nconnections-per-network = 10000\n"

#: What slow peers say at once, and how often another octet of theirs comes, in seconds.
_MANNERS: Sequence[tuple[str, bytes, float]] = (
    ("say nothing", b"", _PATIENCE),
    ("say EHLO octet by octet", b"", 1.0),
    (
        "send a message octet by octet",
        b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n",
        1.0,
    ),
    ("begin TLS, and no more", b"EHLO a\r\nSTARTTLS\r\n", _PATIENCE),
)


@dataclass(frozen=True, slots=True)
class Row:
    """
    :param rate: messages acknowledged per second.
    :param half: what half of the messages took at most, in milliseconds.
    :param most: the same of 99 percent.
    :param memory: resident, of the server, in MiB.
    """

    rate: float
    half: float
    most: float
    memory: float


def measure(server: RunningServer) -> Row:
    """Ordinary mail, up to the last delivery."""
    there = count(server)
    load = send_all(server.mx, _SHAPE, _PATIENCE)
    eventually(lambda: count(server) >= there + _SHAPE.total, "all deliveries", _PATIENCE)
    percent = quantiles(load.latencies, n=100, method="inclusive")
    return Row(_SHAPE.total / load.seconds, percent[49] * 1e3, percent[98] * 1e3, memory(server))


def count(server: RunningServer) -> int:
    """:return: how many messages have arrived."""
    folder = server.mailbox() / "new"
    return sum(1 for _ in os.scandir(folder)) if folder.exists() else 0


def memory(server: RunningServer) -> float:
    """:return: what the server has in memory, in MiB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# Slow peers


async def _dawdle(port: int, number: int, begun: asyncio.Semaphore) -> None:
    _, said, pause = _MANNERS[number % len(_MANNERS)]
    address = f"127.0.{1 + number // 200}.{1 + number % 200}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        await reader.readline()
        writer.write(said)
        begun.release()
        while True:
            await asyncio.sleep(pause)
            writer.write(b"x")
            await writer.drain()
    except OSError:
        """The server has had enough of it."""
    finally:
        writer.close()


async def _among(peers: int, server: RunningServer) -> Row:
    begun = asyncio.Semaphore(0)
    slow = []
    for number in range(peers):
        slow.append(asyncio.ensure_future(_dawdle(server.mx, number, begun)))
        if number >= _AT_ONCE:
            await begun.acquire()
    try:
        return await asyncio.to_thread(measure, server)
    finally:
        for each in slow:
            each.cancel()
        for each in slow:
            with suppress(asyncio.CancelledError):
                await each


def among_slow_peers(console: Console, server: RunningServer, peers: int) -> None:
    """Ordinary mail, alone and among peers that have all the time in the world."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    table = Table("slow peers", "messages/s", "p50 ms", "p99 ms", "MiB", title="Slow peers")
    for number in (0, peers, 0):
        row = asyncio.run(_among(number, server))
        table.add_row(
            str(number), f"{row.rate:.0f}", f"{row.half:.1f}", f"{row.most:.1f}", f"{row.memory:.0f}"
        )
    console.print(table)
    console.print(f"each of: {', '.join(manner for manner, _, _ in _MANNERS)}")


# Many messages


def over_many(console: Console, server: RunningServer, messages: int) -> None:
    """The memory of the server while messages come and go."""
    table = Table("messages", "messages/s", "p99 ms", "MiB", title="Memory")
    runs = max(1, messages // _SHAPE.total)
    for run in range(runs):
        row = measure(server)
        if run % max(1, runs // 10) == 0 or run == runs - 1:
            table.add_row(
                str((run + 1) * _SHAPE.total), f"{row.rate:.0f}", f"{row.most:.1f}", f"{row.memory:.1f}"
            )
        # A folder of a hundred thousand files is another subject.
        for path in (server.mailbox() / "new").iterdir():
            path.unlink()
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--peers", type=int, default=2000)
    parser.add_argument("--messages", type=int, default=100_000)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="mailext-endurance-") as folder:
        server = RunningServer.initialised(Path(folder) / "site")
        server.reconfigure(lambda text: text + _LIMITS)
        server.start()
        try:
            measure(server)
            among_slow_peers(console, server, options.peers)
            over_many(console, server, options.messages)
        finally:
            server.stop()


if __name__ == "__main__":
    main()

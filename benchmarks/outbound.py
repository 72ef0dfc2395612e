"""
Compares how clients send mail: ``python -m benchmarks.outbound``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.load import RECIPIENT, SENDER
from tests.black_box import ROOT, answers, environment, eventually, free_ports
from tests.programs import find, why_missing


@dataclass(frozen=True, slots=True)
class Work:
    """
    :param messages: all in all.
    :param size: octets of each, about.
    """

    port: int
    connections: int
    messages: int
    size: int


@dataclass(frozen=True, slots=True)
class Used:
    """
    :param cpu: seconds of user and system time of the client.
    :param seconds: on the clock.
    """

    cpu: float
    seconds: float


def mailext(work: Work) -> Used:
    """``mailext.MailSender``, without the start of its interpreter."""
    shape = (work.port, work.connections, work.messages, work.size)
    command = [sys.executable, "-m", "benchmarks.sender", *map(str, shape)]
    run = subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
    return Used(**json.loads(run.stdout))


def smtp_source(*options: str) -> Callable[[Work], Used]:
    """Postfix's load generator, in C."""

    def run(work: Work) -> Used:
        sizes = {"-s": work.connections, "-m": work.messages, "-l": work.size}
        numbers = [str(word) for pair in sizes.items() for word in pair]
        addresses = ["-f", SENDER, "-t", RECIPIENT, f"127.0.0.1:{work.port}"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([str(find("smtp-source")), *options, *numbers, *addresses], check=True)
        after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Used(cpu, seconds)

    return run


CLIENTS = {
    "smtp-source, a connection for each message": smtp_source(),
    "smtp-source, kept connections": smtp_source("-d"),
    "mailext": mailext,
}


@contextmanager
def sink() -> Iterator[int]:
    """:return: the port of a server that takes everything and keeps nothing."""
    (port,) = free_ports(1)
    server = subprocess.Popen([str(find("smtp-sink")), "-u", "nobody", f"127.0.0.1:{port}", "512"])
    try:
        eventually(lambda: answers(port), "smtp-sink to listen")
        yield port
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outbound", description=__doc__)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=1024, help="octets of a message")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    options = parser.parse_args()
    if reason := why_missing("smtp-sink"):
        sys.exit(reason)

    table = Table("client", title=f"{options.messages} messages over {options.connections} connections")
    for heading in ("messages/s", "CPU µs per message", "ratio", "ratio"):
        table.add_column(heading, justify="right")
    bases: list[float] = []
    for name, client in CLIENTS.items():
        with sink() as port:
            work = Work(port, options.connections, options.messages, options.size)
            best = min((client(work) for _ in range(options.rounds)), key=lambda used: used.cpu)
        bases.append(best.cpu)
        ratios = [f"{best.cpu / base:.2f}" for base in bases[:2]]
        rate, cpu = work.messages / best.seconds, 1e6 * best.cpu / work.messages
        table.add_row(name, f"{rate:.0f}", f"{cpu:.0f}", *ratios)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

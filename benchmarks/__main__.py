"""
Compares how servers accept and deliver mail: ``python -m benchmarks``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.load import Shape, send_all
from benchmarks.servers import SERVERS, Server
from tests.black_box import eventually
from tests.programs import why_missing

_PATIENCE = 300.0

SHAPES = {
    shape.name: shape
    for shape in (
        Shape("1 KiB", 20, 50, 1024),
        Shape("1 KiB, one per connection", 200, 1, 1024),
        Shape("50 KiB", 20, 10, 50 * 1024),
        Shape("5 MiB", 4, 3, 5 * 1024 * 1024),
    )
}


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One run of one shape.

    :param rate: messages acknowledged per second.
    :param cpu: CPU microseconds of all the server's processes per message, up
        to the last delivery.
    :param half: what half of the messages took at most, from MAIL to the reply
        to their end, in milliseconds.
    :param most: the same of 99 percent.
    """

    rate: float
    cpu: float
    half: float
    most: float


def measure(server: Server, shape: Shape) -> Figures:
    """One run of one shape."""
    before, there = server.cpu_seconds(), server.count_delivered()
    load = send_all(server.port, shape, _PATIENCE)
    eventually(lambda: server.count_delivered() >= there + shape.total, "all deliveries", _PATIENCE)
    cpu = (server.cpu_seconds() - before) / shape.total * 1e6
    percent = quantiles(load.latencies, n=100, method="inclusive")
    return Figures(shape.total / load.seconds, cpu, percent[49] * 1e3, percent[98] * 1e3)


def report(console: Console, shape: Shape, rows: Mapping[str, list[Figures]]) -> None:
    """Print one table; ratios are of medians, to the first row."""
    table = Table(
        "server", title=f"{shape.name}: {shape.connections} connections, {shape.messages} messages each"
    )
    for heading in ("messages/s", "best", "ratio", "CPU µs", "best", "ratio", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    first = next(iter(rows.values()))
    for name, each in rows.items():
        rate, cpu = median(run.rate for run in each), median(run.cpu for run in each)
        table.add_row(
            name,
            f"{rate:.0f}",
            f"{max(run.rate for run in each):.0f}",
            f"{rate / median(run.rate for run in first):.2f}",
            f"{cpu:.0f}",
            f"{min(run.cpu for run in each):.0f}",
            f"{cpu / median(run.cpu for run in first):.2f}",
            f"{median(run.half for run in each):.1f}",
            f"{median(run.most for run in each):.1f}",
        )
    console.print(table)


def run_all(servers: Mapping[str, Server], shape: Shape, rounds: int) -> Mapping[str, list[Figures]]:
    """The servers take turns: whatever else the machine does is every one's share."""
    results: dict[str, list[Figures]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            results[name].append(measure(server, shape))
    return results


def left_out() -> Iterator[tuple[str, str]]:
    """:return: servers that cannot be measured here, and why."""
    if reason := why_missing("postfix"):
        yield "Postfix", reason
    if find_spec("aiosmtpd") is None:
        yield "aiosmtpd", "aiosmtpd is not installed"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=SERVERS, action="append", help="leave the other servers out")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="leave the other shapes out")
    parser.add_argument(
        "--at-most",
        type=float,
        metavar="RATIO",
        help="fail if the CPU time of the first server is more than so many times that of the second, by the best rounds",
    )
    options = parser.parse_args()

    console = Console()
    chosen = {name: SERVERS[name] for name in options.only or SERVERS}
    for name, reason in left_out():
        if chosen.pop(name, None):
            console.print(f"left out: {name}: {reason}")
    is_slow = False
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for name, serve in chosen.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mailext-benchmark-"))
            servers[name] = stack.enter_context(serve(Path(folder)))
            send_all(servers[name].port, Shape("warm-up", 5, 10, 1024), _PATIENCE)
        for shape in map(SHAPES.__getitem__, options.shape or SHAPES):
            results = run_all(servers, shape, options.rounds)
            report(console, shape, results)
            if options.at_most is not None:
                ours, theirs, *_ = (min(run.cpu for run in each) for each in results.values())
                is_slow = is_slow or ours > options.at_most * theirs
    if is_slow:
        console.print(f"more than {options.at_most} times the CPU time")
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())

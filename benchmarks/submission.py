"""
Compares how servers accept mail: ``python -m benchmarks.submission``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.load import Shape, send_all
from benchmarks.servers import SERVERS, Server
from tests.black_box import eventually
from tests.programs import why_missing

_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Figures:
    """
    :param rate: messages acknowledged per second.
    :param cpu_accepted: CPU microseconds of the server per message, up to the last 250.
    :param cpu_delivered: the same, up to the last delivery.
    """

    rate: float
    cpu_accepted: float
    cpu_delivered: float


def measure(server: Server, shape: Shape) -> Figures:
    """One run of one shape."""
    before, there = server.cpu_seconds(), server.count_delivered()
    seconds = send_all(server.port, shape, _PATIENCE)
    accepted = server.cpu_seconds() - before
    eventually(lambda: server.count_delivered() >= there + shape.total, "all deliveries", _PATIENCE)
    delivered = server.cpu_seconds() - before
    per_message = 1e6 / shape.total
    return Figures(shape.total / seconds, accepted * per_message, delivered * per_message)


def best(figures: list[Figures]) -> Figures:
    """Of several runs the one with the least disturbance."""
    return max(figures, key=lambda each: each.rate)


def report(console: Console, shape: Shape, rows: dict[str, Figures]) -> None:
    """Print one table; ratios are to the first row."""
    table = Table(
        "server", title=f"{shape.name}: {shape.connections} connections, {shape.messages} messages each"
    )
    for heading in ("messages/s", "ratio", "CPU µs to 250", "CPU µs to mailbox", "ratio"):
        table.add_column(heading, justify="right")
    first = next(iter(rows.values()))
    for name, each in rows.items():
        table.add_row(
            name,
            f"{each.rate:.0f}",
            f"{each.rate / first.rate:.2f}",
            f"{each.cpu_accepted:.0f}",
            f"{each.cpu_delivered:.0f}",
            f"{each.cpu_delivered / first.cpu_delivered:.2f}",
        )
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.submission", description=__doc__)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--messages", type=int, default=50, help="per connection")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument("--only", choices=SERVERS, action="append", help="leave the other servers out")
    options = parser.parse_args()

    console = Console()
    chosen = {name: SERVERS[name] for name in options.only or SERVERS}
    if "Postfix" in chosen and (reason := why_missing("postfix")):
        console.print(f"left out: {reason}")
        del chosen["Postfix"]
    shapes = [
        Shape("1 KiB", options.connections, options.messages, 1024),
        Shape("100 KiB", options.connections, max(1, options.messages // 5), 100 * 1024),
    ]
    results: dict[Shape, dict[str, Figures]] = {shape: {} for shape in shapes}
    for name, serve in chosen.items():
        with (
            tempfile.TemporaryDirectory(prefix="mailext-benchmark-") as folder,
            serve(Path(folder)) as server,
        ):
            send_all(server.port, Shape("warm-up", 5, 10, 1024), _PATIENCE)
            for shape in shapes:
                results[shape][name] = best([measure(server, shape) for _ in range(options.rounds)])
    for shape, rows in results.items():
        report(console, shape, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

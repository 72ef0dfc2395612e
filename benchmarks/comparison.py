"""Rounds of one shape, of several servers by turns, and the table of what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.load import Send, Shape
from benchmarks.servers import Server
from tests.black_box import eventually

__all__ = ["PATIENCE", "Figures", "report", "run_all"]

#: Seconds after which a run is given up.
PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One run of one shape.

    :param rate: messages acknowledged per second.
    :param cpu: CPU microseconds of all the server's processes per message, up
        to the last delivery.
    :param load: CPU microseconds per message of what sent them.
    :param half: what half of the messages took at most, from MAIL to the reply
        to their end, in milliseconds; None where it is not known.
    :param most: the same of 99 percent.
    """

    rate: float
    cpu: float
    load: float
    half: float | None = None
    most: float | None = None


def measure(server: Server, shape: Shape, send: Send) -> Figures:
    """One run of one shape."""
    accounts = server.accounts(shape)
    before, there = server.cpu_seconds(), server.count_delivered()
    load = server.take(shape, accounts, PATIENCE, send)
    eventually(lambda: server.count_delivered() >= there + shape.total, "all deliveries", PATIENCE)
    cpu = (server.cpu_seconds() - before) / shape.total * 1e6
    figures = Figures(shape.total / load.seconds, cpu, load.cpu_seconds / shape.total * 1e6)
    if not load.latencies:
        return figures
    percent = quantiles(load.latencies, n=100, method="inclusive")
    return replace(figures, half=percent[49] * 1e3, most=percent[98] * 1e3)


def report(console: Console, shape: Shape, rows: Mapping[str, list[Figures]]) -> None:
    """Print one table; ratios are of medians, to the first row."""
    table = Table(
        "server", title=f"{shape.name}: {shape.connections} connections, {shape.messages} messages each"
    )
    for heading in ("messages/s", "best", "ratio", "CPU µs", "best", "ratio", "load µs", "p50 ms", "p99 ms"):
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
            f"{median(run.load for run in each):.0f}",
            _milliseconds(run.half for run in each),
            _milliseconds(run.most for run in each),
        )
    console.print(table)


def _milliseconds(latencies: Iterable[float | None]) -> str:
    known = [latency for latency in latencies if latency is not None]
    return f"{median(known):.1f}" if known else ""


def run_all(
    servers: Mapping[str, Server], shape: Shape, rounds: int, send: Send
) -> Mapping[str, list[Figures]]:
    """The servers take turns: whatever else the machine does is every one's share."""
    results: dict[str, list[Figures]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            results[name].append(measure(server, shape, send))
    return results

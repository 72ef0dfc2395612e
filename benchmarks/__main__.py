"""
Compares how servers accept and deliver mail: ``python -m benchmarks``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from benchmarks.comparison import PATIENCE, report, run_all
from benchmarks.load import Envelopes, Opening, Shape, send_all
from benchmarks.relays import RELAYED, RELAYS
from benchmarks.servers import SERVERS, Serve, Server
from benchmarks.source import send_at_least_cost
from tests.programs import why_missing

_DELIVERED = (
    Shape("1 KiB", 20, 50, 1024),
    Shape("1 KiB, one per connection", 200, 1, 1024),
    Shape("1 KiB, pipelined", 20, 50, 1024, envelopes=Envelopes.PIPELINED),
    Shape("1 KiB, pipelined, BDAT", 20, 50, 1024, envelopes=Envelopes.CHUNKED),
    Shape("50 KiB", 20, 10, 50 * 1024),
    Shape("5 MiB", 4, 3, 5 * 1024 * 1024),
    Shape("5 MiB, STARTTLS", 4, 3, 5 * 1024 * 1024, Opening.STARTTLS),
    Shape("1 KiB, login", 200, 1, 1024, Opening.KNOWN_LOGIN),
    Shape("1 KiB, first login", 4, 1, 1024, Opening.FIRST_LOGIN),
)
_RELAYED = (Shape("1 KiB, relayed", 20, 50, 1024, recipient=RELAYED),)

SHAPES = {shape.name: shape for shape in (*_DELIVERED, *_RELAYED)}


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
        "--latencies",
        action="store_const",
        const=send_all,
        default=send_at_least_cost,
        dest="send",
        help="send by our own load alone, which costs more than smtp-source, and knows p50 and p99",
    )
    parser.add_argument(
        "--at-most",
        type=float,
        metavar="RATIO",
        help="fail if the CPU time of the first server is more than so many times that of the second, by the best rounds",
    )
    options = parser.parse_args()

    console = Console()
    chosen = set(options.only or SERVERS)
    for name, reason in left_out():
        if name in chosen:
            chosen.remove(name)
            console.print(f"left out: {name}: {reason}")
    wanted = options.shape or SHAPES
    is_slow = False
    for servers, shapes in ((SERVERS, _DELIVERED), (RELAYS, _RELAYED)):
        asked = [shape for shape in shapes if shape.name in wanted]
        serving = [(name, serve) for name, serve in servers.items() if name in chosen]
        if not asked:
            continue
        with ExitStack() as stack:
            started = {name: stack.enter_context(running(serve, asked[0])) for name, serve in serving}
            for shape in asked:
                able = {name: server for name, server in started.items() if server.takes(shape)}
                results = run_all(able, shape, options.rounds, options.send)
                report(console, shape, results)
                if options.at_most is not None:
                    ours, theirs, *_ = (min(run.cpu for run in each) for each in results.values())
                    is_slow = is_slow or ours > options.at_most * theirs
    if is_slow:
        console.print(f"more than {options.at_most} times the CPU time")
    return int(is_slow)


@contextmanager
def running(serve: Serve, warm_up: Shape) -> Iterator[Server]:
    """A server that has had its first messages, and its first login."""
    with tempfile.TemporaryDirectory(prefix="mailext-benchmark-") as folder, serve(Path(folder)) as server:
        for opening, number in ((Opening.CLEAR, 5), (Opening.KNOWN_LOGIN, 1)):
            shape = replace(warm_up, opening=opening, connections=number, messages=10)
            if server.takes(shape):
                server.take(shape, server.accounts(shape), PATIENCE)
        yield server


if __name__ == "__main__":
    sys.exit(main())

"""
How much mailext needs as the work grows: ``python -m benchmarks.growth``.

See benchmarks/README.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import resource
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.backlog import fill
from benchmarks.load import SENDER, Shape, content, send_all
from benchmarks.relays import RELAYED, sink
from benchmarks.servers import Server
from tests.black_box import ADDRESS, RunningServer, eventually, free_ports

_PATIENCE = 600.0
_MIB = 1024 * 1024
_LIMITS = """
[limits]
connections = 20000
connections-per-address = 20000
connections-per-network = 20000
recipients = 10000
queue-messages = 10000000

[relay]
networks = ["127.0.0.0/8"]
"""


@contextmanager
def serving(folder: Path, *, more: str = "", backlog: int = 0) -> Iterator[tuple[RunningServer, Server]]:
    """
    :param more: lines of the configuration.
    :param backlog: how many messages wait in its queue from the beginning.
    :return: a server whose limits are out of the way; its relayed messages end in a folder.
    """
    running = RunningServer.initialised(folder / "mailext")
    with sink(folder / "sunk") as port:
        smarthost = f'[relay.smarthost]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "may"\n'
        running.reconfigure(lambda text: text + _LIMITS + smarthost + more)
        if backlog:
            fill(running.folder / "state", backlog)
        running.start()
        try:
            yield running, Server(running.mx, running.pid, folder / "sunk")
        finally:
            running.stop()


def say(what: str, figure: str) -> None:
    """Print one line of the report."""
    print(f"{what:55} {figure}", flush=True)


def memory(pid: int, field: str = "VmRSS") -> int:
    """:return: octets in memory now, or ``VmHWM``, the most since :func:`forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise ValueError(f"no {field}")


def forget_peak(pid: int) -> None:
    """The most so far is what there is now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def connect(port: int, context: ssl.SSLContext | None = None) -> socket.socket:
    """:return: a connection that has been greeted, under TLS if there is a context."""
    connection = socket.create_connection(("127.0.0.1", port), 60.0)
    if context is not None:
        connection = context.wrap_socket(connection)
    assert connection.recv(1024).startswith(b"220")
    return connection


def idle(folder: Path) -> None:
    """2,000 connections that say nothing, in clear and under TLS."""
    with serving(folder) as (running, server):
        for name, port, context in (
            ("in clear", running.mx, None),
            ("under TLS", running.submissions, running.trusting()),
        ):
            for each in [connect(port, context) for _ in range(200)]:
                each.close()
            before = memory(server.pid)
            connections = [connect(port, context) for _ in range(2000)]
            used = (memory(server.pid) - before) / len(connections) / 1024
            say(f"2,000 idle connections {name}", f"{used:.1f} KiB each")
            for each in connections:
                each.close()


def busy(folder: Path) -> None:
    """5,000 connections at the same time, each with a message."""
    with serving(folder) as (running, server):
        connections = [connect(server.port) for _ in range(5000)]
        before, began = server.cpu_seconds(), time.perf_counter()
        shape = Shape("", 1, 1, 1024)
        for flight in shape.flights(None):
            for each in connections:
                each.sendall(flight)
            for each in connections:
                assert each.recv(1024)[:1] in (b"2", b"3")
        seconds, cpu = time.perf_counter() - began, server.cpu_seconds() - before
        arrived = len(running.messages())
        say(
            "5,000 connections, a message on each",
            f"{arrived} arrived, {arrived / seconds:.0f} a second, {cpu / arrived * 1e6:.0f} µs each",
        )


def large(folder: Path) -> None:
    """A message of 49 MiB, into a mailbox and to another server."""
    with serving(folder) as (running, server):
        for name, recipient, count in (
            ("into a mailbox", ADDRESS, lambda: len(list((running.mailbox() / "new").glob("*")))),
            ("to another server", RELAYED, server.count_delivered),
        ):
            extra = most_extra(server, Shape("", 1, 1, 49 * _MIB, recipient=recipient), count)
            say(f"a message of 49 MiB {name}", f"{extra / _MIB:.1f} MiB of extra memory")


def most_extra(server: Server, shape: Shape, count: Callable[[], int]) -> int:
    """:return: how much more memory it took than before, at the most."""
    small = Shape("", 1, 5, 1024, recipient=shape.recipient)
    send_all(server.port, small, _PATIENCE)
    eventually(lambda: count() >= small.total, "the first messages", _PATIENCE)
    forget_peak(server.pid)
    before = memory(server.pid)
    send_all(server.port, shape, _PATIENCE)
    eventually(lambda: count() > small.total, "the message", _PATIENCE)
    return memory(server.pid, "VmHWM") - before


def recipients(folder: Path) -> None:
    """A message for 10,000 recipients of another server, beside one for 100."""
    with serving(folder) as (running, server):
        for number in (100, 10_000):
            before, began = server.cpu_seconds(), time.perf_counter()
            send_to(server.port, [f"user{each}@elsewhere.example" for each in range(number)])
            eventually(
                lambda: running.run("queue", "list", "--json").stdout.strip() == b"[]", "the end", _PATIENCE
            )
            seconds, cpu = time.perf_counter() - began, server.cpu_seconds() - before
            say(f"a message for {number} recipients", f"{cpu / number * 1e6:.0f} µs each, {seconds:.1f} s")


def send_to(port: int, addresses: Sequence[str]) -> None:
    """Send one message to all of them."""
    with connect(port) as connection, connection.makefile("rb") as replies:

        def ask(*commands: str) -> None:
            connection.sendall("".join(command + "\r\n" for command in commands).encode())
            for _ in commands:
                while (line := replies.readline())[3:4] == b"-":
                    pass
                assert line[:1] in (b"2", b"3"), line

        ask("EHLO load.example")
        ask(f"MAIL FROM:<{SENDER}>")
        for first in range(0, len(addresses), 50):
            ask(*(f"RCPT TO:<{address}>" for address in addresses[first : first + 50]))
        ask("DATA")
        connection.sendall(content(1024))
        ask(".")


def queued(folder: Path) -> None:
    """What a message costs, and what the operator waits for, as others wait in the queue."""
    for number in (1000, 1_000_000):
        with serving(folder / str(number), backlog=number) as (running, server):
            running.stop()
            began = time.perf_counter()
            running.start()
            start = time.perf_counter() - began
            cost = least_cost(replace(server, pid=running.pid))
            began = time.perf_counter()
            running.run("queue", "list", "--limit", "100")
            page = time.perf_counter() - began
        say(
            f"{number:,} messages in the queue",
            f"accepts after {start:.1f} s, {cost:.0f} µs for one more, {page:.1f} s for a page of the list",
        )


def least_cost(server: Server) -> float:
    """:return: CPU microseconds for a message that is relayed, the least of some runs."""
    shape = Shape("", 20, 50, 1024, recipient=RELAYED)

    def run() -> float:
        there, before = server.count_delivered(), server.cpu_seconds()
        send_all(server.port, shape, _PATIENCE)
        eventually(lambda: server.count_delivered() >= there + shape.total, "deliveries", _PATIENCE)
        return (server.cpu_seconds() - before) / shape.total * 1e6

    return min(run() for _ in range(5))


def destinations(folder: Path) -> None:
    """1,000 destinations, of which half take the connection and say nothing."""
    with ExitStack() as stack:
        (port,) = free_ports(1)
        silent = [
            stack.enter_context(socket.create_server((f"127.1.{n // 250}.{n % 250 + 1}", port)))
            for n in range(500)
        ]
        hops = "".join(
            f'\n[relay.destinations."silent{n}.example"]\nnext-hop = "{each.getsockname()[0]}:{port}"\n'
            for n, each in enumerate(silent)
        )
        _running, server = stack.enter_context(serving(folder, more=hops))
        alone = all_arrive(server, [f"bob@alone{n}.example" for n in range(500)], 500)
        mixed = [f"bob@{name}{n}.example" for n in range(500) for name in ("silent", "other")]
        beside = all_arrive(server, mixed, 1000)
        say("500 destinations", f"{alone:.1f} s")
        say("500 destinations, beside 500 that hang", f"{beside:.1f} s")


def all_arrive(server: Server, addresses: Sequence[str], count: int) -> float:
    """:return: after how many seconds as many messages have arrived, all in all."""
    began = time.perf_counter()
    for address in addresses:
        send_all(server.port, Shape("", 1, 1, 1024, recipient=address), _PATIENCE)
    eventually(lambda: server.count_delivered() >= count, "deliveries", _PATIENCE)
    return time.perf_counter() - began


MEASUREMENTS = {each.__name__: each for each in (idle, busy, large, recipients, destinations, queued)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="leave the others out")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in options.only or MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix="mailext-benchmark-") as folder:
            Path(folder).chmod(0o755)
            (Path(folder) / name).mkdir()
            MEASUREMENTS[name](Path(folder) / name)


if __name__ == "__main__":
    main()

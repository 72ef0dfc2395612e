"""
The load: connections that each send messages one after the other, as fast as
the server answers. The same octets go to every server.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

__all__ = ["RECIPIENT", "SENDER", "Load", "Shape", "content", "send_all"]

#: How many connections there are at the same time.
_AT_ONCE = 20

SENDER, RECIPIENT = "bob@example.net", "ann@example.org"


@dataclass(frozen=True, slots=True)
class Shape:
    """
    :param messages: per connection.
    :param size: octets of each message, about.
    """

    name: str
    connections: int
    messages: int
    size: int

    @property
    def total(self) -> int:
        return self.connections * self.messages

    def flights(self) -> list[bytes]:
        """:return: what is sent for one message; after each, one reply is awaited."""
        commands = (f"MAIL FROM:<{SENDER}>\r\n", f"RCPT TO:<{RECIPIENT}>\r\n", "DATA\r\n")
        return [*(command.encode("ascii") for command in commands), content(self.size) + b".\r\n"]


@dataclass(frozen=True, slots=True)
class Load:
    """
    :param seconds: from the first connection to the last reply.
    :param latencies: of each message, from MAIL to the reply to its end, in seconds.
    """

    seconds: float
    latencies: list[float]


def content(size: int) -> bytes:
    """:return: a message of about so many octets."""
    fields = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: load\r\n\r\n".encode("ascii")
    line = b"The quick brown fox jumps over the lazy dog, time and time again.\r\n"
    return fields + line * max(1, (size - len(fields)) // len(line))


class _Connection(asyncio.Protocol):
    """One connection: greeting, EHLO, messages, QUIT."""

    def __init__(self, shape: Shape, done: asyncio.Future[None], latencies: list[float]) -> None:
        self._flights = iter([b"EHLO load.example\r\n", *shape.flights() * shape.messages, b"QUIT\r\n"])
        self._rest = b""
        self._done = done
        self._latencies = latencies
        self._begun = 0.0
        self._last_flight = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if line[:1] not in (b"2", b"3"):
                self._fail(ConnectionError(f"the server said {line!r}"))
            elif line[3:4] != b"-":
                if self._last_flight.endswith(b"\r\n.\r\n"):
                    self._latencies.append(time.perf_counter() - self._begun)
                self._send_next()

    def _send_next(self) -> None:
        flight = next(self._flights, None)
        if flight is None:
            self._done.set_result(None)
            self._transport.close()
        else:
            if flight.startswith(b"MAIL"):
                self._begun = time.perf_counter()
            self._last_flight = flight
            self._transport.write(flight)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))


def send_all(port: int, shape: Shape, patience: float) -> Load:
    """
    Send all messages.

    :param port: of a server on the loopback interface.
    :param patience: seconds after which it is given up.
    :raise OSError: if the server refused anything, or closed a connection.
    """

    latencies: list[float] = []
    left = iter(range(shape.connections))

    async def connect_again() -> None:
        loop = asyncio.get_running_loop()
        for _ in left:
            done = loop.create_future()
            await loop.create_connection(
                lambda done=done: _Connection(shape, done, latencies), "127.0.0.1", port
            )
            await done

    async def run() -> Load:
        begin = time.perf_counter()
        async with asyncio.timeout(patience):
            await asyncio.gather(*(connect_again() for _ in range(_AT_ONCE)))
        return Load(time.perf_counter() - begin, latencies)

    return asyncio.run(run())

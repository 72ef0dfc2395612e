"""
The load: connections that each send messages one after the other, as fast as
the server answers. The same octets go to every server.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

__all__ = ["RECIPIENT", "SENDER", "Shape", "content", "send_all"]

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


def content(size: int) -> bytes:
    """:return: a message of about so many octets."""
    fields = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: load\r\n\r\n".encode("ascii")
    line = b"The quick brown fox jumps over the lazy dog, time and time again.\r\n"
    return fields + line * max(1, (size - len(fields)) // len(line))


class _Connection(asyncio.Protocol):
    """One connection: greeting, EHLO, messages, QUIT."""

    def __init__(self, shape: Shape, done: asyncio.Future[None]) -> None:
        self._flights = iter([b"EHLO load.example\r\n", *shape.flights() * shape.messages, b"QUIT\r\n"])
        self._rest = b""
        self._done = done
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
                self._send_next()

    def _send_next(self) -> None:
        flight = next(self._flights, None)
        if flight is None:
            self._done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(flight)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))


def send_all(port: int, shape: Shape, patience: float) -> float:
    """
    Send all messages.

    :param port: of a server on the loopback interface.
    :param patience: seconds after which it is given up.
    :return: the seconds it took, up to the last reply.
    :raise OSError: if the server refused anything, or closed a connection.
    """

    async def run() -> float:
        loop = asyncio.get_running_loop()
        begin = time.perf_counter()
        ends = []
        for _ in range(shape.connections):
            done = loop.create_future()
            ends.append(done)
            await loop.create_connection(lambda done=done: _Connection(shape, done), "127.0.0.1", port)
        async with asyncio.timeout(patience):
            await asyncio.gather(*ends)
        return time.perf_counter() - begin

    return asyncio.run(run())

"""
The load: connections that each send messages one after the other, as fast as
the server answers. The same octets go to every server.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

__all__ = [
    "RECIPIENT",
    "SENDER",
    "Account",
    "Envelopes",
    "Load",
    "Opening",
    "Send",
    "Shape",
    "content",
    "send_all",
]

SENDER, RECIPIENT = "bob@example.net", "ann@example.org"


_EHLO = b"EHLO load.example\r\n"
_STARTTLS = b"STARTTLS\r\n"
_CLIENTID = b"CLIENTID UUID 23bf83be-aad6-46aa-9e07-39191ccb402f\r\n"


class Opening(Enum):
    """
    How a connection begins. A login is one with CLIENTID, and its messages
    demand REQUIRETLS.
    """

    CLEAR = auto()
    STARTTLS = auto()
    KNOWN_LOGIN = auto()
    FIRST_LOGIN = auto()


class Envelopes(Enum):
    """How a message is sent: command by command, or all together, its content by DATA or BDAT."""

    STEPWISE = auto()
    PIPELINED = auto()
    CHUNKED = auto()


@dataclass(frozen=True, slots=True)
class Flight:
    """
    What is sent together.

    :param replies: how many are awaited before the next.
    :param begins: whether a message begins with it; ``ends``: whether one ends.
    """

    octets: bytes
    replies: int = 1
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in."""

    address: str
    password: str


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
    opening: Opening = Opening.CLEAR
    recipient: str = RECIPIENT
    envelopes: Envelopes = Envelopes.STEPWISE

    #: How many connections there are at the same time.
    at_once: ClassVar[int] = 20

    @property
    def total(self) -> int:
        return self.connections * self.messages

    def flights(self, account: Account | None) -> Iterator[Flight]:
        """
        :param account: who logs in; None: nobody, as with a server that knows no accounts.
        :return: what is sent on a connection.
        """
        yield Flight(_EHLO)
        if self.opening is not Opening.CLEAR:
            yield Flight(_STARTTLS)
            yield Flight(_EHLO)
        if account is not None:
            yield Flight(_CLIENTID)
            secret = f"\0{account.address}\0{account.password}".encode()
            yield Flight(b"AUTH PLAIN " + base64.b64encode(secret) + b"\r\n")
        sender = f"<{account.address}> REQUIRETLS" if account else f"<{SENDER}>"
        mail = f"MAIL FROM:{sender}\r\n".encode()
        rcpt = f"RCPT TO:<{self.recipient}>\r\n".encode()
        message = self._message(mail, rcpt, content(self.size))
        for _ in range(self.messages):
            yield from message
        yield Flight(b"QUIT\r\n")

    def _message(self, mail: bytes, rcpt: bytes, octets: bytes) -> tuple[Flight, ...]:
        if self.envelopes is Envelopes.CHUNKED:
            chunk = f"BDAT {len(octets)} LAST\r\n".encode() + octets
            return (Flight(mail + rcpt + chunk, 3, begins=True, ends=True),)
        end = Flight(octets + b".\r\n", ends=True)
        if self.envelopes is Envelopes.PIPELINED:
            return Flight(mail + rcpt + b"DATA\r\n", 3, begins=True), end
        return Flight(mail, begins=True), Flight(rcpt), Flight(b"DATA\r\n"), end


@dataclass(frozen=True, slots=True)
class Load:
    """
    :param seconds: from the first connection to the last reply.
    :param cpu_seconds: what sending took itself.
    :param latencies: of each message, from MAIL to the reply to its end, in seconds; none
        where they are not known.
    """

    seconds: float
    cpu_seconds: float
    latencies: list[float]


def content(size: int) -> bytes:
    """:return: a message of about so many octets."""
    fields = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: load\r\n\r\n".encode("ascii")
    line = b"The quick brown fox jumps over the lazy dog, time and time again.\r\n"
    return fields + line * max(1, (size - len(fields)) // len(line))


def _trusting() -> ssl.SSLContext:
    """A context for servers whose certificates nobody vouches for."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_CONTEXT = _trusting()


class _Connection(asyncio.Protocol):
    """One connection, from its greeting to its QUIT."""

    def __init__(self, flights: Iterator[Flight], done: asyncio.Future[None], latencies: list[float]) -> None:
        self._flights = flights
        self._rest = b""
        self._done = done
        self._latencies = latencies
        self._begun = 0.0
        # The greeting is a reply too.
        self._flight = Flight(b"")
        self._awaited = 1
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
                self._awaited -= 1
                if not self._awaited:
                    self._go_on()

    def _go_on(self) -> None:
        if self._flight.ends:
            self._latencies.append(time.perf_counter() - self._begun)
        if self._flight.octets == _STARTTLS:
            self._handshake = asyncio.ensure_future(self._start_tls())
        else:
            self._send_next()

    async def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, _CONTEXT)
        except OSError as error:
            self._fail(error)
        else:
            assert transport is not None
            self._transport = transport
            self._send_next()

    def _send_next(self) -> None:
        flight = next(self._flights, None)
        if flight is None:
            self._done.set_result(None)
            self._transport.close()
            return
        if flight.begins:
            self._begun = time.perf_counter()
        self._flight, self._awaited = flight, flight.replies
        self._transport.write(flight.octets)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))


#: Sends all messages of a shape; see :func:`send_all`.
Send = Callable[[int, "Shape", float, "Sequence[Account]"], "Load"]


def send_all(port: int, shape: Shape, patience: float, accounts: Sequence[Account] = ()) -> Load:
    """
    Send all messages.

    :param port: of a server on the loopback interface.
    :param patience: seconds after which it is given up.
    :param accounts: who logs in, on one connection each; empty: nobody does.
    :raise OSError: if the server refused anything, or closed a connection.
    """

    latencies: list[float] = []
    left = iter(accounts or [None] * shape.connections)

    async def connect_again() -> None:
        loop = asyncio.get_running_loop()
        for account in left:
            done = loop.create_future()
            flights = shape.flights(account)
            await loop.create_connection(
                lambda flights=flights, done=done: _Connection(flights, done, latencies), "127.0.0.1", port
            )
            await done

    async def run() -> Load:
        before, begin = time.process_time(), time.perf_counter()
        async with asyncio.timeout(patience):
            await asyncio.gather(*(connect_again() for _ in range(shape.at_once)))
        return Load(time.perf_counter() - begin, time.process_time() - before, latencies)

    return asyncio.run(run())

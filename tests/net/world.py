"""
Servers in memory, and what connects to them: the octets are real, TLS too, and
a transport that is full pauses who writes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.internet._newtls import _BypassTLS
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IProtocol, ISSLTransport, IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from mailext.net.tls import ServerContextFactory
from tests.net.client import Connection, _Bypass

_FULL = 1 << 16


class End(Connection):
    """
    One end of a TCP connection.

    :param is_client: which side of TLS it is.
    """

    def __init__(self, address: str, *, is_client: bool) -> None:
        super().__init__(IPv4Address("TCP", address, 25))
        self._is_client = is_client
        self.gone = False

    def startTLS(self, contextFactory, normal=True) -> None:
        factory = TLSMemoryBIOFactory(contextFactory, self._is_client, None, self.turns)
        self.protocol = layer = factory.protocol(factory, self.protocol, False)
        self.getHandle = layer.getHandle
        alsoProvides(self, ISSLTransport)
        self.TLS = True
        layer.makeConnection(_BypassTLS(_Full, self))

    def write(self, data: bytes) -> None:
        super().write(data)
        if not self.TLS:
            self.press()

    def press(self) -> None:
        """Pause who writes, if there is too much to be read."""
        if self.producer is not None and len(self.value()) > _FULL:
            self.producer.pauseProducing()

    def registerProducer(self, producer, streaming) -> None:
        if self.TLS:
            self.protocol.registerProducer(producer, streaming)
        else:
            super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        if self.TLS:
            self.protocol.unregisterProducer()
        elif self.producer is not None:
            super().unregisterProducer()

    def take(self) -> bytes:
        """What was written, for the other end."""
        self.turns.advance(0)
        data = self.value()
        self.clear()
        if self.producer is not None:
            self.producer.resumeProducing()
        return data


class _Full(_Bypass):
    @staticmethod
    def write(connection: End, data: bytes) -> None:
        _Bypass.write(connection, data)
        connection.press()

    @staticmethod
    def registerProducer(connection: End, producer, streaming) -> None:
        Connection.registerProducer(connection, producer, streaming)

    @staticmethod
    def unregisterProducer(connection: End) -> None:
        Connection.unregisterProducer(connection)


class Link:
    """A connection between a client and a server."""

    def __init__(self, client: IProtocol, server: IProtocol, address: str) -> None:
        self.client = End(address, is_client=True)
        self.server = End("192.0.2.99", is_client=False)
        self.peer = server
        self.log = b""
        self.stuck = False
        for end, protocol in ((self.client, client), (self.server, server)):
            end.protocol = protocol
        server.makeConnection(self.server)
        client.makeConnection(self.client)

    def pump(self) -> bool:
        """:return: whether anything moved."""
        moved = False
        for here, there in ((self.client, self.server), (self.server, self.client)):
            if self.stuck and here is self.client:
                continue
            data = here.take()
            if data and not there.gone:
                there.protocol.dataReceived(data)
                moved = True
        return self._part() or moved

    def cut(self) -> None:
        """The connection breaks."""
        for end in (self.client, self.server):
            self._lose(end, ConnectionLost())

    def _part(self) -> bool:
        if self.client.gone or not (self.client.disconnecting or self.server.disconnecting):
            return False
        if self.client.value() or self.server.value():
            return False
        for end in (self.client, self.server):
            self._lose(end, ConnectionDone())
        return True

    @staticmethod
    def _lose(end: End, reason: Exception) -> None:
        if not end.gone:
            end.gone = True
            end.connected = False
            end.protocol.connectionLost(Failure(reason))


class World:
    """
    :ivar servers: by address: makes the server's protocol; an address that has
        none refuses connections.
    :ivar links: every connection there was.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.servers: dict[str, Callable[[], IProtocol]] = {}
        self.links: list[Link] = []

    def dial(self, address: str, port: int) -> IStreamClientEndpoint:
        return _Endpoint(self, address)

    def pump(self) -> None:
        """Carry octets until nothing moves."""
        self.clock.advance(0)
        while sum(link.pump() for link in self.links):
            self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, and what comes of it."""
        self.clock.advance(seconds)
        self.pump()

    def result(self, deferred: Deferred):
        """What a Deferred brings without time passing."""
        results = []
        deferred.addBoth(results.append)
        self.pump()
        assert results, "nothing has come of it"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]

    def raised(self, deferred: Deferred) -> Exception:
        """What a Deferred fails with, without time passing."""
        results = []
        deferred.addBoth(results.append)
        self.pump()
        assert results, "nothing has come of it"
        assert isinstance(results[0], Failure), results[0]
        return results[0].value


@implementer(IStreamClientEndpoint)
class _Endpoint:
    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._address = address

    def connect(self, protocolFactory):
        if self._address not in self._world.servers:
            return fail(ConnectError())
        client = protocolFactory.buildProtocol(None)
        self._world.links.append(Link(client, self._world.servers[self._address](), self._address))
        return succeed(client)


EHLO = b"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
Reply = bytes | Callable[["Script"], bytes | None] | None


@implementer(IHandshakeListener)
class Script(Protocol):
    """
    A server that answers by the verb.

    :param answers: what is said to a verb instead of the usual: octets, or
        what a function gives; several are said one after the other, the last
        one from then on. None says nothing. ``""`` is the greeting, ``"."``
        the end of data.
    :param tls: what STARTTLS begins TLS with.
    :ivar heard: the lines that it was told.
    :ivar messages: what came between DATA and the dot.
    :ivar server_name: whom it was asked for by SNI.
    """

    _USUAL: Mapping[str, bytes] = {
        "": b"220 mx.example.org\r\n",
        "EHLO": EHLO + b"250 STARTTLS\r\n",
        "DATA": b"354 Go on\r\n",
        "STARTTLS": b"220 2.0.0 Go on\r\n",
        "QUIT": b"221 2.0.0 Bye\r\n",
        "AUTH": b"235 2.7.0 Welcome\r\n",
    }

    def __init__(
        self,
        answers: Mapping[str, Reply | Sequence[Reply]] | None = None,
        *,
        tls: ServerContextFactory | None = None,
        implicit: bool = False,
    ) -> None:
        self._answers = {
            verb: list(answer) if isinstance(answer, list) else [answer]
            for verb, answer in (answers or {}).items()
        }
        self._tls = tls
        self._implicit = implicit
        self._buffer = b""
        self._in_data = False
        self.secure = False
        self.server_name: bytes | None = None
        self.heard: list[bytes] = []
        self.messages: list[bytes] = []
        self.lost = False
        self._parted = False

    def connectionMade(self) -> None:
        if self._implicit:
            self.transport.startTLS(self._tls)
        self.say("")

    def handshakeCompleted(self) -> None:
        self.secure = True
        self.server_name = self.transport.getHandle().get_servername()

    def connectionLost(self, reason) -> None:
        self.lost = True

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while not self._parted:
            end = b"\r\n.\r\n" if self._in_data else b"\r\n"
            text = b"\r\n" * self._in_data + self._buffer
            line, found, rest = text.partition(end)
            if not found:
                return
            self._buffer = rest
            if self._in_data:
                self._in_data = False
                self.messages.append(line[2:] + b"\r\n")
                self.say(".")
            else:
                self.heard.append(line)
                self.say(line.partition(b" ")[0].decode().upper())

    def say(self, verb: str) -> None:
        answers = self._answers.get(verb, [self._USUAL.get(verb, b"250 2.0.0 OK\r\n")])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(self)
        if answer is None:
            return
        self.transport.write(answer)
        self._in_data = verb == "DATA" and answer.startswith(b"354")
        if verb == "STARTTLS" and answer.startswith(b"220") and self._tls is not None:
            self.transport.startTLS(self._tls)
        if verb == "QUIT":
            self.transport.loseConnection()

    def cut(self) -> None:
        """Part without a word."""
        self._parted = True
        self.transport.loseConnection()

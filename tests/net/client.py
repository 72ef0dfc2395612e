"""
A client of a Twisted protocol, in memory: what goes over the wire is real,
TLS too, and a transport that is paused gives its protocol nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from OpenSSL import SSL
from twisted.internet._newtls import _BypassTLS
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    ISSLTransport,
    ITCPTransport,
    ITLSTransport,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

_REPLY = re.compile(rb"(?:([0-9]{3})-[^\r\n]*\r\n)*([0-9]{3})(?: [^\r\n]*)?\r\n")
#: What a transport reads at once.
_SEGMENT = 1 << 16
_PEER = IPv4Address("TCP", "192.0.2.1", 54321)


@implementer(ITCPTransport, ITLSTransport)
class Connection(StringTransport):
    """
    The server's end of a TCP connection, with TLS as Twisted's own transports
    have it.

    :ivar turns: where the TLS layer defers its writes to the reactor's next turn.
    :ivar writes: how often something was sent.
    """

    TLS = False
    noDelay = False
    keepAlive = False
    protocol: IProtocol

    def __init__(self, peer: IAddress) -> None:
        super().__init__(peerAddress=peer)
        self.turns = Clock()
        self.writes = 0

    def write(self, data: bytes) -> None:
        if self.TLS:
            self.protocol.write(data)
            return
        self.writes += 1
        super().write(data)

    def loseConnection(self) -> None:
        if self.TLS:
            self.protocol.loseConnection()
        else:
            super().loseConnection()

    def loseWriteConnection(self) -> None:
        raise NotImplementedError

    def abortConnection(self) -> None:
        self.disconnected = True
        StringTransport.loseConnection(self)

    def startTLS(self, contextFactory, normal=True) -> None:
        # As twisted.internet._newtls does it.
        factory = TLSMemoryBIOFactory(contextFactory, False, None, self.turns)
        self.protocol = layer = factory.protocol(factory, self.protocol, False)
        self.getHandle = layer.getHandle
        self.getPeerCertificate = layer.getPeerCertificate
        alsoProvides(self, ISSLTransport)
        self.TLS = True
        layer.makeConnection(_BypassTLS(_Bypass, self))

    def getTcpNoDelay(self) -> bool:
        return self.noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        return self.keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self.keepAlive = enabled


class _Bypass(StringTransport):
    """What the TLS layer itself writes to."""

    @staticmethod
    def write(connection: Connection, data: bytes) -> None:
        connection.writes += 1
        StringTransport.write(connection, data)

    @staticmethod
    def loseConnection(connection: Connection) -> None:
        StringTransport.loseConnection(connection)


class Client:
    """
    :param factory: makes the protocol that it connects to.
    :param implicit: what the server begins TLS with at once.
    :param context: what the client begins TLS with at once.
    :param server_name: what TLS asks for by SNI.
    :ivar protocol: the protocol, without the TLS layer.
    :ivar transport: the server's end.
    :ivar closed: whether the connection is gone.
    """

    def __init__(
        self,
        factory: IProtocolFactory,
        peer: IAddress = _PEER,
        *,
        implicit: IOpenSSLServerConnectionCreator | None = None,
        context: SSL.Context | None = None,
        server_name: bytes | None = None,
    ) -> None:
        self.transport = Connection(peer)
        self.closed = False
        self.tls: SSL.Connection | None = None
        self._received = b""
        self._to_send = b""
        if implicit is not None:
            factory = TLSMemoryBIOFactory(implicit, False, factory, self.transport.turns)
        self.transport.protocol = protocol = factory.buildProtocol(peer)
        self.protocol = protocol if implicit is None else protocol.wrappedProtocol
        protocol.makeConnection(self.transport)
        if context is not None:
            self.begin_tls(context, server_name)
        self.pump()

    def begin_tls(self, context: SSL.Context, server_name: bytes | None = None) -> None:
        """Begin a handshake, and complete it if the server can."""
        self.tls = SSL.Connection(context, None)
        if server_name is not None:
            self.tls.set_tlsext_host_name(server_name)
        self.tls.set_connect_state()
        with contextlib.suppress(SSL.WantReadError):
            self.tls.do_handshake()
        self.pump()

    def starttls(self, context: SSL.Context, server_name: bytes | None = None) -> list[str]:
        """Say STARTTLS, and make the handshake if the server agrees."""
        replies = self.say(b"STARTTLS")
        if replies[0].startswith("220"):
            self.begin_tls(context, server_name)
        return replies

    def say(self, *lines: bytes) -> list[str]:
        """Send lines in one segment; give the replies that have come since the last time."""
        self.send(b"".join(line + b"\r\n" for line in lines))
        return self.replies()

    def send(self, data: bytes) -> None:
        """Send octets in one segment."""
        if self.tls is None:
            self._to_send += data
        elif data:
            self.tls.sendall(data)
        self.pump()

    def replies(self) -> list[str]:
        """
        The replies that have come since the last time, each with all of its
        lines.

        :raise ValueError: if they are not what RFC 5321 section 4.2 wants.
        """
        self.pump()
        found = []
        position = 0
        while position < len(self._received):
            match = _REPLY.match(self._received, position)
            if match is None or match[1] not in (None, match[2]):
                raise ValueError(f"not a reply: {self._received[position:]!r}")
            found.append(match[0].decode("ascii").removesuffix("\r\n").replace("\r\n", "\n"))
            position = match.end()
        self._received = b""
        return found

    def octets(self) -> bytes:
        """What has come since the last time, as it came."""
        self.pump()
        octets, self._received = self._received, b""
        return octets

    def vanish(self) -> None:
        """The connection breaks, without a word."""
        if not self.closed:
            self._lose(ConnectionLost())

    def pump(self) -> None:
        """Carry octets both ways until nothing moves."""
        while not self.closed and (self._to_client() or self._to_server()):
            pass
        if self.transport.disconnecting and not self.closed:
            self._lose(ConnectionDone())

    def _to_client(self) -> bool:
        self.transport.turns.advance(0)
        data = self.transport.value()
        self.transport.clear()
        if self.tls is None:
            self._received += data
        elif data:
            self.tls.bio_write(data)
            self._read_tls(self.tls)
        return bool(data)

    def _read_tls(self, connection: SSL.Connection) -> None:
        try:
            while True:
                self._received += connection.recv(_SEGMENT)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            connection.shutdown()

    def _to_server(self) -> bool:
        if self.tls is not None:
            with contextlib.suppress(SSL.WantReadError):
                self._to_send += self.tls.bio_read(1 << 24)
        if self.transport.producerState != "producing" or self.transport.disconnecting:
            return False
        segment, self._to_send = self._to_send[:_SEGMENT], self._to_send[_SEGMENT:]
        if segment:
            self.transport.protocol.dataReceived(segment)
        return bool(segment)

    @property
    def unread(self) -> int:
        """How many octets the server has not read yet."""
        return len(self._to_send)

    def _lose(self, reason: Exception) -> None:
        self.closed = True
        self.transport.connected = False
        self.transport.protocol.connectionLost(Failure(reason))


def codes(replies: Sequence[str]) -> list[str]:
    """The reply codes."""
    return [reply[:3] for reply in replies]


def keywords(ehlo: str) -> dict[str, str]:
    """The keywords of an EHLO reply, with what follows them."""
    words = (line[4:].partition(" ") for line in ehlo.split("\n")[1:])
    return {keyword: arguments for keyword, _, arguments in words}

"""
Sending mail from a program: through one server, that of its account as a rule.

::

    server = MailServer("mail.example.org", credentials=Credentials("ann@example.org", password))
    sender = MailSender(server, reactor)
    outcomes = await sender.send(envelope, message)
"""

from __future__ import annotations

import email.policy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.mail.smtp import DNSNAME

from mailext.interfaces import IClientIdentitySource, IHopConnection
from mailext.message.submission import with_needs
from mailext.net.client.connector import Connector, Dial, dialler
from mailext.net.client.pool import ConnectionPool
from mailext.net.client.settings import ClientSettings, Credentials, Identification, OnRefusal, Timeouts
from mailext.net.client.verification import TrustRoots, level
from mailext.values import Envelope, HopError, Mailbox, NextHop, Outcome, TlsLevel, TlsUse

__all__ = ["MailSender", "MailServer", "Message", "Progress", "send_mail"]

#: A message: its octets in lines that end in CRLF, whole or cut anywhere; or a
#: message of the standard library.
Message = bytes | EmailMessage | Iterable[bytes]
#: Called with the octets of the message that were handed on so far.
Progress = Callable[[int], object]

_PIECE = 1 << 16
# R12, RFC 8689 section 4.3: what is asked of the hops begins with the first.
_NOT_VERIFIED = Outcome(550, "5.7.10", "REQUIRETLS needs TLS with a server that has proved its name")


class Reactor(IReactorTCP, IReactorTime):
    """What a sender needs of a reactor."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    A server that takes mail from a program.

    :param host: its DNS name, or an IP address; the certificate must be for
        this.
    :param implicit_tls: whether TLS begins with the connection (port 465), and
        not with STARTTLS.
    :param use: what is made of TLS. Without credentials, and for a server on
        the same host, less than ``VERIFIED`` may do.
    :param credentials: what to log in with; None: no login.
    :param identities: what to say with CLIENTID before the login; None:
        nothing.
    :param on_refusal: what to do where the server does not take that.
    """

    host: str
    port: int = 587
    implicit_tls: bool = False
    use: TlsUse = TlsUse.VERIFIED
    credentials: Credentials | None = None
    identities: IClientIdentitySource | None = None
    on_refusal: OnRefusal = OnRefusal.GO_ON


class MailSender:
    """
    Sends messages through one server, and keeps connections for the next.

    :param reactor: makes connections and measures time.
    :param name: what the program calls itself in EHLO.
    :param roots: the authorities that are trusted; None: those of the system.
    :param discard: keywords of the server, upper case, of which no use is
        made: ``frozenset({"CHUNKING"})`` sends by DATA, not BDAT.
    :param dial: makes endpoints, for example through a proxy; None: those of
        TCP.
    """

    def __init__(
        self,
        server: MailServer,
        reactor: Reactor,
        name: str = DNSNAME.decode("ascii"),
        *,
        roots: TrustRoots | None = None,
        timeouts: Timeouts | None = None,
        discard: frozenset[str] = frozenset(),
        dial: Dial | None = None,
    ) -> None:
        timeouts = timeouts or Timeouts()
        self._server = server
        self._hop = NextHop(
            server.host,
            server.port,
            implicit_tls=server.implicit_tls,
            authenticate=server.credentials is not None,
        )
        settings = ClientSettings(
            name,
            timeouts=timeouts,
            discard=discard,
            credentials=server.credentials,
            identification=_identification(server),
        )
        connector = Connector(
            dial or dialler(reactor, timeouts.connect), settings, roots or TrustRoots(), reactor
        )
        self._pool = ConnectionPool(connector, reactor)

    def send(
        self, envelope: Envelope, message: Message, progress: Progress | None = None
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        Send one message.

        :param envelope: whom it is for; its ``options`` and those of its
            recipients ask for REQUIRETLS and for delivery status
            notifications. What the message itself tells (size, 8-bit content)
            is added where it is not there.
        :return: a Deferred of one outcome for each recipient. It fails with a
            ``HopError`` if the server could not be reached or would not have
            us. Cancelling it stops the message, unless its end has been sent.
        """
        return Deferred.fromCoroutine(self._send(envelope, message, progress))

    def close(self) -> Deferred[None]:
        """:return: a Deferred that fires when the connections that were kept are gone."""
        return self._pool.close()

    async def _send(
        self, envelope: Envelope, message: Message, progress: Progress | None
    ) -> Mapping[Mailbox, Outcome]:
        envelope, content = _prepared(envelope, message)

        def satisfies(connection: IHopConnection) -> bool:
            is_verified = level(connection.evidence) is TlsLevel.AUTHENTICATED
            return is_verified or not envelope.options.requiretls

        connection = await self._pool.connect(self._hop, self._server.use, satisfies)
        try:
            if not satisfies(connection):
                raise HopError(_NOT_VERIFIED)
            return await connection.send(envelope, _counted(content, progress))
        finally:
            connection.release()


def send_mail(
    server: MailServer,
    reactor: Reactor,
    envelope: Envelope,
    message: Message,
    progress: Progress | None = None,
) -> Deferred[Mapping[Mailbox, Outcome]]:
    """
    Send one message and part; as :meth:`MailSender.send` does.
    """
    sender = MailSender(server, reactor)

    async def send() -> Mapping[Mailbox, Outcome]:
        try:
            return await sender.send(envelope, message, progress)
        finally:
            await sender.close()

    return Deferred.fromCoroutine(send())


def _identification(server: MailServer) -> Identification | None:
    if server.credentials is None or server.identities is None:
        return None
    identity = server.identities.identityFor(server.credentials.username, server.host)
    return Identification(identity, server.on_refusal)


def _prepared(envelope: Envelope, message: Message) -> tuple[Envelope, Iterable[bytes]]:
    """The envelope with what the message tells, and the message as octets."""
    envelope = with_needs(envelope, b"")
    if isinstance(message, EmailMessage):
        policy = email.policy.SMTPUTF8 if envelope.options.smtputf8 else email.policy.SMTP
        message = message.as_bytes(policy=policy.clone(cte_type="7bit"))
    if not isinstance(message, bytes):
        return envelope, message
    envelope = with_needs(envelope, message)
    return replace(envelope, options=replace(envelope.options, size=len(message))), _pieces(message)


def _pieces(octets: bytes) -> Iterator[bytes]:
    for begin in range(0, len(octets), _PIECE):
        yield octets[begin : begin + _PIECE]


def _counted(content: Iterable[bytes], progress: Progress | None) -> Iterator[bytes]:
    count = 0
    for piece in content:
        yield piece
        count += len(piece)
        if progress is not None:
            progress(count)

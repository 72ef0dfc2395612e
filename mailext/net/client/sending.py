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
from mailext.net.client.pool import ConnectionPool, PoolSettings
from mailext.net.client.settings import ClientSettings, Credentials, Identification, OnRefusal, Timeouts
from mailext.net.client.verification import TrustRoots, level
from mailext.values import (
    Envelope,
    HopError,
    Mailbox,
    NextHop,
    Outcome,
    Recipient,
    TlsEvidence,
    TlsLevel,
    TlsUse,
)
from mailext.wire.client_limits import is_beyond_limits

__all__ = ["MailSender", "MailServer", "Message", "ProgressListener", "send_mail"]

#: A message: its octets in lines that end in CRLF, whole or cut anywhere; or a
#: message of the standard library.
Message = bytes | EmailMessage | Iterable[bytes]
#: Called with the octets of the message that were handed on so far; from the
#: beginning again where the server takes so many recipients in another
#: transaction only.
ProgressListener = Callable[[int], object]

_PIECE = 1 << 16
# R12, RFC 8689 section 4.3: what is asked of the hops begins with the first.
_NOT_VERIFIED = Outcome(
    550, "5.7.10", "REQUIRETLS needs TLS that is strong, with a server that has proved its name"
)


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
    :param pool: how many connections there are at a time, how long they are
        kept, and how fast messages follow each other.
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
        pool: PoolSettings | None = None,
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
        self._pool = ConnectionPool(connector, reactor, pool)

    def send(
        self, envelope: Envelope, message: Message, progress: ProgressListener | None = None
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        """
        Send one message.

        :param envelope: whom it is for; its ``options`` and those of its
            recipients ask for REQUIRETLS and for delivery status
            notifications. What the message itself tells (size, 8-bit content)
            is added where it is not there. Recipients that the server does not
            take at once (RFC 9422) are sent the message again, on its own, if
            the message can be iterated over more than once; a file cannot, and
            they have an outcome of 452 4.5.3.
        :return: a Deferred of one outcome for each recipient. It fails with a
            ``HopError`` if the server could not be reached or would not have
            us, and with a ``ValueError`` if there is no recipient, or one is
            there twice. Cancelling it stops the message, unless its end has
            been sent.
        """
        return Deferred.fromCoroutine(self._send(envelope, message, progress))

    def close(self) -> Deferred[None]:
        """:return: a Deferred that fires when the connections that were kept are gone."""
        return self._pool.close()

    async def _send(
        self, envelope: Envelope, message: Message, progress: ProgressListener | None
    ) -> Mapping[Mailbox, Outcome]:
        envelope, content = _prepared(envelope, message)
        outcomes = dict(await self._transact(envelope, content, progress))
        while left := _left_over(envelope, outcomes):
            if len(left) == len(envelope.recipients) or isinstance(content, Iterator):
                break
            envelope = replace(envelope, recipients=left)
            try:
                outcomes |= await self._transact(envelope, content, progress)
            except HopError as error:
                # What became of the others stays.
                outcomes |= {recipient.address: error.outcome for recipient in left}
        return outcomes

    async def _transact(
        self, envelope: Envelope, content: Iterable[bytes], progress: ProgressListener | None
    ) -> Mapping[Mailbox, Outcome]:
        def satisfies(connection: IHopConnection) -> bool:
            return not envelope.options.requiretls or _keeps_promise(connection.evidence)

        connection = await self._pool.connect(self._hop, self._server.use, satisfies)
        try:
            if not satisfies(connection):
                raise HopError(_NOT_VERIFIED)
            return await connection.send(envelope, _counted(content, progress) if progress else content)
        finally:
            connection.release()


def send_mail(
    server: MailServer,
    reactor: Reactor,
    envelope: Envelope,
    message: Message,
    progress: ProgressListener | None = None,
    *,
    roots: TrustRoots | None = None,
) -> Deferred[Mapping[Mailbox, Outcome]]:
    """
    Send one message and part; as :meth:`MailSender.send` does.

    :param roots: the authorities that are trusted; None: those of the system.
    """
    sender = MailSender(server, reactor, roots=roots)

    async def send() -> Mapping[Mailbox, Outcome]:
        try:
            return await sender.send(envelope, message, progress)
        finally:
            await sender.close()

    return Deferred.fromCoroutine(send())


def _keeps_promise(evidence: TlsEvidence | None) -> bool:
    # R11, R13, RFC 8689 section 4.2.1.
    return evidence is not None and evidence.strong and level(evidence) is TlsLevel.AUTHENTICATED


def _identification(server: MailServer) -> Identification | None:
    if server.credentials is None or server.identities is None:
        return None
    identity = server.identities.identityFor(server.credentials.username, server.host)
    return Identification(identity, server.on_refusal)


def _prepared(envelope: Envelope, message: Message) -> tuple[Envelope, Iterable[bytes]]:
    """The envelope with what the message tells, and the message as octets."""
    if isinstance(message, EmailMessage):
        envelope = with_needs(envelope, b"")
        policy = email.policy.SMTPUTF8 if envelope.options.smtputf8 else email.policy.SMTP
        message = message.as_bytes(policy=policy.clone(cte_type="7bit"))
    if not isinstance(message, bytes):
        return with_needs(envelope, b""), message
    envelope = with_needs(envelope, message)
    envelope = replace(envelope, options=replace(envelope.options, size=len(message)))
    return envelope, (message,) if len(message) <= _PIECE else _Pieces(message)


class _Pieces:
    """A message in pieces, as often as they are asked for."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def __iter__(self) -> Iterator[bytes]:
        for begin in range(0, len(self._octets), _PIECE):
            yield self._octets[begin : begin + _PIECE]


def _counted(content: Iterable[bytes], progress: ProgressListener) -> Iterator[bytes]:
    count = 0
    for piece in content:
        yield piece
        count += len(piece)
        progress(count)


def _left_over(envelope: Envelope, outcomes: Mapping[Mailbox, Outcome]) -> tuple[Recipient, ...]:
    """The recipients that want another transaction."""
    return tuple(
        recipient for recipient in envelope.recipients if is_beyond_limits(outcomes[recipient.address])
    )

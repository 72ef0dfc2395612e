"""A site in memory: what its objects are told is written down, what they answer is given to them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from OpenSSL import SSL
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory, IMessageSMTP
from twisted.mail.smtp import Address, User
from zope.interface import implementer

from mailext import ESMTP, SMTPFactory
from mailext.clientid.login import LoginJudge, RejectAt
from mailext.interfaces import IClientIdentityChecker, IDelivery, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.net.settings import ListenerSettings
from mailext.values import Envelope, Mailbox, Outcome, Protocol
from tests.net.client import Client

EHLO = b"EHLO client.example"
LHLO = b"LHLO client.example"
MAIL = b"MAIL FROM:<sender@client.example>"
RCPT = b"RCPT TO:<bob@example.org>"
#: What opens a message, said in one segment.
OPEN = (EHLO, MAIL, RCPT, b"DATA")
USERS = {"ann": b"secret", "bob": b"hunter2"}
CHALLENGERS = {b"PLAIN": PLAINCredentials, b"LOGIN": LOGINCredentials}


def plain(name: str, password: bytes, authorization: str = "") -> bytes:
    """AUTH PLAIN with an initial response."""
    return b"AUTH PLAIN " + base64.b64encode(b"\0".join((authorization.encode(), name.encode(), password)))


ANN = plain("ann", USERS["ann"])


@implementer(IMessageSMTP)
class Message:
    """
    :param at_line: called with each line.
    :param at_end: called at the end; gives what ``eomReceived`` returns.
    :ivar lines: the lines it was given.
    :ivar ends: ``complete`` and ``lost``, as it was told.
    """

    def __init__(
        self,
        at_line: Callable[[bytes], object] = lambda line: None,
        at_end: Callable[[], object] = lambda: succeed(None),
    ) -> None:
        self.lines: list[bytes] = []
        self.ends: list[str] = []
        self._at_line = at_line
        self._at_end = at_end

    def lineReceived(self, line: bytes) -> None:
        self._at_line(line)
        self.lines.append(line)

    def eomReceived(self) -> object:
        self.ends.append("complete")
        return self._at_end()

    def connectionLost(self) -> None:
        self.ends.append("lost")


@implementer(IMessageDelivery)
class Delivery:
    """
    A site's delivery object.

    :param sender: answers ``validateFrom``; the sender's address if not given.
    :param recipient: answers ``validateTo``; a new message if not given.
    :ivar calls: every call: the name of the method and its arguments.
    :ivar messages: the messages that were begun.
    """

    def __init__(
        self,
        sender: Callable[[Address], object] = lambda origin: origin,
        recipient: Callable[[User], object] | None = None,
        received: Callable[[Sequence[User]], bytes | None] = lambda recipients: b"Received: by the.site",
        message: Callable[[], Message] = Message,
    ) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.messages: list[Message] = []
        self._sender = sender
        self._recipient = recipient or (lambda user: self.begin)
        self._received = received
        self._message = message

    def begin(self) -> Message:
        self.messages.append(self._message())
        return self.messages[-1]

    def validateFrom(self, helo, origin):
        self.calls.append(("validateFrom", helo, bytes(origin)))
        return self._sender(origin)

    def validateTo(self, user):
        self.calls.append(("validateTo", bytes(user.dest)))
        return self._recipient(user)

    def receivedHeader(self, helo, origin, recipients):
        self.calls.append(("receivedHeader", helo, bytes(origin), [bytes(user.dest) for user in recipients]))
        return self._received(recipients)

    def names(self) -> list[object]:
        """The names of the methods that were called."""
        return [call[0] for call in self.calls]


@implementer(IEnvelopeAwareDelivery)
class AwareDelivery(Delivery):
    """One that wants to know the parameters, and the TLS demand."""

    def beginTransaction(self, options, session):
        self.calls.append(("beginTransaction", options, session))

    def recipientOptions(self, recipient, options):
        self.calls.append(("recipientOptions", recipient, options))

    def messageTagged(self, demand):
        self.calls.append(("messageTagged", demand))


@implementer(IDelivery)
class TargetDelivery:
    """
    One message on its way into a target.

    :param commit: answers ``commit``; success for every recipient if not given.
    :param write: answers ``write``.
    :ivar ends: ``commit`` and ``abort``, as it was told.
    """

    def __init__(
        self,
        envelope: Envelope,
        headers: bytes,
        commit: Callable[[Envelope], Deferred[Mapping[Mailbox, Outcome]]] | None = None,
        write: Callable[[bytes], Deferred[None] | None] = lambda data: None,
    ) -> None:
        self.envelope = envelope
        self.headers = headers
        self.body = b""
        self.ends: list[str] = []
        self._commit = commit or all_well
        self._write = write

    def write(self, data: bytes) -> Deferred[None] | None:
        answer = self._write(data)
        self.body += data
        return answer

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        self.ends.append("commit")
        return self._commit(self.envelope)

    def abort(self) -> None:
        self.ends.append("abort")


def all_well(envelope: Envelope) -> Deferred[Mapping[Mailbox, Outcome]]:
    outcome = Outcome(250, "2.0.0", "Ok: queued as ABC")
    return succeed({recipient.address: outcome for recipient in envelope.recipients})


@implementer(IDeliveryTarget)
class TargetSite(AwareDelivery):
    """
    A delivery object that takes whole messages.

    :param start: answers ``startDelivery``, given envelope and headers.
    :ivar deliveries: what was begun.
    """

    def __init__(self, start: Callable[[Envelope, bytes], object] = TargetDelivery, **hooks: object) -> None:
        super().__init__(**hooks)
        self.deliveries: list[TargetDelivery] = []
        self._start = start

    def startDelivery(self, envelope, headers):
        self.calls.append(("startDelivery", envelope, headers))
        started = self._start(envelope, bytes(headers))
        if isinstance(started, Deferred):
            return started.addCallback(self._started)
        return self._started(started)

    def _started(self, delivery: TargetDelivery) -> TargetDelivery:
        self.deliveries.append(delivery)
        return delivery


@implementer(IMessageDeliveryFactory)
class DeliveryFactory:
    """:param make: makes a delivery object for each transaction."""

    def __init__(self, make: Callable[[], Delivery]) -> None:
        self.getMessageDelivery = make


@implementer(IRealm)
class Realm:
    """
    :param avatar: what everybody is given, or what makes it.
    :ivar asked: whose avatars were asked for.
    :ivar logged_out: whose were given back.
    """

    def __init__(self, avatar: object) -> None:
        self.asked: list[object] = []
        self.logged_out: list[object] = []
        self._avatar = avatar

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.asked.append(avatarId)
        avatar = self._avatar() if callable(self._avatar) else self._avatar
        interface = next(each for each in interfaces if each.providedBy(avatar))
        return interface, avatar, lambda: self.logged_out.append(avatarId)


@dataclass
class Server:
    """
    A factory, its clock, and how to connect to it.

    :param context: a client's TLS context.
    """

    factory: SMTPFactory
    clock: Clock
    settings: ListenerSettings
    context: SSL.Context | None = None
    clients: list[Client] = field(default_factory=list)

    def connect(self, address: str = "192.0.2.1") -> Client:
        """A client in clear."""
        client = Client(self.factory, IPv4Address("TCP", address, 54321))
        self.clients.append(client)
        return client

    def connect_tls(self, server_name: bytes | None = None) -> Client:
        """A client under TLS from the first octet."""
        client = Client(
            self.factory, implicit=self.settings.tls, context=self.context, server_name=server_name
        )
        self.clients.append(client)
        return client

    def greeted(self, *lines: bytes) -> Client:
        """A client in clear that has said EHLO and these lines."""
        return _greeted(self.connect(), lines)

    def greeted_tls(self, *lines: bytes) -> Client:
        """A client under TLS that has said EHLO and these lines."""
        return _greeted(self.connect_tls(), lines)

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)
        for client in self.clients:
            client.pump()


def _greeted(client: Client, lines: Sequence[bytes]) -> Client:
    client.say(EHLO, *lines)
    return client


def serve(
    delivery: object = None,
    *,
    portal: Portal | None = None,
    context: SSL.Context | None = None,
    kind: type[ESMTP] = ESMTP,
    checkers: Sequence[IClientIdentityChecker] = (),
    reject_at: RejectAt = RejectAt.AUTH,
    **settings: object,
) -> Server:
    """
    A server.

    :param delivery: what everybody is given who comes, with a name or without.
    :param portal: takes the place of one that knows ``USERS`` and nobody.
    :param kind: the protocol of its connections.
    :param checkers: judge the logins.
    :param settings: those of its listener.
    """
    if portal is None:
        everybody = [AllowAnonymousAccess(), InMemoryUsernamePasswordDatabaseDontUse(**USERS)]
        portal = Portal(Realm(delivery if delivery is not None else Delivery()), everybody)
    clock = Clock()
    judge = LoginJudge(checkers, clock, 10.0, reject_at)
    defaults = {"hostname": "mx.example.org", "challengers": CHALLENGERS, "login": judge}
    listener = ListenerSettings(**{**defaults, **settings})
    factory = SMTPFactory(portal, listener, clock=clock)
    factory.protocol = kind
    return Server(factory, clock, listener, context)


def serve_lmtp(delivery: object, **settings: object) -> Server:
    """A server of LMTP."""
    return serve(delivery, protocol=Protocol.LMTP, **settings)

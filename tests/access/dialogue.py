"""A listener in memory, and a client that says octets to it."""

from __future__ import annotations

from pathlib import Path

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import ISSLTransport, ITLSTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.mail import imap4, pop3
from zope.interface import alsoProvides

from mailext.access.avatars import accounts, maildrops
from mailext.access.factory import AccessFactory
from mailext.access.imap import IMAP4
from mailext.access.pop3 import POP3
from mailext.access.settings import AccessSettings
from mailext.access.store import Mailboxes
from mailext.accounts.addresses import AddressBook
from mailext.accounts.sasl import LoginMechanism, PlainMechanism
from mailext.clientid.login import LoginJudge
from mailext.counts import ConnectionCounts
from mailext.delivery.realm import MailRealm
from mailext.interfaces import IClientIdentityChecker
from mailext.values import Mailbox

ANN = Mailbox("ann", "example.org")
PASSWORD = b"secret"


def at_once(function, /, *args, **kwargs) -> Deferred:
    """In place of threads."""
    return maybeDeferred(function, *args, **kwargs)


class Transport(StringTransportWithDisconnection):
    """
    :param encrypted: whether the connection is under TLS.
    """

    def __init__(self, *, encrypted: bool) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.1", 4711))
        self.tls_began = False
        alsoProvides(self, ITLSTransport)
        if encrypted:
            alsoProvides(self, ISSLTransport)

    def startTLS(self, contextFactory, normal=True):
        self.tls_began = True

    # Nothing is ever full here; a test that wants it otherwise calls the producer.
    def registerProducer(self, producer, streaming):
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None


class Client:
    """
    :ivar ended: whether the server has ended the connection.
    """

    def __init__(self, factory: AccessFactory, *, encrypted: bool) -> None:
        self.transport = Transport(encrypted=encrypted)
        self.protocol = factory.buildProtocol(self.transport.getPeer())
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        if encrypted:
            self.protocol.handshakeCompleted()
        self.greeting = self.heard()

    def heard(self) -> list[bytes]:
        """The lines that have come since it was last asked."""
        lines = self.transport.value().split(b"\r\n")[:-1]
        self.transport.clear()
        return lines

    def say(self, *lines: bytes) -> list[bytes]:
        """Send lines in one go; give what comes back."""
        return self.send(b"".join(line + b"\r\n" for line in lines))

    def send(self, octets: bytes) -> list[bytes]:
        """Send octets; give what comes back."""
        self.protocol.dataReceived(octets)
        return self.heard()

    @property
    def ended(self) -> bool:
        return not self.transport.connected

    def leave(self) -> None:
        """The connection is lost."""
        if self.transport.connected:
            self.transport.loseConnection()


class Site:
    """
    Mailboxes in a folder, and listeners that give access to them.

    :param folder: that of all Maildirs.
    """

    def __init__(self, folder: Path, *checkers: IClientIdentityChecker) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.folder = folder
        self._names = iter(f"{1_700_000_000 + number}.M{number}.host" for number in range(100_000))
        self.mailboxes = Mailboxes(
            lambda account: folder / account.domain / account.local_part, self.name, at_once, self.clock
        )
        self.checkers = checkers
        self.counts = ConnectionCounts()

    def name(self) -> str:
        """A unique name."""
        return next(self._names)

    @property
    def maildir(self) -> Path:
        return self.folder / ANN.domain / ANN.local_part

    def deliver(self, content: bytes) -> str:
        """Put a message into ann's mailbox, as a delivery does; give the base of its file's name."""
        for name in ("tmp", "new", "cur"):
            (self.maildir / name).mkdir(parents=True, exist_ok=True)
        base = f"{self.name()},S={len(content)}"
        (self.maildir / "new" / base).write_bytes(content)
        self.mailboxes.arrived(ANN)
        return base

    def factory(
        self, kind: type, *, passwords: ICredentialsChecker | None = None, **settings: object
    ) -> AccessFactory:
        """:param settings: of :class:`AccessSettings`, where they are to be others."""
        book = AddressBook(["example.org"], ["ann@example.org"])
        realm = MailRealm(
            lambda: book,
            {imap4.IAccount: accounts(self.mailboxes), pop3.IMailbox: maildrops(self.mailboxes)},
        )
        checker = passwords or InMemoryUsernamePasswordDatabaseDontUse(ann=PASSWORD)
        made = {
            "name": "imap",
            "hostname": "mx.example.org",
            "in_thread": at_once,
            "login": LoginJudge(self.checkers, self.clock, 10.0),
            "challengers": {"PLAIN": PlainMechanism, "LOGIN": LoginMechanism},
        }
        return AccessFactory(
            kind, Portal(realm, [checker]), AccessSettings(**{**made, **settings}), self.clock, self.counts
        )

    def imap(self, *, encrypted: bool = True, **settings: object) -> Client:
        """A client that is not logged in."""
        return Client(self.factory(IMAP4, **settings), encrypted=encrypted)

    def reader(self, *lines: bytes, **settings: object) -> Client:
        """A client that has logged in and said these lines."""
        client = self.imap(**settings)
        client.say(b"l LOGIN ann secret", *lines)
        return client

    def pop3(self, *, encrypted: bool = True, **settings: object) -> Client:
        """A client that is not logged in."""
        return Client(self.factory(POP3, **settings), encrypted=encrypted)

    def collector(self, **settings: object) -> Client:
        """A client that has logged in."""
        client = self.pop3(**settings)
        client.say(b"USER ann", b"PASS secret")
        return client

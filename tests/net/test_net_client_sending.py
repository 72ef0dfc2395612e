"""A program sends mail: through our own server, with everything it has."""

from __future__ import annotations

import io
import uuid
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.mail.smtp import SMTPConnectError, SMTPDeliveryError
from twisted.python.failure import Failure

from mailext import Credentials, ESMTPSenderFactory, FileIdentitySource, MailSender, MailServer
from mailext.net.client.settings import OnRefusal
from mailext.net.client.verification import TrustRoots
from mailext.values import (
    Envelope,
    HopError,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    RcptOptions,
    Recipient,
    Ret,
    TlsDemand,
    TlsFailedError,
    TlsUse,
)
from tests.net.conftest import Pki
from tests.net.site import Server, TargetDelivery, TargetSite, serve
from tests.net.world import EHLO, Link, Script, World

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
EVE = Mailbox("eve", "example.org")
ENVELOPE = Envelope(ANN, (Recipient(BOB), Recipient(EVE)))
STRICT = Envelope(ANN, (Recipient(BOB),), MailOptions(requiretls=True))
MESSAGE = b"Subject: x\r\n\r\n.dot\r\n..\r\nend"
ACCOUNT = Credentials("ann", "secret")


@pytest.fixture
def roots(pki: Pki) -> TrustRoots:
    file = pki.folder / "roots.pem"
    pki.authority.cert_pem.write_to_path(str(file))
    return TrustRoots(file)


class Program:
    """A program, and our own server in the same world."""

    def __init__(self, pki: Pki, roots: TrustRoots, folder: Path) -> None:
        self.world = World()
        self.site = TargetSite()
        self.roots = roots
        self.folder = folder
        self.server: Server = serve(self.site, tls=pki.server)
        self.world.servers["mx.example.org"] = lambda: self.server.factory.buildProtocol(None)

    def sender(self, server: MailServer | None = None, **settings: object) -> MailSender:
        server = server or MailServer("mx.example.org", credentials=ACCOUNT)
        return MailSender(
            server, self.world.clock, "client.example.org", roots=self.roots, dial=self.world.dial, **settings
        )

    def send(self, envelope: Envelope, message: object, server: MailServer | None = None, **settings: object):
        return self.world.result(self.sender(server, **settings).send(envelope, message))

    @property
    def deliveries(self) -> list[TargetDelivery]:
        return self.site.deliveries


@pytest.fixture
def program(pki: Pki, roots: TrustRoots, tmp_path: Path) -> Program:
    return Program(pki, roots, tmp_path)


@pytest.mark.parametrize(
    "discard", [frozenset(), frozenset({"CHUNKING"}), frozenset({"CHUNKING", "PIPELINING"})]
)
def test_a_message(program: Program, discard: frozenset[str]) -> None:
    outcomes = program.send(ENVELOPE, MESSAGE, discard=discard)
    assert outcomes == {
        address: Outcome(250, "2.0.0", "Ok: queued as ABC", "mx.example.org") for address in (BOB, EVE)
    }
    (delivery,) = program.deliveries
    assert delivery.body == b".dot\r\n..\r\nend\r\n"
    assert delivery.envelope.options.size == len(MESSAGE)


@pytest.mark.requirement("C7", "C8", "C10", "C11", "R2", "R16")
def test_everything_at_once(program: Program) -> None:
    source = FileIdentitySource(program.folder / "identities")
    server = MailServer("mx.example.org", credentials=ACCOUNT, identities=source, on_refusal=OnRefusal.STOP)
    options = MailOptions(requiretls=True, ret=Ret.HDRS, envid="QQ 314+")
    recipient = Recipient(
        BOB, RcptOptions(frozenset({Notify.SUCCESS, Notify.FAILURE}), "rfc822;bob+x=y@example.org")
    )
    program.send(Envelope(ANN, (recipient,), options), MESSAGE, server)
    (delivery,) = program.deliveries
    assert delivery.envelope.tls_demand is TlsDemand.REQUIRE
    (begun,) = [call for call in program.site.calls if call[0] == "beginTransaction"]
    session = begun[2]
    assert session.avatar_id == "ann"
    assert session.identity == source.identityFor("ann", "mx.example.org")
    uuid.UUID(session.identity.token)


def test_the_standard_librarys_message(program: Program) -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"], message["To"] = "ann@example.org", "bob@example.org"
    message.set_content("Schöne Grüße\n.\n")
    program.send(ENVELOPE, message)
    (delivery,) = program.deliveries
    assert b"Subject: =?utf-8?" in delivery.headers
    assert delivery.body.isascii()


def test_content_of_eight_bits_is_said_to_be(program: Program) -> None:
    program.send(ENVELOPE, "Subject: x\r\n\r\nGrüße\r\n".encode())
    assert program.deliveries[0].envelope.options.body == "8BITMIME"


def test_addresses_beyond_ascii(program: Program) -> None:
    program.send(Envelope(ANN, (Recipient(Mailbox("jörg", "example.org")),)), [MESSAGE])
    assert program.deliveries[0].envelope.options.smtputf8


def test_a_file(program: Program) -> None:
    program.send(ENVELOPE, io.BytesIO(MESSAGE))
    assert program.deliveries[0].body.endswith(b"end\r\n")


def test_progress(program: Program) -> None:
    told: list[int] = []
    message = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 20000
    program.world.result(program.sender().send(ENVELOPE, message, told.append))
    assert told == sorted(told)
    assert told[-1] == len(message)
    assert len(told) > 2


def test_connections_are_kept_for_the_next(program: Program) -> None:
    sender = program.sender()
    for _ in range(3):
        program.world.result(sender.send(ENVELOPE, MESSAGE))
    assert len(program.world.links) == 1
    assert len(program.deliveries) == 3
    program.world.result(sender.close())
    assert program.world.links[0].client.gone
    assert program.world.clock.getDelayedCalls() == []


def test_cancelling(program: Program) -> None:
    sender = program.sender()
    sending = sender.send(ENVELOPE, MESSAGE)
    sending.cancel()
    assert isinstance(program.world.raised(sending), CancelledError)
    assert program.deliveries == []
    assert program.world.links[0].client.gone


def test_a_password_that_is_wrong(program: Program) -> None:
    server = MailServer("mx.example.org", credentials=Credentials("ann", "wrong"))
    sending = program.sender(server).send(ENVELOPE, MESSAGE)
    program.world.pump()
    program.server.advance(1)
    error = program.world.raised(sending)
    assert isinstance(error, HopError)
    assert error.outcome.code == 535


def scripted(
    program: Program, clear: bytes, *, tls: CertificateOptions | None = None, **answers: object
) -> list[Script]:
    scripts: list[Script] = []

    def build() -> Script:
        scripts.append(Script({"EHLO": clear, **answers}, tls=tls))
        return scripts[-1]

    program.world.servers["mx.example.org"] = build
    return scripts


@pytest.mark.requirement("R2", "R11")
def test_requiretls_goes_to_a_verified_server_alone(program: Program) -> None:
    scripts = scripted(program, EHLO + b"250-REQUIRETLS\r\n250 HELP\r\n")
    server = MailServer("mx.example.org", use=TlsUse.WHERE_OFFERED)
    error = program.world.raised(program.sender(server).send(STRICT, MESSAGE))
    assert error.outcome.enhanced == "5.7.10"
    assert not any(line.startswith(b"MAIL") for line in scripts[0].heard)
    program.send(ENVELOPE, MESSAGE, server)
    assert scripts[-1].messages


@pytest.mark.requirement("R13")
def test_requiretls_goes_over_strong_tls_alone(pki: Pki, program: Program) -> None:
    # No authenticated encryption: BCP 195 wants better.
    leaf = pki.authority.issue_cert("mx.example.org")
    context = CertificateOptions(
        privateKey=load_pem_private_key(leaf.private_key_pem.bytes(), password=None),
        certificate=load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()),
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString("ECDHE-ECDSA-AES256-SHA"),
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        lowerMaximumSecurityTo=TLSVersion.TLSv1_2,
    )
    scripts = scripted(program, EHLO + b"250-REQUIRETLS\r\n250 STARTTLS\r\n", tls=context)
    server = MailServer("mx.example.org", use=TlsUse.WHERE_OFFERED)
    error = program.world.raised(program.sender(server).send(STRICT, MESSAGE))
    assert error.outcome.enhanced == "5.7.10"
    assert scripts[0].secure
    assert not any(line.startswith(b"MAIL") for line in scripts[0].heard)
    program.send(ENVELOPE, MESSAGE, server)
    assert scripts[-1].messages


def test_without_tls_nothing_is_sent(program: Program) -> None:
    scripts = scripted(program, EHLO + b"250 AUTH PLAIN\r\n")
    error = program.world.raised(program.sender().send(ENVELOPE, MESSAGE))
    assert isinstance(error, TlsFailedError)
    assert [line.split()[0] for line in scripts[0].heard] == [b"EHLO", b"QUIT"]


# The face of twisted.mail.smtp.ESMTPSenderFactory


class Connector:
    """What ``reactor.connectTCP`` gives, in memory."""

    def __init__(self, world: World, factory: ESMTPSenderFactory) -> None:
        self.world = world
        self.factory = factory
        self.attempts = 0
        self.connect()

    def getDestination(self):
        return IPv4Address("TCP", "mx.example.org", 25)

    def connect(self) -> None:
        self.attempts += 1
        self.factory.startedConnecting(self)
        if "mx.example.org" not in self.world.servers:
            self.factory.clientConnectionFailed(self, Failure(ConnectError()))
            return
        client = self.factory.buildProtocol(None)
        self.world.links.append(Link(client, self.world.servers["mx.example.org"](), "192.0.2.1"))
        lost = client.connectionLost

        def connectionLost(reason: Failure) -> None:
            lost(reason)
            self.factory.clientConnectionLost(self, Failure(ConnectionDone()))

        client.connectionLost = connectionLost


def factory(program: Program, done: Deferred, *args: object, **settings: object) -> ESMTPSenderFactory:
    return ESMTPSenderFactory(
        "ann",
        "secret",
        "ann@example.org",
        ["bob@example.org", b"eve@example.org"],
        io.BytesIO(b"Subject: x\n\nline\r\n.\nend"),
        done,
        *args,
        contextFactory=program.roots,
        clock=program.world.clock,
        **settings,
    )


def test_the_stock_face(program: Program) -> None:
    done: Deferred = Deferred()
    Connector(program.world, factory(program, done, options=MailOptions(requiretls=True)))
    count, addresses = program.world.result(done)
    assert count == 2
    assert addresses[0] == (b"bob@example.org", 250, b"2.0.0 Ok: queued as ABC")
    (delivery,) = program.deliveries
    assert delivery.body == b"line\r\n.\r\nend\r\n"
    assert delivery.envelope.tls_demand is TlsDemand.REQUIRE
    assert program.world.links[0].client.gone
    assert program.world.clock.getDelayedCalls() == []


def test_a_message_that_is_refused(program: Program) -> None:
    scripted(program, EHLO + b"250 AUTH PLAIN\r\n", RCPT=b"550 5.1.1 No such mailbox\r\n", DATA=b"503 x\r\n")
    done: Deferred = Deferred()
    settings = {"requireAuthentication": False, "requireTransportSecurity": False}
    stock = ESMTPSenderFactory(
        None, None, "", b"bob@example.org", io.BytesIO(b"x"), done, clock=program.world.clock, **settings
    )
    Connector(program.world, stock)
    error = program.world.raised(done)
    assert isinstance(error, SMTPDeliveryError)
    assert error.code == 550
    assert error.addresses == [(b"bob@example.org", 550, b"5.1.1 No such mailbox")]


def test_who_is_named_twice_gets_it_once(program: Program) -> None:
    scripts = scripted(program, EHLO + b"250 AUTH PLAIN\r\n")
    done: Deferred = Deferred()
    stock = ESMTPSenderFactory(
        None,
        None,
        "ann@example.org",
        ["bob@example.org", b"bob@example.org"],
        io.BytesIO(b"x"),
        done,
        clock=program.world.clock,
        requireAuthentication=False,
        requireTransportSecurity=False,
    )
    Connector(program.world, stock)
    assert program.world.result(done) == (1, [(b"bob@example.org", 250, b"2.0.0 OK")])
    assert sum(line.startswith(b"RCPT") for line in scripts[0].heard) == 1


def test_a_loss_behind_the_message_is_no_reason_to_send_it_again(program: Program) -> None:
    scripts = scripted(program, EHLO + b"250 AUTH PLAIN\r\n", **{".": lambda script: script.cut()})
    done: Deferred = Deferred()
    stock = ESMTPSenderFactory(
        None,
        None,
        "",
        b"bob@example.org",
        io.BytesIO(b"x"),
        done,
        clock=program.world.clock,
        requireAuthentication=False,
        requireTransportSecurity=False,
    )
    connector = Connector(program.world, stock)
    assert program.world.raised(done).code == 451
    assert connector.attempts == len(scripts) == 1


def test_connections_that_fail_are_tried_again(program: Program) -> None:
    program.world.servers.clear()
    done: Deferred = Deferred()
    connector = Connector(program.world, factory(program, done, 2))
    assert isinstance(program.world.raised(done), SMTPConnectError)
    assert connector.attempts == 3


def test_and_servers_that_have_no_time(program: Program) -> None:
    scripts = scripted(program, EHLO, **{"": b"421 4.3.2 Later\r\n"})
    done: Deferred = Deferred()
    Connector(program.world, factory(program, done, 2))
    assert program.world.raised(done).code == 421
    assert len(scripts) == 3


def test_but_not_those_that_refuse_the_login(program: Program) -> None:
    done: Deferred = Deferred()
    stock = factory(program, done)
    stock._credentials = Credentials("ann", "wrong")
    connector = Connector(program.world, stock)
    program.world.pump()
    program.server.advance(1)
    assert program.world.raised(done).code == 535
    assert connector.attempts == 1


def test_a_login_needs_a_name(program: Program) -> None:
    with pytest.raises(ValueError, match="no user name"):
        ESMTPSenderFactory(None, None, "", b"bob@example.org", io.BytesIO(b"x"), Deferred())

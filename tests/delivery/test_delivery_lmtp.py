"""Final delivery by LMTP: a reply for each recipient, and what TLS has to prove where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from mailext.delivery.lmtp import LmtpTarget
from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.net.client.connector import Connector
from mailext.net.client.pool import ConnectionPool
from mailext.net.client.settings import ClientSettings
from mailext.queue.undelivered import UndeliveredError
from mailext.trust.pkix import PkixAuthenticator
from mailext.values import (
    BodyType,
    Envelope,
    Handover,
    Mailbox,
    MailOptions,
    NextHop,
    Notify,
    Outcome,
    Protocol,
    RcptOptions,
    Recipient,
    RequireTlsMode,
    Ret,
    TlsDemand,
)
from tests.delivery.relay_site import HostPki
from tests.net.site import TargetSite, serve_lmtp
from tests.net.world import Script, World

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
EVE = Mailbox("eve", "example.org")
HEADERS = HeaderSection.parse(b"Subject: x\r\n\r\n")[0]
BODY = b"One.\r\n.Two.\r\n"
SOCKET = NextHop("localhost", 0, path="/run/mail/lmtp")
LOOPBACK = NextHop("127.0.0.1", 24)
OTHER = NextHop("a.example.net", 24, ("192.0.2.1",))
OFFER = b"250-mail.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n"
IN_CLEAR = OFFER + b"250 STARTTLS\r\n"
UNDER_TLS = OFFER + b"250 REQUIRETLS\r\n"
ENVELOPE = Envelope(
    ANN,
    (
        Recipient(BOB, RcptOptions(frozenset({Notify.SUCCESS}), "rfc822;b@example.org")),
        Recipient(EVE, original=Mailbox("info", "example.org")),
    ),
    MailOptions(12, BodyType.EIGHT_BIT_MIME, ret=Ret.HDRS, envid="QQ", auth="ann@example.org"),
)
STRICT = replace(ENVELOPE, tls_demand=TlsDemand.REQUIRE, options=MailOptions(requiretls=True))


class LmtpScript(Script):
    """Accepts BOB; EVE's mailbox is full when it comes to it."""

    def say(self, verb: str) -> None:
        super().say(verb)
        if verb == "." and "." not in self._answers:
            self.transport.write(b"452 4.2.2 The mailbox is full\r\n")


class Site:
    def __init__(self, pki: HostPki) -> None:
        self.world = World()
        self.pki = pki
        self.scripts: list[LmtpScript] = []
        settings = ClientSettings("mx.example.org", protocol=Protocol.LMTP)
        self.pool = ConnectionPool(
            Connector(self.world.dial, settings, pki.roots, self.world.clock), self.world.clock
        )

    def serve(self, hop: NextHop, kind: str = "good", **answers: object) -> None:
        """
        :param kind: what is wrong with the certificate.
        """

        def build() -> LmtpScript:
            faces = {"LHLO": lambda script: UNDER_TLS if script.secure else IN_CLEAR}
            self.scripts.append(LmtpScript({**faces, **answers}, tls=self.pki.servers[kind]))
            return self.scripts[-1]

        self.world.servers[hop.path or (hop.addresses or (hop.host,))[0]] = build

    def target(self, hop: NextHop, mode: RequireTlsMode | None = None) -> LmtpTarget:
        target = LmtpTarget(hop, self.pool, PkixAuthenticator())
        return target if mode is None else replace(target, requiretls=mode)

    def deliver(
        self, hop: NextHop, envelope: Envelope = ENVELOPE, mode: RequireTlsMode | None = None
    ) -> Mapping[Mailbox, Outcome]:
        async def deliver() -> Mapping[Mailbox, Outcome]:
            try:
                delivery = await self.target(hop, mode).startDelivery(envelope, HEADERS)
            except UndeliveredError as error:
                return error.outcomes
            delivery.write(BODY[:7])
            delivery.write(BODY[7:])
            return await delivery.commit()

        return self.world.result(Deferred.fromCoroutine(deliver()))

    @property
    def heard(self) -> list[bytes]:
        return self.scripts[-1].heard

    def verbs(self) -> list[bytes]:
        return [line.split()[0] for line in self.heard]


@pytest.fixture
def site(hosts_pki: HostPki) -> Site:
    return Site(hosts_pki)


@pytest.mark.parametrize("hop", [SOCKET, LOOPBACK, NextHop("::1", 24), NextHop("localhost", 24)])
def test_each_recipient_has_a_reply_of_its_own(site: Site, hop: NextHop) -> None:
    site.serve(hop)
    outcomes = site.deliver(hop)
    assert outcomes == {
        BOB: Outcome(250, "2.0.0", "OK", hop.host),
        EVE: Outcome(452, "4.2.2", "The mailbox is full", hop.host),
    }
    assert outcomes[BOB].handover is Handover.FINAL
    assert site.scripts[0].messages == [b"Subject: x\r\n\r\nOne.\r\n..Two.\r\n"]
    # No TLS, nothing of reports, and nothing that is not true any more.
    assert site.heard == [
        b"LHLO mx.example.org",
        b"MAIL FROM:<ann@example.org> BODY=8BITMIME",
        b"RCPT TO:<bob@example.org>",
        b"RCPT TO:<eve@example.org>",
        b"DATA",
    ]
    site.deliver(hop)
    assert len(site.world.links) == 1


def test_it_is_a_target(site: Site) -> None:
    site.serve(SOCKET)
    target = site.target(SOCKET)
    verifyObject(IDeliveryTarget, target)
    delivery = site.world.result(target.startDelivery(ENVELOPE, HEADERS))
    verifyObject(IDelivery, delivery)
    delivery.abort()
    site.world.pump()
    assert site.world.links[0].client.gone
    assert site.scripts[0].messages == []


def test_elsewhere_the_host_proves_its_name(site: Site) -> None:
    site.serve(OTHER)
    assert site.deliver(OTHER)[BOB].delivered
    assert site.verbs()[:4] == [b"LHLO", b"STARTTLS", b"LHLO", b"MAIL"]


@pytest.mark.parametrize("kind", ["wrong-name", "expired", "stranger"])
def test_or_nothing_is_said_of_the_message(site: Site, kind: str) -> None:
    site.serve(OTHER, kind)
    outcomes = site.deliver(OTHER)
    assert {(outcome.code, outcome.enhanced) for outcome in outcomes.values()} == {(451, "4.7.10")}
    assert b"MAIL" not in site.verbs()


def test_nobody_listens(site: Site) -> None:
    assert {outcome.enhanced for outcome in site.deliver(SOCKET).values()} == {"4.4.1"}


def test_nobody_has_a_mailbox(site: Site) -> None:
    site.serve(SOCKET, RCPT=b"550 5.1.1 No such user\r\n", DATA=b"503 5.5.1 Nobody\r\n")
    assert [outcome.code for outcome in site.deliver(SOCKET).values()] == [550, 550]
    assert site.scripts[0].messages == []


def test_the_connection_is_lost_behind_the_message(site: Site) -> None:
    site.serve(SOCKET, **{".": lambda script: script.cut()})
    outcomes = site.deliver(SOCKET)
    assert {(outcome.code, outcome.in_doubt) for outcome in outcomes.values()} == {(451, True)}


def test_a_delivery_that_is_given_up(site: Site) -> None:
    site.serve(SOCKET, MAIL=None, RCPT=None, DATA=None)
    starting = site.target(SOCKET).startDelivery(ENVELOPE, HEADERS)
    site.world.pump()
    starting.cancel()
    assert isinstance(site.world.raised(starting), CancelledError)
    assert site.world.links[0].client.gone


# REQUIRETLS


def test_it_is_final_delivery(site: Site) -> None:
    site.serve(SOCKET)
    assert site.deliver(SOCKET, STRICT)[BOB].delivered
    assert not any(b"REQUIRETLS" in line for line in site.heard)


def test_it_can_be_asked_for(site: Site) -> None:
    site.serve(OTHER)
    assert site.deliver(OTHER, STRICT, RequireTlsMode.ENFORCE)[BOB].delivered
    assert b"MAIL FROM:<ann@example.org> REQUIRETLS" in site.heard


@pytest.mark.parametrize(
    ("hop", "answers", "code", "enhanced"),
    [
        (
            OTHER,
            {"LHLO": lambda script: OFFER + (b"250 HELP\r\n" if script.secure else b"250 STARTTLS\r\n")},
            550,
            "5.7.30",
        ),
        (SOCKET, {"LHLO": OFFER + b"250 HELP\r\n"}, 550, "5.7.10"),
        (SOCKET, {"STARTTLS": b"454 4.7.0 Not now\r\n"}, 454, "4.7.0"),
    ],
)
def test_and_not_be_had(
    site: Site, hop: NextHop, answers: dict[str, object], code: int, enhanced: str
) -> None:
    site.serve(hop, **answers)
    outcome = site.deliver(hop, STRICT, RequireTlsMode.ENFORCE)[BOB]
    assert (outcome.code, outcome.enhanced) == (code, enhanced)
    assert site.scripts[0].messages == []


def test_encryption_alone_can_be_asked_for(site: Site) -> None:
    site.serve(LOOPBACK, "stranger")
    assert site.deliver(LOOPBACK, STRICT, RequireTlsMode.OPPORTUNISTIC_STARTTLS)[BOB].delivered
    assert b"STARTTLS" in site.verbs()


# Our own server


def test_to_our_own_lmtp(site: Site) -> None:
    target = TargetSite()
    server = serve_lmtp(target)
    site.world.servers[SOCKET.path] = lambda: server.factory.buildProtocol(None)
    outcomes = site.deliver(SOCKET)
    assert {outcome.code for outcome in outcomes.values()} == {250}
    (delivery,) = target.deliveries
    assert delivery.body == BODY

"""How a connection to a next hop is opened, and a message sent on it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from mailext.interfaces import IHopConnection, IHopConnector
from mailext.net.client.connector import Connector, dialler
from mailext.net.client.settings import ClientSettings, Credentials, Identification, OnRefusal
from mailext.net.client.verification import TrustRoots
from mailext.net.tls import ServerContextFactory
from mailext.values import (
    BodyType,
    ClientIdentity,
    Envelope,
    HopError,
    Mailbox,
    MailOptions,
    NextHop,
    Outcome,
    Protocol,
    Recipient,
    TlsFailedError,
    TlsLevel,
    TlsUse,
)
from tests.net.conftest import Pki, write
from tests.net.world import EHLO, Script, World
from tests.support import failure_result_of

HOP = NextHop("mx.example.org", 25, ("192.0.2.1",))
ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.net")
BODY = b"Subject: x\r\n\r\n.dot\r\n"
SETTINGS = ClientSettings("client.example.org")
TLS_EHLO = EHLO + b"250-REQUIRETLS\r\n250-CLIENTID\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"
IDENTITY = ClientIdentity("UUID", "0b2f0f0c-7d0e-4c66-9a0a-1d4d6b2b9a10")


def envelope(*recipients: Mailbox, options: MailOptions | None = None) -> Envelope:
    return Envelope(ANN, tuple(map(Recipient, recipients or (BOB,))), options or MailOptions())


@pytest.fixture
def roots(pki: Pki) -> TrustRoots:
    file = pki.folder / "roots.pem"
    pki.authority.cert_pem.write_to_path(str(file))
    return TrustRoots(file)


class Site:
    """A world with one server, and a client."""

    def __init__(self, pki: Pki, roots: TrustRoots) -> None:
        self.world = World()
        self.pki = pki
        self.roots = roots
        self.scripts: list[Script] = []

    def serve(self, answers=None, *, address: str = "192.0.2.1", tls=None, implicit=False) -> None:
        def build() -> Script:
            self.scripts.append(Script(answers, tls=tls or self.pki.server, implicit=implicit))
            return self.scripts[-1]

        self.world.servers[address] = build

    def connector(self, settings: ClientSettings = SETTINGS) -> Connector:
        return Connector(self.world.dial, settings, self.roots, self.world.clock)

    def connecting(self, use: TlsUse = TlsUse.NEVER, hop: NextHop = HOP, settings: ClientSettings = SETTINGS):
        return self.connector(settings).connect(hop, use, lambda _: False)

    def connect(self, use: TlsUse = TlsUse.NEVER, hop: NextHop = HOP, settings: ClientSettings = SETTINGS):
        return self.world.result(self.connecting(use, hop, settings))

    def fails(
        self, use: TlsUse = TlsUse.NEVER, hop: NextHop = HOP, settings: ClientSettings = SETTINGS
    ) -> HopError:
        error = self.world.raised(self.connecting(use, hop, settings))
        assert isinstance(error, HopError)
        assert all(link.client.gone for link in self.world.links)
        assert self.world.clock.getDelayedCalls() == []
        return error

    @property
    def heard(self) -> list[bytes]:
        return self.scripts[-1].heard


@pytest.fixture
def site(pki: Pki, roots: TrustRoots) -> Site:
    return Site(pki, roots)


def two_faces(clear: bytes = EHLO + b"250 STARTTLS\r\n", secure: bytes = TLS_EHLO) -> dict[str, object]:
    """A server that offers one thing in clear and another under TLS."""
    return {"EHLO": lambda script: secure if script.secure else clear}


def test_in_clear(site: Site) -> None:
    site.serve()
    connection = site.connect()
    verifyObject(IHopConnector, site.connector())
    verifyObject(IHopConnection, connection)
    assert (connection.hop, connection.address, connection.evidence) == (HOP, "192.0.2.1", None)
    assert connection.keywords["SIZE"] == ("1000000",)
    assert site.world.result(connection.send(envelope(), [BODY[:5], BODY[5:]])) == {
        BOB: Outcome(250, "2.0.0", "OK", "mx.example.org")
    }
    assert site.scripts[0].messages == [BODY.replace(b"\r\n.", b"\r\n..")]
    assert connection.usable
    site.world.result(connection.quit())
    assert site.heard[-1] == b"QUIT"
    assert site.scripts[0].lost
    assert not connection.usable
    assert site.world.clock.getDelayedCalls() == []


@pytest.mark.parametrize("use", [TlsUse.WHERE_OFFERED, TlsUse.REQUIRED, TlsUse.VERIFIED])
def test_under_tls(site: Site, use: TlsUse) -> None:
    site.serve(two_faces())
    connection = site.connect(use)
    assert site.heard == [b"EHLO client.example.org", b"STARTTLS", b"EHLO client.example.org"]
    assert connection.evidence.pkix_error is None
    assert connection.evidence.host == "mx.example.org"
    assert connection.evidence.version == "TLSv1.3"
    assert len(connection.evidence.chain) == 1
    assert "REQUIRETLS" in connection.keywords
    assert "STARTTLS" not in connection.keywords
    large = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 100_000
    site.world.result(connection.send(envelope(options=MailOptions(requiretls=True)), [large] * 3))
    assert site.scripts[0].messages == [large * 3]
    assert site.heard[3] == b"MAIL FROM:<ann@example.org> REQUIRETLS"


def test_implicit_tls(site: Site) -> None:
    site.serve({"EHLO": TLS_EHLO}, implicit=True)
    hop = NextHop("mx.example.org", 465, ("192.0.2.1",), implicit_tls=True)
    connection = site.connect(TlsUse.VERIFIED, hop)
    assert connection.evidence.pkix_error is None
    assert site.heard == [b"EHLO client.example.org"]


def strange(pki: Pki, tmp_path: Path, case: str) -> ServerContextFactory:
    """A server whose certificate does not prove that it is mx.example.org."""
    if case == "other name":
        pair = pki.issue("other.example.org", stem="other")
    else:
        pair = write(trustme.CA().issue_cert("mx.example.org"), tmp_path, "stranger")
    return ServerContextFactory([pair])


CASES = pytest.mark.parametrize(
    ("case", "why"),
    [("other name", "not for mx.example.org"), ("other authority", "issuer is not known here")],
)


@CASES
@pytest.mark.parametrize("use", [TlsUse.WHERE_OFFERED, TlsUse.REQUIRED])
def test_what_a_strange_host_showed_is_recorded(
    site: Site, tmp_path: Path, case: str, why: str, use: TlsUse
) -> None:
    site.serve(two_faces(), tls=strange(site.pki, tmp_path, case))
    connection = site.connect(use)
    assert why in connection.evidence.pkix_error


@CASES
def test_where_it_must_be_verified_nothing_is_said_to_it(
    site: Site, tmp_path: Path, case: str, why: str
) -> None:
    site.serve(two_faces(), tls=strange(site.pki, tmp_path, case))
    error = site.fails(TlsUse.VERIFIED)
    assert isinstance(error, TlsFailedError)
    assert why in error.outcome.text
    assert site.heard == [b"EHLO client.example.org", b"STARTTLS", b"QUIT"]


@pytest.mark.parametrize("answer", [b"454 4.7.0 Not now\r\n", None])
def test_without_starttls(site: Site, answer: bytes | None) -> None:
    if answer is None:
        site.serve({"EHLO": EHLO + b"250 HELP\r\n"})
    else:
        site.serve({"STARTTLS": answer})
    assert site.connect(TlsUse.WHERE_OFFERED).evidence is None
    for use in (TlsUse.REQUIRED, TlsUse.VERIFIED):
        error = site.world.raised(site.connecting(use))
        assert isinstance(error, TlsFailedError)
        assert error.outcome.is_temporary


def test_a_handshake_that_fails_is_told_apart(site: Site) -> None:
    class Broken(Script):
        """It says 220 and then speaks no TLS."""

        def dataReceived(self, data: bytes) -> None:
            if data.startswith(b"\x16"):
                self.transport.write(b"500 5.5.1 What?\r\n")
            else:
                super().dataReceived(data)

    site.world.servers["192.0.2.1"] = Broken
    for use in (TlsUse.WHERE_OFFERED, TlsUse.REQUIRED):
        error = site.world.raised(site.connecting(use))
        assert isinstance(error, TlsFailedError)
        assert "handshake failed" in error.outcome.text


def test_octets_behind_the_220_to_starttls_end_it(site: Site) -> None:
    # CVE-2021-38371: what somebody on the way put there is not obeyed.
    site.serve({"STARTTLS": b"220 Go on\r\n250-evil\r\n250 AUTH PLAIN\r\n"})
    error = site.fails(TlsUse.WHERE_OFFERED)
    assert "behind the reply to STARTTLS" in error.outcome.text
    assert error.outcome.is_temporary
    assert site.heard == [b"EHLO client.example.org", b"STARTTLS"]


def test_helo(site: Site) -> None:
    site.serve({"EHLO": b"502 5.5.1 What?\r\n"})
    connection = site.connect(TlsUse.WHERE_OFFERED)
    assert site.heard == [b"EHLO client.example.org", b"HELO client.example.org"]
    assert connection.keywords == {}
    assert isinstance(site.world.raised(site.connecting(TlsUse.REQUIRED)), TlsFailedError)


def test_lmtp(site: Site) -> None:
    site.serve({".": b"250 2.0.0 OK\r\n452 4.2.2 Full\r\n"})
    connection = site.connect(settings=ClientSettings("client.example.org", Protocol.LMTP))
    outcomes = site.world.result(connection.send(envelope(BOB, ANN), [BODY]))
    assert [outcome.code for outcome in outcomes.values()] == [250, 452]
    assert site.heard[0] == b"LHLO client.example.org"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"": b"554 5.7.1 Go away\r\n"}, 554),
        ({"": b"421 4.3.2 Later\r\n"}, 421),
        ({"": b"hello\r\n"}, 451),
        ({"": b"250 hello\r\n"}, 451),
        ({"EHLO": b"550 5.7.1 Not you\r\n"}, 550),
        ({"EHLO": b"354 what\r\n"}, 451),
        ({"EHLO": b"250-x\r\n" * 100_000}, 451),
        ({"EHLO": b"250 " + b"x" * 100_000}, 451),
    ],
)
def test_a_host_that_will_not_have_us(site: Site, answers: dict[str, bytes], code: int) -> None:
    site.serve(answers)
    assert site.fails().outcome.code == code


def test_a_reply_that_nobody_asked_for_ends_it(site: Site) -> None:
    site.serve({"EHLO": EHLO + b"250 HELP\r\n250 and more\r\n"})
    assert not site.connect().usable
    assert site.scripts[0].lost


def test_one_address_after_the_other(site: Site) -> None:
    hop = NextHop("mx.example.org", 25, ("192.0.2.7", "192.0.2.8", "192.0.2.9"))
    site.serve({"": b"421 4.3.2 Later\r\n"}, address="192.0.2.8")
    site.serve(address="192.0.2.9")
    assert site.connect(hop=hop).address == "192.0.2.9"
    del site.world.servers["192.0.2.9"]
    assert site.world.raised(site.connecting(hop=hop)).outcome.enhanced == "4.4.1"


# Time


@pytest.mark.parametrize(
    ("answers", "seconds", "says"),
    [({"": None}, 300, "connected"), ({"EHLO": None}, 300, "hello"), ({"STARTTLS": None}, 300, "starttls")],
)
def test_a_host_that_says_nothing(site: Site, answers: dict[str, None], seconds: float, says: str) -> None:
    site.serve(answers)
    opening = site.connecting(TlsUse.WHERE_OFFERED)
    site.world.pump()
    site.world.advance(seconds - 1)
    assert not opening.called
    site.world.advance(1)
    error = site.world.raised(opening)
    assert error.outcome.text == f"Timed out in the state {says!r} with mx.example.org"
    assert site.scripts[0].lost


def test_a_host_that_drips_does_not_gain_time(site: Site) -> None:
    site.serve({"": None})
    opening = site.connecting()
    for _ in range(11):
        site.world.advance(30)
        if not opening.called:
            site.scripts[0].transport.write(b"220-x\r\n")
    assert "Timed out" in site.world.raised(opening).outcome.text


def test_a_tarpit_comes_to_its_end(site: Site) -> None:
    site.serve({"EHLO": EHLO.replace(b"250-PIPELINING\r\n", b"") + b"250 HELP\r\n", "RCPT": None})
    connection = site.connect()
    recipients = [Mailbox(f"r{number}", "example.net") for number in range(100)]
    sending = connection.send(envelope(*recipients), [BODY])
    for _ in range(20):
        site.world.advance(200)
        if not sending.called:
            site.scripts[0].transport.write(b"250 2.1.5 OK\r\n")
    outcomes = site.world.result(sending)
    assert {outcome.enhanced for outcome in outcomes.values()} == {"4.4.2"}
    assert site.world.clock.getDelayedCalls() == []


def test_the_end_of_a_message_has_ten_minutes(site: Site) -> None:
    site.serve({".": None})
    connection = site.connect()
    sending = connection.send(envelope(), [BODY])
    site.world.pump()
    site.world.advance(599)
    assert not sending.called
    site.world.advance(1)
    (outcome,) = site.world.result(sending).values()
    assert outcome.in_doubt
    assert outcome.is_temporary


def test_a_host_that_takes_nothing(site: Site) -> None:
    site.serve()
    connection = site.connect()
    taken = []

    def content():
        for number in range(1000):
            taken.append(number)
            yield b"x" * 1022 + b"\r\n"

    sending = connection.send(envelope(), content())
    while not taken:
        site.world.links[0].pump()
    site.world.links[0].stuck = True
    site.world.pump()
    # No more was taken from the content than the transport holds.
    assert len(taken) < 150
    site.world.advance(180)
    (outcome,) = site.world.result(sending).values()
    assert not outcome.in_doubt
    assert outcome.is_temporary


def test_an_idle_connection_has_no_time_out(site: Site) -> None:
    site.serve()
    connection = site.connect()
    for _ in range(3):
        site.world.result(connection.send(envelope(), [BODY]))
        site.world.advance(100_000)
        assert connection.usable
    assert site.world.clock.getDelayedCalls() == []


def test_a_handshake_that_does_not_come_to_its_end(site: Site) -> None:
    class Silent(Script):
        def say(self, verb: str) -> None:
            if verb == "STARTTLS":
                self.transport.write(b"220 Go on\r\n")
            else:
                super().say(verb)

        def dataReceived(self, data: bytes) -> None:
            if not data.startswith(b"\x16"):
                super().dataReceived(data)

    site.world.servers["192.0.2.1"] = Silent
    opening = site.connecting(TlsUse.WHERE_OFFERED)
    site.world.pump()
    site.world.advance(60)
    assert isinstance(site.world.raised(opening), TlsFailedError)


# The end


def cut_at(verb: str) -> dict[str, Callable[[Script], None]]:
    return {verb: lambda script: script.cut()}


@pytest.mark.parametrize("verb", ["", "EHLO", "STARTTLS", "AUTH", "CLIENTID"])
def test_a_connection_that_is_lost_while_it_is_opened(site: Site, verb: str) -> None:
    site.serve({**two_faces(), **cut_at(verb)})
    hop = NextHop("mx.example.org", 25, ("192.0.2.1",), authenticate=True)
    settings = ClientSettings(
        "client.example.org",
        credentials=Credentials("ann", "secret"),
        identification=Identification(IDENTITY),
    )
    error = site.fails(TlsUse.VERIFIED, hop, settings)
    assert error.outcome.enhanced == "4.4.2"


@pytest.mark.parametrize(
    ("verb", "in_doubt"), [("MAIL", False), ("RCPT", False), ("DATA", False), (".", True)]
)
def test_a_connection_that_is_lost_within_a_message(site: Site, verb: str, in_doubt: bool) -> None:
    site.serve(cut_at(verb))
    connection = site.connect()
    (outcome,) = site.world.result(connection.send(envelope(), [BODY])).values()
    assert (outcome.enhanced, outcome.in_doubt) == ("4.4.2", in_doubt)
    assert not connection.usable
    site.world.result(connection.quit())


def test_cancelling_a_message_cuts_the_connection(site: Site) -> None:
    site.serve({"DATA": None})
    connection = site.connect()
    sending = connection.send(envelope(), [BODY])
    site.world.pump()
    sending.cancel()
    assert isinstance(site.world.raised(sending), CancelledError)
    assert site.scripts[0].lost
    assert site.world.clock.getDelayedCalls() == []


def test_cancelling_an_opening_cuts_the_connection(site: Site) -> None:
    site.serve({"EHLO": None})
    opening = site.connecting()
    site.world.pump()
    opening.cancel()
    assert isinstance(site.world.raised(opening), CancelledError)
    assert site.scripts[0].lost


def test_so_it_is_while_nothing_is_connected_yet(roots: TrustRoots) -> None:
    reactor = MemoryReactorClock()
    opening = Connector(dialler(reactor, 30), SETTINGS, roots, reactor).connect(
        HOP, TlsUse.NEVER, lambda _: True
    )
    opening.cancel()
    assert failure_result_of(opening).check(CancelledError)
    assert reactor.connectors[0].stoppedConnecting


# Messages


def test_a_connection_that_was_lost_meanwhile(site: Site) -> None:
    site.serve()
    connection = site.connect()
    site.world.links[0].cut()
    (outcome,) = site.world.result(connection.send(envelope(), [BODY])).values()
    assert outcome.enhanced == "4.4.2"


def test_a_host_that_says_421_while_nothing_is_asked_of_it(site: Site) -> None:
    site.serve()
    connection = site.connect()
    site.scripts[0].transport.write(b"421 4.4.2 Idle too long\r\n")
    site.world.pump()
    assert not connection.usable
    assert site.scripts[0].lost
    (outcome,) = site.world.result(connection.send(envelope(), [BODY])).values()
    assert outcome.is_temporary


def test_content_that_is_waited_for(site: Site) -> None:
    more: Deferred[None] = Deferred()
    site.serve()
    sending = site.connect().send(envelope(), [b"Subject: x\r\n", more, b"\r\nlate\r\n"])
    site.world.pump()
    assert not sending.called
    more.callback(None)
    site.world.result(sending)
    assert site.scripts[0].messages == [b"Subject: x\r\n\r\nlate\r\n"]


def test_content_that_does_not_come(site: Site) -> None:
    more: Deferred[None] = Deferred()
    site.serve()
    sending = site.connect().send(envelope(), [b"Subject: x\r\n", more])
    site.world.pump()
    more.errback(OSError("the disk"))
    (outcome,) = site.world.result(sending).values()
    assert (outcome.code, outcome.in_doubt) == (451, False)
    assert site.scripts[0].messages == []


def test_a_message_that_the_host_cannot_carry(site: Site) -> None:
    site.serve({"EHLO": b"250 mx.example.org\r\n"})
    connection = site.connect()
    options = MailOptions(body=BodyType.EIGHT_BIT_MIME)
    outcomes = site.world.result(connection.send(envelope(options=options), [BODY]))
    assert outcomes[BOB].enhanced == "5.6.3"
    assert connection.usable


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"\r", b"x\r"])
def test_a_message_with_a_bare_line_ending_is_refused_here(site: Site, body: bytes) -> None:
    site.serve()
    connection = site.connect()
    outcomes = site.world.result(connection.send(envelope(), [b"Subject: x\r\n\r\n", body]))
    assert (outcomes[BOB].code, outcomes[BOB].enhanced) == (550, "5.6.0")
    assert site.scripts[0].messages == []
    assert site.scripts[0].lost


def test_content_that_cannot_be_read_is_temporary(site: Site) -> None:
    def content():
        yield b"Subject: x\r\n"
        raise OSError("the disk")

    site.serve()
    (outcome,) = site.world.result(site.connect().send(envelope(), content())).values()
    assert (outcome.code, outcome.enhanced) == (451, "4.3.0")
    assert site.scripts[0].messages == []


# CLIENTID, AUTH

SMARTHOST = NextHop("mx.example.org", 587, ("192.0.2.1",), authenticate=True)


def account(needs: TlsLevel = TlsLevel.AUTHENTICATED, on_refusal: OnRefusal | None = None) -> ClientSettings:
    identification = Identification(IDENTITY, on_refusal) if on_refusal is not None else None
    credentials = Credentials("ann", "secret", needs=needs)
    return ClientSettings("client.example.org", credentials=credentials, identification=identification)


@pytest.mark.requirement("C7", "C8", "C10", "C11")
def test_an_identity_then_the_login(site: Site) -> None:
    site.serve(two_faces(clear=EHLO + b"250-CLIENTID\r\n250 STARTTLS\r\n"))
    connection = site.connect(TlsUse.VERIFIED, SMARTHOST, account(on_refusal=OnRefusal.STOP))
    site.world.result(connection.send(envelope(), [BODY]))
    site.world.result(connection.send(envelope(), [BODY]))
    said = [line.split()[0] for line in site.heard]
    assert said[:6] == [b"EHLO", b"STARTTLS", b"EHLO", b"CLIENTID", b"AUTH", b"MAIL"]
    assert said.count(b"CLIENTID") == 1
    assert site.heard[3] == b"CLIENTID UUID " + IDENTITY.token.encode()
    assert site.heard[4] == b"AUTH PLAIN AGFubgBzZWNyZXQ="


@pytest.mark.parametrize(
    "answers",
    [
        {"CLIENTID": b"501 5.5.4 What?\r\n"},
        two_faces(secure=EHLO + b"250 AUTH PLAIN\r\n"),
    ],
)
def test_an_identity_that_is_not_taken(site: Site, answers: dict[str, object]) -> None:
    site.serve({**two_faces(), **answers})
    site.connect(TlsUse.VERIFIED, SMARTHOST, account(on_refusal=OnRefusal.GO_ON))
    assert site.heard[-1].startswith(b"AUTH ")
    error = site.world.raised(site.connecting(TlsUse.VERIFIED, SMARTHOST, account(on_refusal=OnRefusal.STOP)))
    assert isinstance(error, HopError)
    assert not any(line.startswith(b"AUTH") for line in site.heard)


def test_a_login_that_fails(site: Site) -> None:
    site.serve({**two_faces(), "AUTH": b"535 5.7.8 No\r\n"})
    assert site.fails(TlsUse.VERIFIED, SMARTHOST, account()).outcome.code == 535
    assert "secret" not in repr(account())


def test_the_mechanism_login(site: Site) -> None:
    answers = {
        "AUTH": b"334 VXNlcm5hbWU6\r\n",
        "YW5U": b"334 UGFzc3dvcmQ6\r\n",
        "C2VJCMV0": b"235 2.7.0 OK\r\n",
    }
    site.serve({**two_faces(secure=EHLO + b"250 AUTH LOGIN\r\n"), **answers})
    site.connect(TlsUse.VERIFIED, SMARTHOST, account())
    assert site.heard[3:] == [b"AUTH LOGIN", b"YW5u", b"c2VjcmV0"]


def test_the_mechanism_cram_md5(site: Site) -> None:
    challenge = b"<1896.697170952@mx.example.org>"
    digest = hmac.new(b"secret", challenge, "md5").hexdigest().encode()
    response = base64.b64encode(b"ann " + digest)
    answers = {
        "AUTH": b"334 " + base64.b64encode(challenge) + b"\r\n",
        response.decode().upper(): b"235 2.7.0 OK\r\n",
    }
    site.serve({**two_faces(secure=EHLO + b"250 AUTH CRAM-MD5\r\n"), **answers})
    site.connect(TlsUse.VERIFIED, SMARTHOST, account())
    assert site.heard[3:] == [b"AUTH CRAM-MD5", response]


def test_no_mechanism_in_common(site: Site) -> None:
    site.serve(two_faces(secure=EHLO + b"250 AUTH GSSAPI\r\n"))
    assert site.fails(TlsUse.VERIFIED, SMARTHOST, account()).outcome.enhanced == "5.7.4"


def test_a_password_is_not_said_to_a_stranger(site: Site, tmp_path: Path) -> None:
    site.serve(two_faces(), tls=strange(site.pki, tmp_path, "other name"))
    error = site.fails(TlsUse.REQUIRED, SMARTHOST, account(on_refusal=OnRefusal.GO_ON))
    assert isinstance(error, TlsFailedError)
    assert not any(line.startswith((b"AUTH", b"CLIENTID")) for line in site.heard)


def test_nor_in_clear_unless_that_is_wanted(site: Site) -> None:
    site.serve({"EHLO": EHLO + b"250 AUTH PLAIN\r\n"})
    assert (
        site.fails(TlsUse.WHERE_OFFERED, SMARTHOST, account(TlsLevel.ENCRYPTED)).outcome.enhanced == "4.7.11"
    )
    assert len(site.heard) == 2
    site.connect(TlsUse.WHERE_OFFERED, SMARTHOST, account(TlsLevel.NONE))
    assert site.heard[-1].startswith(b"AUTH PLAIN ")


def test_other_hops_hear_of_no_account(site: Site) -> None:
    site.serve(two_faces())
    site.connect(TlsUse.VERIFIED, HOP, account(on_refusal=OnRefusal.STOP))
    assert site.heard[-1].startswith(b"EHLO")

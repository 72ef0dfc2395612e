"""The relay at work: what hosts say, at every step, and what the message is told by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.delivery.relay.delivery import RelayDelivery
from mailext.delivery.relay.stream import ContentStream
from mailext.interfaces import IDelivery, IDeliveryTarget, IHopConnection
from mailext.net.client.connector import Connector
from mailext.net.client.pool import ConnectionPool, PoolSettings
from mailext.net.client.settings import ClientSettings, Credentials
from mailext.queue.undelivered import UndeliveredError
from mailext.routing import RoutingSettings, configured_host
from mailext.values import (
    Handover,
    HopSession,
    Mailbox,
    NextHop,
    Notify,
    Outcome,
    RcptOptions,
    Recipient,
    RequireTlsMode,
    Security,
)
from tests.delivery.relay_site import BOB, BODY, CAROL, HEADERS, NAMES, RelaySite, message
from tests.support import assert_no_result, failure_result_of, logged, success_result_of

BOTH = (Recipient(BOB), Recipient(CAROL))


@pytest.fixture
def plain(site: RelaySite) -> RelaySite:
    """A domain with two hosts, the second of them dead."""
    site.dns("insecure")
    site.host("b", "dead")
    return site


@pytest.mark.parametrize(
    ("first", "second", "expected", "taker"),
    [
        ("GREET=421", "plain", "250", "b"),
        ("GREET=554", "plain", "250", "b"),
        ("EHLO=450", "plain", "250", "b"),
        ("MAIL=451", "plain", "250", "b"),
        ("RCPT=450", "plain", "250", "b"),
        ("DATA=421", "plain", "250", "b"),
        ("MAIL=cut", "plain", "250", "b"),
        ("RCPT=cut", "plain", "250", "b"),
        ("DATA=cut", "plain", "250", "b"),
        ("EHLO=endless", "plain", "250", "b"),
        ("GREET=421", "GREET=421", "421 4.9.1", None),
        ("GREET=554", "GREET=554", "554 5.9.4", None),
        ("GREET=554", "GREET=421", "421 4.9.1", None),
        ("MAIL=552", "plain", "552 5.9.2", None),
        ("RCPT=550", "plain", "550 5.9.0", None),
        # RFC 5321 section 4.5.3.1.10
        ("RCPT=552", "dead", "452 4.9.2", None),
        ("DATA=554", "plain", "554 5.9.4", None),
        ("RCPT=450", "dead", "450 4.9.0", None),
    ],
)
def test_a_host_says_no(site: RelaySite, first: str, second: str, expected: str, taker: str | None) -> None:
    site.dns("insecure")
    site.host("a", first)
    site.host("b", second)
    outcome = site.deliver(message("none"))[BOB]
    assert str(outcome).startswith(expected)
    assert [name for name, _ in site.took()] == ([taker] if taker else [])


@pytest.mark.parametrize("code", ["451", "554"])
def test_a_host_says_no_to_the_content(site: RelaySite, code: str) -> None:
    site.dns("insecure")
    site.host("a", f"END={code}")
    site.host("b", "plain")
    outcome = site.deliver(message("none"))[BOB]
    assert (str(outcome.code), outcome.host) == (code, "a.example.net")
    assert site.scripts["b"] == []


def test_each_recipient_has_its_own_outcome(plain: RelaySite) -> None:
    plain.host("a", "RCPT=250,450")
    outcomes = plain.deliver(message("none", *BOTH))
    assert outcomes[BOB].delivered
    assert str(outcomes[CAROL]) == "450 4.9.0 Said by the host"


def test_what_a_host_said_of_each_recipient_is_kept(plain: RelaySite) -> None:
    plain.host("a", "RCPT=450,452")
    outcomes = plain.deliver(message("none", *BOTH))
    assert [outcomes[each].code for each in (BOB, CAROL)] == [450, 452]


def test_who_was_refused_for_good_is_not_tried_elsewhere(site: RelaySite) -> None:
    site.dns("insecure")
    site.host("a", "RCPT=550,450")
    site.host("b", "plain")
    outcomes = site.deliver(message("none", *BOTH))
    assert [outcomes[each].code for each in (BOB, CAROL)] == [550, 450]
    assert site.scripts["b"] == []


def test_loss_behind_the_end_is_in_doubt_and_nobody_else_is_tried(site: RelaySite) -> None:
    site.dns("insecure")
    site.host("a", "END=cut")
    site.host("b", "plain")
    outcome = site.deliver(message("none"))[BOB]
    assert outcome.is_temporary
    assert outcome.in_doubt
    assert "behind the end of the message: it may have arrived" in outcome.text
    assert site.scripts["b"] == []


def test_silence_behind_the_end_is_in_doubt(plain: RelaySite) -> None:
    plain.host("a", "END=silence")
    results = []
    plain.delivering(message("none")).addCallback(results.append)
    plain.world.pump()
    plain.world.advance(600)
    assert results[0][BOB].in_doubt


@pytest.mark.parametrize(
    ("words", "said", "handover"),
    [("dsn", b"NOTIFY=FAILURE", Handover.NEXT_HOP), ("plain", b"", Handover.UNREPORTED)],
)
def test_who_reports_from_here_on(plain: RelaySite, words: str, said: bytes, handover: Handover) -> None:
    plain.host("a", words)
    recipient = Recipient(BOB, RcptOptions(frozenset({Notify.FAILURE}), "rfc822;bob@example.com"))
    outcome = plain.deliver(message("none", recipient))[BOB]
    assert (outcome.handover, outcome.host) == (handover, "a.example.net")
    [rcpt] = [line for line in plain.heard("a") if line.startswith(b"RCPT")]
    assert said in rcpt


@pytest.mark.requirement("R23")
@pytest.mark.parametrize(("demand", "said"), [("require", b"RET=HDRS"), ("none", b"RET=FULL")])
def test_only_headers_are_asked_for_beside_requiretls(site: RelaySite, demand: str, said: bytes) -> None:
    site.dns("secure")
    site.host("a", "starttls good keyword dsn")
    site.host("b", "dead")
    assert site.deliver(message(f"{demand} full"))[BOB].delivered
    [mail] = [line for line in site.heard("a") if line.startswith(b"MAIL")]
    assert said in mail


@pytest.mark.parametrize(
    ("said", "words", "expected"),
    [
        ("utf8", "plain", "550 5.6.7"),
        ("utf8", "smtputf8", "250"),
        ("8bit", "seven-bit", "554 5.6.3"),
        ("8bit", "plain", "250"),
    ],
)
def test_what_a_host_must_be_able_to_carry(plain: RelaySite, said: str, words: str, expected: str) -> None:
    plain.host("a", words)
    plain.host("b", words)
    assert str(plain.deliver(message(said))[BOB]).startswith(expected)


def test_another_host_may_be_able_to(site: RelaySite) -> None:
    site.dns("insecure")
    site.host("a", "plain")
    site.host("b", "smtputf8")
    assert site.deliver(message("utf8"))[BOB].host == "b.example.net"


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("words", "expected"), [("require", "550 5.7.10"), ("none", "451 4.7.11"), ("optional", "451 4.7.11")]
)
def test_a_password_that_may_not_be_said_for_the_certificate(
    site: RelaySite, words: str, expected: str
) -> None:
    settings = ClientSettings("mx.example.org", credentials=Credentials("ann", "secret"))
    site.connector = lambda: Connector(site.world.dial, settings, site.pki.roots, site.world.clock)
    site.dns("nothing")
    site.host("smart", "starttls wrong-name keyword")
    site.routing = RoutingSettings(smarthost=configured_host(NAMES["smart"], 587, authenticate=True))
    assert str(site.deliver(message(words))[BOB]).startswith(expected)
    assert not any(line.startswith(b"AUTH") for line in site.heard("smart"))


@pytest.mark.requirement("R14")
def test_a_host_that_falls_short_is_told_quit_and_nothing_of_the_message(site: RelaySite) -> None:
    site.dns("secure")
    site.host("a", "starttls good")
    site.host("b", "dead")
    site.deliver(message("require"))
    assert [line.split()[0] for line in site.heard("a")] == [b"EHLO", b"STARTTLS", b"EHLO", b"QUIT"]


@pytest.mark.requirement("R24")
def test_no_host_is_asked_for_less_before_all_were_asked_for_more(site: RelaySite) -> None:
    site.dns("secure")
    site.host("a", "starttls good")
    site.host("b", "starttls good")
    with logged() as events:
        assert site.deliver(message("null require"))[BOB].host == "a.example.net"
    hosts = [event["host"] for event in events if event.get("event") == "relay"]
    assert hosts == ["a.example.net", "b.example.net", "a.example.net"]


class Publishing:
    """
    An authenticator whose look-ups are counted.

    :ivar answer: what a look-up brings.
    """

    def __init__(self, site: RelaySite, answer: Callable[[], object]) -> None:
        self._known = site.known
        self._answer = answer
        self.asked: list[str] = []

    def policyFor(self, domain: str, hop: NextHop) -> object:
        self.asked.append(f"{domain} {hop.host}")
        return self._answer()

    def judgeConnection(self, policy, hop, evidence):
        return self._known.judgeConnection(self._known.policyFor("", hop), hop, evidence)


class Unjudging(Publishing):
    """An authenticator that cannot judge."""

    def judgeConnection(self, policy, hop, evidence):
        return 1 / 0


@pytest.mark.requirement("R18")
def test_what_is_published_is_not_looked_up_for_a_message_that_it_may_not_stop(plain: RelaySite) -> None:
    plain.authenticator = publishing = Publishing(plain, lambda: fail(OSError("SERVFAIL")))
    plain.host("a", "starttls expired")
    assert plain.deliver(message("optional"))[BOB].delivered
    assert publishing.asked == []


def test_it_is_where_the_operator_wants_proof(plain: RelaySite) -> None:
    plain.authenticator = publishing = Publishing(plain, lambda: None)
    plain.host("a", "starttls good")
    plain.destination(Security.VERIFY, RequireTlsMode.ENFORCE)
    assert plain.deliver(message("optional"))[BOB].delivered
    assert publishing.asked == ["example.net a.example.net"]


def test_a_host_of_which_nobody_knows_what_is_published_is_not_connected_to(plain: RelaySite) -> None:
    plain.authenticator = Publishing(plain, lambda: fail(OSError("SERVFAIL")))
    plain.host("a", "starttls good")
    assert str(plain.deliver(message("none"))[BOB]).startswith("451 4.4.3")
    assert plain.world.links == []


def test_each_attempt_at_a_host_is_logged(site: RelaySite) -> None:
    site.dns("secure")
    site.host("a", "dead")
    site.host("b", "starttls good keyword")
    with logged() as events:
        site.deliver(message("require"))
    first, second = (event for event in events if event.get("event") == "relay")
    assert (first["host"], first["address"], first["tls"], first["tlsLevel"]) == (
        "a.example.net",
        "",
        "",
        "none",
    )
    assert first["reply"].startswith("451 4.4.1")
    told = {key: second[key] for key in ("queueId", "destination", "host", "address", "requiretls")}
    assert told == {
        "queueId": "Q1",
        "destination": "example.net",
        "host": "b.example.net",
        "address": "192.0.2.2",
        "requiretls": "require",
    }
    assert (second["tls"], second["tlsLevel"], second["mxLevel"]) == ("TLSv1.3", "authenticated", "dnssec")
    assert second["reason"] == "certificate verified by PKIX; MX record proved by DNSSEC"
    assert second["reply"] == "250 2.0.0 OK"


def test_that_tls_failed_before_the_host_was_tried_in_clear_is_logged(plain: RelaySite) -> None:
    plain.host("a", "starttls no-handshake")
    with logged() as events:
        plain.deliver(message("none"))
    replies = [event["reply"] for event in events if event.get("event") == "relay"]
    assert [reply[:9] for reply in replies] == ["451 4.7.5", "250 2.0.0"]


def test_where_tls_begins_with_the_connection_there_is_no_clear_to_fall_back_to(site: RelaySite) -> None:
    site.dns("nothing")
    site.host("smart", "no-handshake")
    smarthost = configured_host(NAMES["smart"], 465, implicit_tls=True)
    site.routing = RoutingSettings(smarthost=smarthost, smarthost_security=Security.MAY)
    assert site.deliver(message("none"))[BOB].is_temporary
    assert len(site.world.links) == 1


# The body


def test_the_body_goes_no_faster_than_the_host_takes_it(plain: RelaySite) -> None:
    plain.host("a", "plain")
    delivery = plain.world.result(plain.target(message("none")).startDelivery(message("none"), HEADERS))
    verifyObject(IDelivery, delivery)
    [link] = plain.world.links
    link.stuck = True
    waits = [delivery.write(b"x" * 998 + b"\r\n") for _ in range(200)]
    held = next(wait for wait in waits if wait is not None)
    assert_no_result(held)
    link.stuck = False
    plain.world.pump()
    assert success_result_of(held) is None
    assert plain.world.result(delivery.commit())[BOB].delivered
    [(_, script)] = plain.took()
    assert len(script.messages[0]) == 200 * 1000 + len(bytes(HEADERS))


def test_a_delivery_that_is_aborted_is_cut(plain: RelaySite) -> None:
    plain.host("a", "plain")
    delivery = plain.world.result(plain.target(message("none")).startDelivery(message("none"), HEADERS))
    delivery.write(BODY)
    delivery.abort()
    delivery.abort()
    assert delivery.write(BODY) is None
    plain.world.pump()
    assert plain.took() == []
    assert all(link.client.gone for link in plain.world.links)
    assert plain.world.clock.getDelayedCalls() == []


def test_a_host_that_refuses_while_it_is_told_holds_nobody_up(plain: RelaySite) -> None:
    plain.host("a", "plain")
    delivery = plain.world.result(plain.target(message("none")).startDelivery(message("none"), HEADERS))
    plain.scripts["a"][0].transport.write(b"552 5.3.4 Too big\r\n")
    plain.world.pump()
    assert delivery.write(BODY) is None
    assert str(plain.world.result(delivery.commit())[BOB]) == "552 5.3.4 Too big"


def give_up(site: RelaySite) -> None:
    """Begin a delivery, and cancel it when nothing moves."""
    started = site.target(message("none")).startDelivery(message("none"), HEADERS)
    site.world.pump()
    assert_no_result(started)
    started.cancel()
    failure_result_of(started).trap(CancelledError)
    site.world.pump()
    assert all(link.client.gone for link in site.world.links)
    assert site.world.clock.getDelayedCalls() == []


@pytest.mark.parametrize("words", ["GREET=silence", "MAIL=silence RCPT=silence DATA=silence"])
def test_it_can_be_given_up_while_a_host_is_silent(plain: RelaySite, words: str) -> None:
    plain.host("a", words)
    give_up(plain)


def test_it_can_be_given_up_while_it_looks_up_what_is_published(plain: RelaySite) -> None:
    plain.authenticator = Publishing(plain, Deferred)
    give_up(plain)


def test_a_judgement_that_breaks_leaves_no_connection(plain: RelaySite) -> None:
    plain.host("a", "plain")
    plain.authenticator = Unjudging(plain, lambda: None)
    started = plain.target(message("none")).startDelivery(message("none"), HEADERS)
    assert isinstance(plain.world.raised(started), ZeroDivisionError)
    assert all(link.client.gone for link in plain.world.links)
    assert plain.world.clock.getDelayedCalls() == []


def test_an_end_that_has_come_cannot_be_aborted(plain: RelaySite) -> None:
    plain.host("a", "plain")
    delivery = plain.world.result(plain.target(message("none")).startDelivery(message("none"), HEADERS))
    committed = delivery.commit()
    plain.world.pump()
    delivery.abort()
    assert success_result_of(committed)[BOB].delivered


def test_a_connection_that_fails_fails_the_delivery(plain: RelaySite) -> None:
    connection = BrokenConnection()
    delivery = RelayDelivery(connection, b"", lambda _: None)
    assert success_result_of(Deferred.fromCoroutine(delivery.begin(message("none")))) is False
    failure_result_of(delivery.commit()).trap(OSError)
    assert connection.released


@implementer(IHopConnection)
class BrokenConnection:
    """Sends nothing, and says so as no connection should."""

    hop = NextHop("a.example.net", 25)
    address = "192.0.2.1"
    session = HopSession(address)
    reused = False
    evidence = None
    keywords: Mapping[str, tuple[str, ...]] = {}
    usable = True
    worn_out = False
    released = False

    def send(self, envelope, content) -> Deferred[Mapping[Mailbox, Outcome]]:
        return fail(OSError("broken"))

    def release(self) -> None:
        self.released = True

    def quit(self) -> Deferred[None]:
        return succeed(None)


# With a pool


@pytest.fixture
def pooled(site: RelaySite) -> RelaySite:
    pool = ConnectionPool(site.connector(), site.world.clock)
    site.connector = lambda: pool
    site.dns("secure")
    site.host("b", "plain")
    return site


def send(site: RelaySite, words: str) -> str:
    outcome = site.world.result(site.delivering(message(words)))[BOB]
    return str(outcome)[:10].strip()


def test_a_connection_serves_the_next_message(pooled: RelaySite) -> None:
    pooled.host("a", "starttls good keyword")
    assert [send(pooled, "require"), send(pooled, "require")] == ["250 2.0.0"] * 2
    assert len(pooled.scripts["a"]) == 1


@pytest.mark.parametrize(
    "words",
    ["MAIL=250,421", "MAIL=250,452,250", "MAIL=250,cut", "RCPT=250,421", "RCPT=250,cut"],
)
def test_a_connection_that_has_served_its_time_costs_the_next_message_nothing(
    pooled: RelaySite, words: str
) -> None:
    pooled.host("a", words)
    assert [send(pooled, "none"), send(pooled, "none")] == ["250 2.0.0"] * 2
    assert [name for name, _ in pooled.took()] == ["a", "a"]
    assert pooled.scripts["b"] == []


def test_one_that_is_lost_when_the_next_message_was_said_ahead_is_replaced(site: RelaySite) -> None:
    pool = ConnectionPool(site.connector(), site.world.clock, PoolSettings(concurrency=1))
    site.connector = lambda: pool
    site.dns("secure")
    site.host("a", "END=250-and-cut")
    site.host("b", "dead")
    sending = [site.delivering(message("none")) for _ in range(3)]
    site.world.pump()
    assert [str(success_result_of(each)[BOB])[:9] for each in sending] == ["250 2.0.0"] * 3
    assert [len(script.messages) for script in site.scripts["a"]] == [1, 1, 1]


def test_a_host_that_says_no_on_a_new_connection_too_has_said_it(pooled: RelaySite) -> None:
    pooled.host("b", "GREET=421")
    pooled.host("a", "MAIL=250,421")
    assert send(pooled, "none") == "250 2.0.0"
    pooled.host("a", "MAIL=421")
    assert send(pooled, "none") == "421 4.9.1"
    assert len(pooled.scripts["a"]) == 1


def test_a_recipient_that_is_refused_for_now_is_not_tried_again_at_once(pooled: RelaySite) -> None:
    pooled.host("b", "GREET=421")
    pooled.host("a", "RCPT=250,450")
    assert [send(pooled, "none"), send(pooled, "none")] == ["250 2.0.0", "450 4.9.0"]
    assert len(pooled.scripts["a"]) == 1


def test_one_that_is_known_to_fall_short_is_not_used_for_what_demands_more(pooled: RelaySite) -> None:
    pooled.host("a", "starttls expired")
    assert send(pooled, "null require") == "250 2.0.0"
    assert send(pooled, "none") == "250 2.0.0"
    assert send(pooled, "require") == "550 5.7.10"
    pooled.world.advance(10)
    assert all(link.client.gone for link in pooled.world.links)


def test_one_that_falls_short_is_not_kept(pooled: RelaySite) -> None:
    pooled.host("a", "starttls good")
    assert send(pooled, "require") == "550 5.7.30"
    pooled.world.pump()
    assert all(link.client.gone for link in pooled.world.links)


def test_others_than_the_queue_are_refused_with_the_code(plain: RelaySite) -> None:
    plain.host("a", "MAIL=552")
    target = plain.target(message("none"))
    verifyObject(IDeliveryTarget, target)
    error = plain.world.raised(target.startDelivery(message("none"), HEADERS))
    assert isinstance(error, UndeliveredError)
    assert (error.code, error.resp) == (552, b"5.9.2 Said by the host")
    assert error.outcomes == {BOB: Outcome(552, "5.9.2", "Said by the host", "a.example.net")}


def test_a_stream_gives_what_is_written_when_it_is_written() -> None:
    stream = ContentStream(b"one")
    assert next(stream) == b"one"
    more = next(stream)
    assert isinstance(more, Deferred)
    assert_no_result(more)
    room = stream.write(b"two")
    assert success_result_of(more) is None
    assert next(stream) == b"two"
    assert room is not None
    assert_no_result(room)
    next(stream)
    assert success_result_of(room) is None
    stream.end()
    assert list(stream) == []


def test_loss_before_the_end_is_not_in_doubt(plain: RelaySite) -> None:
    plain.host("a", "plain")
    delivery = plain.world.result(plain.target(message("none")).startDelivery(message("none"), HEADERS))
    delivery.write(BODY)
    plain.world.links[0].cut()
    outcome = plain.world.result(delivery.commit())[BOB]
    assert (outcome.is_temporary, outcome.in_doubt) == (True, False)


def test_a_message_without_a_body(plain: RelaySite) -> None:
    plain.host("a", "plain")
    assert plain.deliver(message("none"), b"")[BOB].delivered


@pytest.mark.requirement("R15")
def test_a_handshake_that_takes_too_long_is_passing_trouble(site: RelaySite) -> None:
    site.dns("secure")
    site.host("a", "starttls mute-handshake")
    site.host("b", "starttls good")
    results = []
    site.delivering(message("require")).addCallback(results.append)
    site.world.pump()
    site.world.advance(60)
    assert str(results[0][BOB]).startswith("451 4.4.2 Timed out")


# Destinations that cannot be reached


def test_a_domain_that_cannot_be_reached_is_left_alone(plain: RelaySite) -> None:
    plain.host("a", "dead")
    plain.deliver(message("none"))
    deferral = plain.backoff.deferral("example.net")
    assert deferral is not None
    assert str(deferral.outcome).startswith("451 4.4.1 example.net is left alone for a while: Cannot connect")


@pytest.mark.parametrize("words", ["MAIL=450", "RCPT=550", "GREET=554", "starttls STARTTLS=454", "plain"])
def test_a_host_that_answers_is_not_left_alone(plain: RelaySite, words: str) -> None:
    plain.host("a", words)
    plain.deliver(message("none"))
    assert plain.backoff.deferral("example.net") is None


def test_a_host_that_lacks_what_one_message_demands_is_there_for_others(plain: RelaySite) -> None:
    plain.host("a", "plain")
    plain.deliver(message("require"))
    assert plain.backoff.deferral("example.net") is None


def test_a_domain_of_which_dns_does_not_tell_is_left_alone(site: RelaySite) -> None:
    site.dns("servfail")
    site.deliver(message("none"))
    assert site.backoff.deferral("example.net") is not None


def test_a_domain_is_one_however_it_is_written(plain: RelaySite) -> None:
    plain.host("a", "plain")
    other = Recipient(Mailbox("dave", "EXAMPLE.net"))
    assert plain.deliver(message("none", Recipient(BOB), other))[other.address].delivered

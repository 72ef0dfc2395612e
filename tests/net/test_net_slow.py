"""Answers that take their time: replies keep their order, the client waits, and nothing leaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.logger import eventAsText
from twisted.mail.smtp import SMTPBadRcpt, SMTPServerError

from mailext.bases import DeliveryPolicy
from mailext.testing import ScriptedChecker, ScriptedPolicy
from mailext.values import ACCEPTED, Verdict
from tests.net.client import Client, codes
from tests.net.site import (
    ANN,
    EHLO,
    MAIL,
    RCPT,
    USERS,
    Delivery,
    Message,
    Realm,
    TargetDelivery,
    TargetSite,
    all_well,
    serve,
)
from tests.support import logged

TEXT = (b"Subject: Hi", b"", b"Hello", b".")
PIPELINED = (EHLO, MAIL, RCPT, b"RCPT TO:<ann@example.org>", b"VRFY x", b"DATA")


class Slow:
    """Everything a site is asked, answered when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[object], object]] = []

    def ask(self, answer: object) -> Deferred[object]:
        waiting: Deferred[object] = Deferred()
        self.waiting.append((waiting, answer))
        return waiting

    def answer(self) -> None:
        """Answer what was asked first."""
        waiting, answer = self.waiting.pop(0)
        waiting.callback(answer)

    def delivery(self) -> Delivery:
        return Delivery(
            sender=self.ask,
            recipient=lambda user: self.ask(Message),
            message=lambda: Message(at_end=lambda: self.ask(None)),
        )


class SlowPolicy(DeliveryPolicy):
    def __init__(self, slow: Slow) -> None:
        self._slow = slow

    def judgeSender(self, sender, options, session):
        return self._slow.ask(ACCEPTED)

    def judgeRecipient(self, envelope, recipient, options, session):
        return self._slow.ask(ACCEPTED)

    def judgeMessage(self, envelope, headers, session):
        return self._slow.ask(ACCEPTED)


class TestOrder:
    def test_replies_come_in_the_order_of_the_commands(self) -> None:
        slow = Slow()
        client = serve(slow.delivery()).connect()
        client.replies()
        assert codes(client.say(*PIPELINED)) == ["250"]
        asked = []
        while slow.waiting:
            assert len(slow.waiting) == 1, "one question at a time"
            slow.answer()
            asked.append(codes(client.replies()))
        assert asked == [["250"], ["250"], ["250", "252", "354"]]

    def test_the_same_where_everything_is_answered_at_once(self) -> None:
        client = serve(Delivery()).connect()
        assert codes(client.say(*PIPELINED)) == ["220", "250", "250", "250", "250", "252", "354"]
        assert client.transport.writes == 2, "one write for the greeting, one for a segment of commands"

    def test_policies_and_delivery_object_take_turns(self) -> None:
        slow = Slow()
        client = serve(slow.delivery(), policies=(SlowPolicy(slow), SlowPolicy(slow))).connect()
        client.say(*PIPELINED)
        rounds = 0
        while slow.waiting:
            slow.answer()
            rounds += 1
        assert rounds == 9
        assert codes(client.replies()) == ["250", "250", "250", "252", "354"]
        assert client.say(*TEXT, MAIL) == []
        while slow.waiting:
            slow.answer()
        assert codes(client.replies()) == ["250", "250"]

    def test_refusals_keep_the_order_too(self) -> None:
        slow = Slow()
        client = serve(Delivery(recipient=lambda user: slow.ask(Message))).greeted()
        client.send(b"\r\n".join((MAIL, RCPT, RCPT, b"DATA", b"")))
        assert codes(client.replies()) == ["250"]
        (first, _) = slow.waiting.pop()
        first.errback(SMTPBadRcpt("bob", 452, "4.2.2 Full"))
        (second, _) = slow.waiting.pop()
        second.errback(KeyError("bob"))
        assert codes(client.replies()) == ["452", "451", "503"]

    def test_a_handshake_waits_for_its_turn(self, tls_settings) -> None:
        slow = Slow()
        server = serve(Delivery(sender=slow.ask), **tls_settings)
        client = server.greeted()
        assert client.say(MAIL, b"STARTTLS") == []
        slow.answer()
        assert codes(client.replies()) == ["250", "220"]
        client.begin_tls(server.context)
        assert codes(client.say(EHLO)) == ["250"]

    def test_a_chunk_behind_a_question_is_content_still(self) -> None:
        slow = Slow()
        delivery = Delivery(sender=slow.ask)
        client = serve(delivery).greeted()
        client.send(MAIL + b"\r\n" + RCPT + b"\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        slow.answer()
        assert codes(client.replies()) == ["250", "250", "250", "250"]
        assert delivery.messages[0].lines[1:] == [b"", b"QUIT"]


class TestWaiting:
    def test_a_client_that_waits_too_is_not_paused(self) -> None:
        slow = Slow()
        client = serve(Delivery(sender=slow.ask)).greeted()
        client.say(MAIL)
        assert client.transport.producerState == "producing"
        slow.answer()
        assert codes(client.replies()) == ["250"]

    def test_the_transport_is_paused_and_what_is_kept_is_bounded(self) -> None:
        slow = Slow()
        client = serve(Delivery(sender=slow.ask)).greeted()
        client.say(MAIL)
        client.send(b"NOOP\r\n" * 100_000)
        assert client.transport.producerState == "paused"
        assert client.unread >= 600_000 - (1 << 16)
        slow.answer()
        assert client.transport.producerState == "producing"
        client.pump()
        assert codes(client.replies())[:3] == ["250", "250", "250"]

    def test_a_transport_that_gives_more_although_it_is_paused(self) -> None:
        slow = Slow()
        client = serve(Delivery(sender=slow.ask)).greeted()
        client.say(MAIL)
        for _ in range(3):
            client.protocol.dataReceived(b"NOOP\r\n")
        slow.answer()
        assert codes(client.replies()) == ["250"] * 4
        assert client.transport.producerState == "producing"

    def test_the_client_has_no_time_out_meanwhile(self) -> None:
        slow = Slow()
        server = serve(Delivery(sender=slow.ask))
        client = server.greeted()
        client.say(MAIL)
        server.advance(599.0)
        assert client.replies() == []
        slow.answer()
        assert codes(client.replies()) == ["250"]
        server.advance(299.0)
        assert client.replies() == []
        server.advance(1.0)
        assert codes(client.replies()) == ["421"]

    def test_an_answer_that_never_comes_does_not_hold_the_connection(self) -> None:
        slow = Slow()
        server = serve(Delivery(sender=slow.ask))
        client = server.greeted()
        client.say(MAIL)
        server.advance(600.0)
        assert codes(client.replies()) == ["421"]
        slow.answer()
        assert client.replies() == []

    def test_a_wait_within_a_message_is_not_its_time(self) -> None:
        started: Deferred[TargetDelivery] = Deferred()
        site = TargetSite(lambda envelope, headers: started)
        server = serve(site, message_timeout=100.0, min_rate=0.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        server.advance(30.0)
        client.send(b"\r\nbody\r\n")
        server.advance(500.0)
        started.callback(TargetDelivery(site.calls[-1][1], b""))
        server.advance(69.0)
        assert client.replies() == []
        server.advance(1.0)
        assert codes(client.replies()) == ["421"]

    @pytest.mark.parametrize(
        "limits", [{"message_timeout": 100.0, "min_rate": 0.0}, {"message_timeout": 1800.0, "min_rate": 2.0}]
    )
    def test_a_target_that_is_waited_for_gives_a_slow_client_no_more_time(self, limits) -> None:
        slow = Slow()
        site = TargetSite(lambda envelope, headers: TargetDelivery(envelope, headers, write=slow.ask))
        server = serve(site, **limits)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.send(b"\r\n")
        client.replies()
        for _ in range(10):
            client.send(b"ten octets")
            server.advance(30.0)
            while slow.waiting:
                slow.answer()
            server.advance(10.0)
        assert codes(client.replies()) == ["421"]

    def test_a_policy_has_only_so_long(self) -> None:
        server = serve(policies=(ScriptedPolicy(sender=Deferred()),), policy_timeout=10.0)
        client = server.greeted()
        with logged() as events:
            client.say(MAIL, b"NOOP")
            server.advance(9.9)
            assert client.replies() == []
            server.advance(0.1)
        assert client.replies() == ["451 4.3.0 Temporary failure", "250 2.0.0 OK"]
        assert any("judgeSender gave no verdict" in eventAsText(event) for event in events)

    @pytest.mark.parametrize("method", ["sender", "recipient", "message"])
    def test_a_policy_that_answers_nonsense_late_ends_the_session(self, method) -> None:
        """Better than one that waits for ever."""
        slow = Slow()
        policy = ScriptedPolicy(**{method: slow.ask(Verdict(tls_demand="strict"))})
        server = serve(policies=(policy,))
        client = server.greeted(MAIL, RCPT, b"DATA", *TEXT)
        client.replies()
        slow.answer()
        assert codes(client.replies()) == ["421"]
        assert client.closed
        assert server.clock.getDelayedCalls() == []

    def test_a_policy_for_messages_too(self) -> None:
        delivery = Delivery()
        server = serve(delivery, policies=(ScriptedPolicy(message=Deferred()),))
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.say(*TEXT)
        server.advance(10.0)
        assert client.replies() == ["451 4.3.0 Temporary failure"]
        assert delivery.messages[0].ends == ["lost"]

    def test_a_wait_is_no_reason_to_pause_what_is_paused(self) -> None:
        slow = Slow()
        client = serve(slow.delivery()).greeted()
        for _ in range(3):
            client.say(MAIL, RCPT)
            assert client.transport.producerState == "producing"
            client.say(b"RSET")
            assert client.transport.producerState == "paused"
            slow.answer()
            assert client.transport.producerState == "paused"
            slow.answer()
            assert client.transport.producerState == "producing"
            assert codes(client.replies()) == ["250", "250", "250"]


def _sender(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    return Delivery(sender=slow.ask), (MAIL,)


def _recipient(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    return Delivery(recipient=lambda user: slow.ask(Message)), (MAIL, RCPT)


def _end(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    at_end = Delivery(message=lambda: Message(at_end=lambda: slow.ask(None)))
    return at_end, (MAIL, RCPT, b"DATA", *TEXT)


def _commit(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    site = TargetSite(
        lambda envelope, headers: TargetDelivery(
            envelope, headers, lambda _: slow.ask(None).addCallback(lambda _: all_well(envelope))
        )
    )
    return site, (MAIL, RCPT, b"DATA", *TEXT)


def _start(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    site = TargetSite(
        lambda envelope, headers: slow.ask(None).addCallback(lambda _: TargetDelivery(envelope, headers))
    )
    return site, (MAIL, RCPT, b"DATA", *TEXT)


def _write(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    site = TargetSite(
        lambda envelope, headers: TargetDelivery(envelope, headers, write=lambda data: slow.ask(None))
    )
    return site, (MAIL, RCPT, b"DATA", *TEXT)


def _login(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    return Delivery(), (ANN,)


def _anonymous(slow: Slow) -> tuple[object, tuple[bytes, ...]]:
    return Delivery(), (MAIL,)


class _SlowPortal:
    """Logs anybody in, but not at once."""

    def __init__(self, slow: Slow, realm: Realm) -> None:
        self._slow = slow
        self._realm = realm

    def login(self, credentials, mind, *interfaces):
        answer = self._slow.ask(None)
        return answer.addCallback(lambda _: self._realm.requestAvatar(b"ann", mind, *interfaces))


MOMENTS = pytest.mark.parametrize(
    "moment", [_sender, _recipient, _start, _write, _end, _commit, _login, _anonymous]
)
ERRORS = [None, KeyError("later"), SMTPServerError(550, "later")]


class TestTheEndOfTheConnectionMeanwhile:
    def waiting(self, moment: Callable[[Slow], tuple[object, tuple[bytes, ...]]]):
        slow = Slow()
        delivery, lines = moment(slow)
        if moment in (_login, _anonymous):
            portal = _SlowPortal(slow, realm := Realm(delivery))
            server = serve(portal=portal, plaintext_auth=True)
        else:
            realm = Realm(delivery)
            server = serve(portal=Portal(realm, [AllowAnonymousAccess()]))
        client = server.greeted(*lines)
        assert len(slow.waiting) == 1
        client.replies()
        return server, client, slow, realm

    def check_nothing_is_left(self, server, client: Client, realm: Realm) -> None:
        assert client.octets() == b""
        assert realm.logged_out == realm.asked
        assert server.clock.getDelayedCalls() == []
        assert server.factory.drain().called

    @MOMENTS
    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_the_client_is_gone_when_the_answer_comes(self, moment, error) -> None:
        server, client, slow, realm = self.waiting(moment)
        client.vanish()
        (answer, value) = slow.waiting.pop()
        with logged() as events:
            answer.callback(value) if error is None else answer.errback(error)
            while slow.waiting:
                slow.answer()
            server.advance(2.0)
        assert [event for event in events if event["log_format"] == "A session failed"] == []
        self.check_nothing_is_left(server, client, realm)

    @pytest.mark.parametrize("verdict", [ACCEPTED, Verdict.refuse("no")])
    @pytest.mark.parametrize("site", [Delivery, TargetSite])
    def test_a_policy_of_messages_answers_too_late(self, site, verdict) -> None:
        slow = Slow()
        policy = ScriptedPolicy(message=slow.ask(verdict))
        delivery = site()
        server = serve(delivery, policies=(policy,))
        client = server.greeted(MAIL, RCPT, b"DATA", *TEXT)
        client.replies()
        client.vanish()
        slow.answer()
        assert client.octets() == b""
        assert "startDelivery" not in delivery.names()
        assert [message.ends for message in delivery.messages] in ([], [["lost"]])
        assert server.clock.getDelayedCalls() == []

    @MOMENTS
    def test_the_session_was_ended_when_the_answer_comes(self, moment) -> None:
        server, client, slow, realm = self.waiting(moment)
        client.protocol.timeoutConnection()
        # A message that may be taken yet is not refused: nothing is said of it.
        assert codes(client.replies()) == ([] if moment in (_end, _commit) else ["421"])
        while slow.waiting:
            slow.answer()
        assert client.closed
        self.check_nothing_is_left(server, client, realm)

    @MOMENTS
    def test_the_answer_never_comes(self, moment) -> None:
        server, client, _, realm = self.waiting(moment)
        client.vanish()
        self.check_nothing_is_left(server, client, realm)

    def test_the_site_is_not_asked_for_a_client_that_has_gone(self) -> None:
        slow = Slow()
        site = Delivery()
        server = serve(site, policies=(SlowPolicy(slow),))
        client = server.greeted(MAIL, RCPT)
        slow.answer()
        client.vanish()
        slow.answer()
        assert site.names() == ["validateFrom"]

    def test_under_tls_our_last_words_are_taken_although_we_had_paused(self, tls_settings) -> None:
        server = serve(Delivery(sender=Slow().ask), **tls_settings)
        client = server.greeted_tls(MAIL)
        client.replies()
        client.say(b"NOOP")
        assert client.transport.producerState == "paused"
        client.protocol.timeoutConnection()
        assert codes(client.replies()) == ["421"]
        assert client.closed
        assert not client.transport.disconnected, "by close_notify, not by force"

    def test_what_the_client_says_after_our_last_words_is_not_read(self) -> None:
        slow = Slow()
        server = serve(Delivery(sender=slow.ask))
        client = server.greeted()
        client.say(MAIL)
        client.protocol.timeoutConnection()
        client.protocol.dataReceived(b"NOOP\r\n")
        assert codes(client.replies()) == ["421"]

    def test_a_slow_checker_of_identities_hears_of_the_end(self) -> None:
        slow = Slow()
        checker = ScriptedChecker(attempt=slow.ask(ACCEPTED))
        portal = Portal(realm := Realm(Delivery()), [InMemoryUsernamePasswordDatabaseDontUse(**USERS)])
        server = serve(portal=portal, plaintext_auth=True, checkers=[checker])
        client = server.greeted(ANN)
        client.vanish()
        slow.answer()
        assert [call[0] for call in checker.calls] == [
            "checkAttempt",
            "checkLogin",
            "settled",
            "sessionEnded",
        ]
        assert realm.logged_out == realm.asked == [b"ann"]
        assert server.clock.getDelayedCalls() == []

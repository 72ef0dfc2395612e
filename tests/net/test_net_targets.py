"""Delivery objects that know more than the stock ones: ``IEnvelopeAwareDelivery``, ``IDeliveryTarget``."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import eventAsText
from twisted.mail.smtp import SMTPBadRcpt, SMTPServerError

from mailext.testing import ScriptedPolicy
from mailext.values import (
    BodyType,
    HeaderField,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    Protocol,
    RcptOptions,
    Recipient,
    Ret,
    TlsDemand,
    Verdict,
)
from tests.net.client import codes
from tests.net.site import (
    ANN,
    EHLO,
    LHLO,
    MAIL,
    RCPT,
    AwareDelivery,
    DeliveryFactory,
    Message,
    TargetDelivery,
    TargetSite,
    all_well,
    serve,
    serve_lmtp,
)
from tests.support import logged

ANOTHER = b"RCPT TO:<ann@example.org>"
BOB = Mailbox("bob", "example.org")
ANN_S = Mailbox("ann", "example.org")
LOCAL_ERROR = "451 4.3.0 Requested action aborted: local error in processing"
TEXT = (b"Subject: Hi", b"", b"Hello", b".")


class TestEnvelopeAwareDelivery:
    def test_what_it_is_told_and_when(self) -> None:
        delivery = AwareDelivery()
        client = serve(delivery).greeted()
        client.say(
            MAIL + b" SIZE=100 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1",
            RCPT + b" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@example.org",
            ANOTHER,
            b"DATA",
        )
        client.say(*TEXT)
        assert delivery.names() == [
            "beginTransaction",
            "validateFrom",
            "recipientOptions",
            "validateTo",
            "recipientOptions",
            "validateTo",
            "messageTagged",
            "receivedHeader",
            "receivedHeader",
        ]
        (_, options, session) = delivery.calls[0]
        assert options == MailOptions(size=100, body=BodyType.EIGHT_BIT_MIME, ret=Ret.HDRS, envid="QQ+1")
        notify = frozenset({Notify.SUCCESS, Notify.DELAY})
        assert delivery.calls[2] == ("recipientOptions", BOB, RcptOptions(notify, "rfc822;Bob@example.org"))
        assert delivery.calls[4] == ("recipientOptions", ANN_S, RcptOptions())
        assert delivery.calls[6] == ("messageTagged", TlsDemand.NONE)
        assert (session.protocol, session.listener, session.peer) == (Protocol.ESMTP, "smtp", "192.0.2.1")
        assert (session.helo, session.extended, session.tls) == ("client.example", True, None)
        assert len(session.id) == 16

    def test_the_session_of_a_login_under_tls(self, tls_settings) -> None:
        delivery = AwareDelivery()
        client = serve(delivery, name="submission", **tls_settings).greeted_tls(ANN, MAIL)
        (_, _, session) = delivery.calls[0]
        assert session.avatar_id == "ann"
        assert session.listener == "submission"
        assert session.tls is not None
        assert session.tls.version == "TLSv1.3"
        assert session.tls.cipher.startswith("TLS_")
        client.say(b"RSET", EHLO, MAIL)
        assert delivery.calls[2][2] == session, "the same session, wherever it is told"

    def test_one_for_each_transaction(self) -> None:
        made: list[AwareDelivery] = []

        def make() -> AwareDelivery:
            made.append(AwareDelivery())
            return made[-1]

        serve(DeliveryFactory(make)).greeted(MAIL, b"RSET", MAIL + b" SIZE=1")
        assert [[call[0] for call in each.calls] for each in made] == [
            ["beginTransaction", "validateFrom"]
        ] * 2
        assert made[1].calls[0][1] == MailOptions(size=1)

    def test_an_anonymous_login_comes_first(self) -> None:
        delivery = AwareDelivery()
        serve(delivery).greeted(MAIL)
        assert delivery.names() == ["beginTransaction", "validateFrom"], "told once, although asked twice"

    @pytest.mark.parametrize("method", ["beginTransaction", "recipientOptions", "messageTagged"])
    def test_what_it_raises_is_a_reply(self, method) -> None:
        delivery = AwareDelivery()

        def refuse(*_):
            raise SMTPServerError(550, "5.7.1 Not so")

        setattr(delivery, method, refuse)
        replies = serve(delivery).greeted().say(MAIL, RCPT, b"DATA", *TEXT)
        place = ["beginTransaction", "recipientOptions", "DATA", "messageTagged"].index(method)
        assert replies[place] == "550 5.7.1 Not so"
        assert [message.ends for message in delivery.messages] == [["lost"]] * (method == "messageTagged")


class TestTheWholeMessageOnce:
    def test_headers_and_body(self) -> None:
        site = TargetSite()
        client = serve(site).greeted(MAIL, RCPT, ANOTHER + b" NOTIFY=NEVER", b"DATA")
        assert client.say(b"A: b", b" c", b"", b"..body", b"", b"end", b".") == [
            "250 2.0.0 Ok: queued as ABC"
        ]
        (delivery,) = site.deliveries
        assert delivery.headers == b"Received: by the.site\r\nA: b\r\n c\r\n\r\n"
        assert delivery.body == b".body\r\n\r\nend\r\n"
        assert delivery.ends == ["commit"]
        assert delivery.envelope.reverse_path == Mailbox("sender", "client.example")
        assert delivery.envelope.recipients == (
            Recipient(BOB),
            Recipient(ANN_S, RcptOptions(notify=frozenset({Notify.NEVER}))),
        )
        assert site.names()[-3:] == ["messageTagged", "receivedHeader", "startDelivery"]
        assert site.names().count("receivedHeader") == 1
        assert site.messages == [], "no message objects beside it"

    def test_only_accepted_recipients_are_in_the_envelope(self) -> None:
        def validate_to(user):
            if user.dest.local == b"ann":
                raise SMTPBadRcpt(user)
            return lambda: pytest.fail("it takes whole messages")

        site = TargetSite(recipient=validate_to)
        serve(site).greeted(MAIL, ANOTHER, RCPT, b"DATA").say(b".")
        assert [recipient.address for recipient in site.deliveries[0].envelope.recipients] == [BOB]

    @pytest.mark.parametrize(
        ("sent", "headers", "body"),
        [
            (b"", b"\r\n", b""),
            (b"\r\n", b"\r\n", b""),
            (b"body\r\n", b"\r\n", b"body\r\n"),
            (b"A: b\r\n", b"A: b\r\n\r\n", b""),
            (b"A: b\r\n\r\n", b"A: b\r\n\r\n", b""),
            (b"A: b\r\n\r\n\r\n", b"A: b\r\n\r\n", b"\r\n"),
        ],
    )
    def test_edges_of_the_header_section(self, sent, headers, body) -> None:
        site = TargetSite(received=lambda users: None)
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.send(sent)
        assert codes(client.say(b".")) == ["250"]
        (delivery,) = site.deliveries
        assert (delivery.headers, delivery.body, delivery.ends) == (headers, body, ["commit"])

    def test_a_large_body_goes_through_in_parts(self) -> None:
        parts: list[int] = []
        site = TargetSite(
            lambda envelope, headers: TargetDelivery(
                envelope, headers, write=lambda data: parts.append(len(data))
            )
        )
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        body = b"".join(b"%070d\r\n" % number for number in range(10_000))
        client.send(b"A: b\r\n\r\n" + body)
        assert sum(parts) >= len(body) - 5, "it does not wait for the end"
        assert max(parts) <= 1 << 17
        assert codes(client.say(b".")) == ["250"]
        assert site.deliveries[0].body == body

    def test_policies_change_the_headers_before_the_trace_field_comes_on_top(self) -> None:
        policies = (
            ScriptedPolicy(
                sender=Verdict(add_headers=(HeaderField("X-From", "s"),)),
                recipient=Verdict(remove_headers=("x-secret",)),
                message=Verdict(add_headers=(HeaderField("X-Text", "m"),), remove_headers=("Bcc", "X-None")),
            ),
            ScriptedPolicy(message=Verdict(add_headers=(HeaderField("X-Two", "t"),))),
        )
        site = TargetSite()
        client = serve(site, policies=policies).greeted(MAIL, RCPT, b"DATA")
        client.say(b"BCC: x", b"X-Secret: 1", b"A: b", b"bcc: y", b" z", b"", b"Bcc: body", b".")
        assert site.deliveries[0].headers.split(b"\r\n") == [
            b"Received: by the.site",
            b"X-From: s",
            b"X-Text: m",
            b"X-Two: t",
            b"A: b",
            b"",
            b"",
        ]
        assert site.deliveries[0].body == b"Bcc: body\r\n"

    @pytest.mark.parametrize(
        "field", [HeaderField("X\r\nY", "z"), HeaderField("X", "a\r\nY: z"), HeaderField("\xe4", "")]
    )
    def test_a_policy_cannot_inject_a_field(self, field) -> None:
        site = TargetSite()
        policies = (ScriptedPolicy(message=Verdict(add_headers=(field,))),)
        client = serve(site, policies=policies).greeted(MAIL, RCPT, b"DATA")
        assert client.say(*TEXT) == [LOCAL_ERROR]
        assert site.deliveries == []

    def test_a_policy_that_removes_what_is_no_field_name(self) -> None:
        policies = (ScriptedPolicy(message=Verdict(remove_headers=("\xe4",))),)
        client = serve(TargetSite(), policies=policies).greeted(MAIL, RCPT, b"DATA")
        assert client.say(*TEXT) == [LOCAL_ERROR]


class TestTheStartOfADelivery:
    @pytest.mark.parametrize("later", [False, True])
    def test_a_refusal(self, later) -> None:
        def start(envelope, headers):
            error = SMTPServerError(552, "5.2.2 Full")
            if later:
                return fail(error)
            raise error

        client = serve(TargetSite(start)).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\nmore")
        assert client.replies() == [], "not before the end"
        assert client.say(b"", b".", b"NOOP") == ["552 5.2.2 Full", "250 2.0.0 OK"]

    @pytest.mark.parametrize("later", [False, True])
    def test_trouble_is_temporary(self, later) -> None:
        def start(envelope, headers):
            if later:
                return fail(OSError("no room"))
            raise OSError("no room")

        client = serve(TargetSite(start)).greeted(MAIL, RCPT, b"DATA")
        with logged() as events:
            assert client.say(*TEXT) == [LOCAL_ERROR]
        assert any("no room" in eventAsText(event) for event in events)

    def test_the_client_waits_for_it(self) -> None:
        started: Deferred[TargetDelivery] = Deferred()
        site = TargetSite(lambda envelope, headers: started)
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\n")
        client.send(b"body\r\n" * 50_000)
        assert client.transport.producerState == "paused"
        # What the wait began with, and what came during it.
        assert client.unread >= 300_000 - 2 * (1 << 16)
        envelope = site.calls[-1][1]
        started.callback(TargetDelivery(envelope, b""))
        assert codes(client.say(b".")) == ["250"]
        assert site.deliveries[0].body == b"body\r\n" * 50_000

    def test_at_the_very_end_of_the_message_too(self) -> None:
        started: Deferred[TargetDelivery] = Deferred()
        site = TargetSite(lambda envelope, headers: started)
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        assert client.say(b"A: b", b".", b"NOOP") == []
        started.callback(TargetDelivery(site.calls[-1][1], b""))
        assert codes(client.replies()) == ["250", "250"]
        assert site.deliveries[0].ends == ["commit"]

    def test_a_connection_that_is_lost_meanwhile(self) -> None:
        started: Deferred[TargetDelivery] = Deferred()
        site = TargetSite(lambda envelope, headers: started)
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.say(*TEXT)
        client.vanish()
        started.callback(delivery := TargetDelivery(site.calls[-1][1], b""))
        assert delivery.ends == ["abort"]
        assert client.octets() == b""


class TestBackpressure:
    def test_nothing_more_is_read_until_it_is_written(self) -> None:
        waits: list[Deferred[None]] = []

        def write(data):
            waits.append(Deferred())
            return waits[-1]

        site = TargetSite(lambda envelope, headers: TargetDelivery(envelope, headers, write=write))
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        body = b"body\r\n" * 60_000
        client.send(b"A: b\r\n\r\n" + body)
        rounds = 0
        while waits:
            assert client.transport.producerState == "paused"
            assert len(waits) == 1, "one at a time"
            waits.pop().callback(None)
            client.pump()
            rounds += 1
        assert rounds >= 5
        client.send(b".\r\n")
        while waits:
            waits.pop().callback(None)
        assert codes(client.replies()) == ["250"]
        assert site.deliveries[0].body == body

    @pytest.mark.parametrize("text", [(b"body",), (b"A: b", b"", b"body")])
    @pytest.mark.parametrize("later", [False, True])
    def test_trouble_while_writing_is_temporary(self, later, text) -> None:
        def write(data):
            if later:
                return fail(OSError("disk full"))
            raise OSError("disk full")

        site = TargetSite(lambda envelope, headers: TargetDelivery(envelope, headers, write=write))
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        assert client.say(*text, b".", b"NOOP") == [LOCAL_ERROR, "250 2.0.0 OK"]
        assert site.deliveries[0].ends == ["abort"]

    def test_nothing_is_written_where_there_is_nothing(self) -> None:
        site = TargetSite(
            lambda envelope, headers: TargetDelivery(
                envelope, headers, write=lambda data: pytest.fail(repr(data))
            )
        )
        client = serve(site).greeted(MAIL, RCPT)
        for text in (b"", b"A: b\r\n", b"A: b\r\n\r\n"):
            assert codes(client.say(MAIL, RCPT, b"DATA", text + b"."))[-1] == "250"


class TestTheEndOfADelivery:
    def serve(self, commit, **settings):
        site = TargetSite(lambda envelope, headers: TargetDelivery(envelope, headers, commit), **settings)
        client = serve(site).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        return site, client

    def test_the_reply_comes_after_the_commit(self) -> None:
        done: Deferred[object] = Deferred()
        _, client = self.serve(lambda envelope: done)
        assert client.say(*TEXT, MAIL) == []
        done.callback({BOB: Outcome(250, "2.0.0", "Safe"), ANN_S: Outcome(250, "2.0.0", "Safe")})
        assert client.replies() == ["250 2.0.0 Safe", "250 2.1.0 Sender OK"]

    @pytest.mark.parametrize("way", ["raised", "deferred", "wrong"])
    def test_trouble_is_temporary(self, way) -> None:
        def commit(envelope):
            if way == "raised":
                raise OSError("sync")
            return fail(OSError("sync")) if way == "deferred" else succeed({})

        _, client = self.serve(commit)
        with logged() as events:
            assert client.say(*TEXT, b"NOOP") == [LOCAL_ERROR, "250 2.0.0 OK"]
        assert any("sync" in eventAsText(event) or "bob" in eventAsText(event) for event in events)

    def test_a_refusal(self) -> None:
        _, client = self.serve(lambda envelope: fail(SMTPServerError(554, "5.6.0 Not this")))
        assert client.say(*TEXT) == ["554 5.6.0 Not this"]

    @pytest.mark.parametrize(
        ("bob", "ann", "told"),
        [
            (Outcome(250, "2.0.0", "a"), Outcome(451, "4.2.0", "b"), "451 4.2.0 b"),
            (Outcome(550, "5.2.0", "a"), Outcome(250, "2.0.0", "b"), "550 5.2.0 a"),
            (Outcome(550, "5.2.0", "a"), Outcome(451, "4.2.0", "b"), "451 4.2.0 b"),
            (Outcome(250, "2.0.0", "a"), Outcome(250, "2.0.0", "b"), "250 2.0.0 a"),
            (Outcome(250, "2.1.5", "x\r\n550 y"), Outcome(250, "2.0.0", "b"), "250-2.1.5 x\n250 2.1.5 550 y"),
        ],
    )
    def test_one_reply_stands_for_all(self, bob, ann, told) -> None:
        _, client = self.serve(lambda envelope: succeed({BOB: bob, ANN_S: ann}))
        assert client.say(*TEXT) == [told]

    def test_lmtp_has_one_for_each(self) -> None:
        outcomes = {BOB: Outcome(250, "2.1.5", "in"), ANN_S: Outcome(552, "5.2.2", "full")}
        site = TargetSite(
            lambda envelope, headers: TargetDelivery(envelope, headers, lambda _: succeed(outcomes))
        )
        client = serve_lmtp(site).connect()
        client.say(LHLO, MAIL, ANOTHER, RCPT, b"DATA")
        assert client.say(*TEXT) == ["552 5.2.2 full", "250 2.1.5 in"]
        assert site.deliveries[0].envelope.recipients == (Recipient(ANN_S), Recipient(BOB))

    def test_lmtp_chunks_too(self) -> None:
        client = serve_lmtp(TargetSite()).connect()
        client.say(LHLO, MAIL, ANOTHER, RCPT)
        client.send(b"BDAT 2\r\nhiBDAT 0 LAST\r\n")
        assert codes(client.replies()) == ["250", "250", "250"]

    def test_lmtp_refuses_for_each_what_is_refused_for_all(self) -> None:
        policies = (ScriptedPolicy(message=Verdict.refuse("spam")),)
        client = serve_lmtp(TargetSite(), policies=policies).connect()
        client.say(LHLO, MAIL, ANOTHER, RCPT, b"DATA")
        assert client.say(*TEXT) == ["550 5.7.1 Refused by policy"] * 2


class TestAborting:
    def begun(self, *rest: bytes, **settings):
        site = TargetSite()
        server = serve(site, **settings)
        client = server.greeted(MAIL, RCPT)
        client.send(b"BDAT 12\r\nA: b\r\n\r\nbodyNOOP\r\n")
        assert codes(client.replies()) == ["250", "250"]
        return site, server, client

    @pytest.mark.parametrize("line", [b"RSET", b"QUIT", b"EHLO again.example", b"BDAT x"])
    def test_by_a_command(self, line) -> None:
        site, _, client = self.begun()
        client.say(line)
        assert site.deliveries[0].ends == ["abort"]

    def test_by_a_loss(self) -> None:
        site, _, client = self.begun()
        client.vanish()
        assert site.deliveries[0].ends == ["abort"]

    def test_by_a_time_out(self) -> None:
        site, server, client = self.begun(message_timeout=100.0, min_rate=0.0)
        server.advance(100.0)
        assert codes(client.replies()) == ["421"]
        assert site.deliveries[0].ends == ["abort"]

    def test_by_a_fault(self) -> None:
        site, _, client = self.begun()
        client.send(b"BDAT 6\r\nbare\n!")
        assert site.deliveries[0].ends == ["abort"]
        client.send(b"BDAT 0 LAST\r\n")
        assert codes(client.replies()) == ["250", "550"]
        assert site.deliveries[0].ends == ["abort"]

    def test_a_complete_message_is_no_longer_aborted(self) -> None:
        done: Deferred[object] = Deferred()
        site = TargetSite(lambda envelope, headers: TargetDelivery(envelope, headers, lambda _: done))
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.say(*TEXT)
        client.vanish()
        assert site.deliveries[0].ends == ["commit"]
        done.callback({BOB: Outcome(250, "2.0.0", "Safe")})
        assert client.octets() == b""

    def test_it_may_fail(self) -> None:
        site, server, client = self.begun()

        def abort():
            raise OSError("cannot unlink")

        site.deliveries[0].abort = abort
        with logged() as events:
            client.vanish()
        assert any("cannot unlink" in eventAsText(event) for event in events)
        assert server.factory.drain().called, "the connection is still counted"

    def test_before_the_header_section_has_ended_there_is_nothing_to_abort(self) -> None:
        site = TargetSite()
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n")
        client.vanish()
        assert site.deliveries == []

    def test_the_next_transaction_begins_anew(self) -> None:
        site, _, client = self.begun()
        assert codes(client.say(b"RSET", MAIL, ANOTHER, b"DATA", *TEXT)) == ["250"] * 3 + ["354", "250"]
        assert [delivery.ends for delivery in site.deliveries] == [["abort"], ["commit"]]
        assert site.deliveries[1].body == b"Hello\r\n"


def test_messages_are_told_apart_from_targets_by_the_delivery_object_of_the_transaction() -> None:
    made = iter([TargetSite(), plain := AwareDelivery(message=Message), target := TargetSite()])
    client = serve(DeliveryFactory(lambda: next(made))).greeted(MAIL, b"RSET")
    for _ in range(2):
        assert codes(client.say(MAIL, RCPT, b"DATA", *TEXT)) == ["250", "250", "354", "250"]
    assert plain.messages[0].ends == ["complete"]
    assert target.deliveries[0].ends == ["commit"]
    assert all_well(target.deliveries[0].envelope).result

"""Messages for a site's own ``IMessage`` objects: exceptions at every step, lines, lost connections."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import eventAsText
from twisted.mail.smtp import (
    AddressError,
    SMTPAddressError,
    SMTPBadRcpt,
    SMTPBadSender,
    SMTPServerError,
)

from mailext.testing import ScriptedPolicy
from mailext.values import Verdict
from tests.net.client import codes
from tests.net.site import EHLO, LHLO, MAIL, RCPT, Delivery, Message, serve, serve_lmtp
from tests.support import logged

ANOTHER = b"RCPT TO:<ann@example.org>"
LOCAL_ERROR = "451 4.3.0 Requested action aborted: local error in processing"

#: What a site may raise, and what the client is then told; the enhanced status
#: code that is given where the site has none is left out as ``*``.
REFUSALS = [
    (SMTPServerError(550, "Go away"), "550 5.* Go away"),
    (SMTPServerError(550, b"Go away"), "550 5.* Go away"),
    (SMTPServerError(452, "4.2.2 Mailbox full"), "452 4.2.2 Mailbox full"),
    (SMTPServerError(552, b"5.2.2 Mailbox full"), "552 5.2.2 Mailbox full"),
    (SMTPServerError(451, "5.1.1 Contradicts itself"), "451 4.* 5.1.1 Contradicts itself"),
    (SMTPServerError(421, "4.3.2 Not now"), "421 4.3.2 Not now"),
    (SMTPServerError(554, "na\u00efve\tor\x00not"), "554 5.* na?ve?or?not"),
    (SMTPServerError(550, ""), "550 5.* "),
]
TROUBLE = [
    SMTPServerError(250, "Not an error"),
    SMTPServerError(354, "Not an error"),
    SMTPServerError(600, "Not a code"),
    SMTPAddressError(b"bob", 250, "OK"),
    AddressError("a bad address"),
    OSError(28, "No space left on device"),
    KeyError("bob"),
    RuntimeError(),
]


def fits(reply: str, pattern: str) -> bool:
    """Whether a reply is what a pattern says; ``5.*`` there is any enhanced status code of that class."""
    expression = re.escape(pattern).replace(r"\.\*", r"\.[0-9]+\.[0-9]+")
    return re.fullmatch(expression, reply) is not None


def raiser(error: Exception) -> Callable[..., object]:
    def hook(*_: object) -> object:
        raise error

    return hook


def failing(error: Exception) -> Callable[..., object]:
    return lambda *_: fail(error)


WAYS = pytest.mark.parametrize("way", [raiser, failing], ids=["raised", "deferred"])
REFUSED = pytest.mark.parametrize(("error", "told"), REFUSALS, ids=[told for _, told in REFUSALS])
TROUBLED = pytest.mark.parametrize("error", TROUBLE, ids=repr)


class TestValidateFrom:
    @WAYS
    @REFUSED
    def test_a_refusal_has_the_code_of_the_site(self, way, error, told) -> None:
        client = serve(Delivery(sender=way(error))).greeted()
        (reply,) = client.say(MAIL)
        assert fits(reply, told)
        assert codes(client.say(RCPT, b"NOOP")) == ["503", "250"]

    @WAYS
    @TROUBLED
    def test_trouble_is_temporary_and_logged(self, way, error) -> None:
        client = serve(Delivery(sender=way(error))).greeted()
        with logged() as events:
            assert client.say(MAIL, b"NOOP") == [LOCAL_ERROR, "250 2.0.0 OK"]
        assert any(type(error).__name__ in eventAsText(event) for event in events)

    @pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
    def test_no_text_can_forge_a_reply(self, line_break) -> None:
        text = f"no{line_break}250 OK"
        client = serve(Delivery(sender=raiser(SMTPServerError(550, text)))).greeted()
        assert client.say(MAIL) == ["550-5.7.1 no\n550 5.7.1 250 OK"]
        at_end = raiser(SMTPServerError(550, text))
        client = serve(Delivery(message=lambda: Message(at_end=at_end))).greeted(MAIL, RCPT, b"DATA")
        assert client.say(b".") == ["550 5.3.0 no 250 OK"]

    def test_the_exception_for_senders(self) -> None:
        delivery = Delivery(sender=lambda origin: fail(SMTPBadSender(origin)))
        assert serve(delivery).greeted().say(MAIL) == ["550 5.7.1 Sender not acceptable"]

    def test_the_null_sender_is_the_sites_business_too(self) -> None:
        delivery = Delivery(sender=raiser(SMTPBadSender("<>", 550, "5.7.1 No bounces")))
        assert serve(delivery).greeted().say(b"MAIL FROM:<>") == ["550 5.7.1 No bounces"]

    def test_an_answer_may_come_later(self) -> None:
        answer: Deferred[object] = Deferred()
        delivery = Delivery(sender=lambda origin: answer.addCallback(lambda _: origin))
        client = serve(delivery).greeted()
        assert client.say(MAIL) == []
        answer.callback(None)
        assert client.replies() == ["250 2.1.0 Sender OK"]

    def test_a_later_one_is_asked_anew(self) -> None:
        answers = iter([fail(SMTPBadSender("x")), succeed(None)])
        delivery = Delivery(sender=lambda origin: next(answers).addCallback(lambda _: origin))
        client = serve(delivery).greeted()
        assert codes(client.say(MAIL, MAIL, RCPT)) == ["550", "250", "250"]


class TestValidateTo:
    @WAYS
    @REFUSED
    def test_a_refusal_has_the_code_of_the_site(self, way, error, told) -> None:
        client = serve(Delivery(recipient=way(error))).greeted(MAIL)
        (reply,) = client.say(RCPT)
        assert fits(reply, told)
        assert codes(client.say(b"DATA", b"NOOP")) == ["503", "250"]

    @WAYS
    @TROUBLED
    def test_trouble_is_temporary_and_logged(self, way, error) -> None:
        client = serve(Delivery(recipient=way(error))).greeted(MAIL)
        with logged() as events:
            assert client.say(RCPT, b"NOOP") == [LOCAL_ERROR, "250 2.0.0 OK"]
        assert any(type(error).__name__ in eventAsText(event) for event in events)

    def test_the_exception_for_recipients(self) -> None:
        delivery = Delivery(recipient=raiser(SMTPBadRcpt("bob")))
        assert serve(delivery).greeted(MAIL).say(RCPT) == ["550 5.1.1 Cannot receive for specified address"]

    def test_only_accepted_recipients_get_the_message(self) -> None:
        made: list[Message] = []

        def validate_to(user):
            if user.dest.local == b"ann":
                raise SMTPBadRcpt(user)
            return succeed(lambda: made.append(Message()) or made[-1])

        client = serve(Delivery(recipient=validate_to)).greeted()
        assert codes(client.say(MAIL, ANOTHER, RCPT, ANOTHER, RCPT)) == ["250", "550", "250", "550", "250"]
        assert codes(client.say(b"DATA", b".")) == ["354", "250"]
        assert [message.ends for message in made] == [["complete"], ["complete"]]


class TestMakingTheMessage:
    @REFUSED
    def test_a_refusal_has_the_code_of_the_site(self, error, told) -> None:
        first = Message()
        makers = iter([lambda: first, raiser(error)])
        client = serve(Delivery(recipient=lambda user: next(makers))).greeted()
        *_, reply = client.say(MAIL, RCPT, ANOTHER, b"DATA")
        assert fits(reply, told)
        assert first.ends == ["lost"]
        assert codes(client.say(RCPT, MAIL)) == ["503", "250"], "the transaction is over"

    @TROUBLED
    def test_trouble_is_temporary(self, error) -> None:
        client = serve(Delivery(recipient=lambda user: raiser(error))).greeted()
        assert client.say(MAIL, RCPT, b"DATA")[2:] == [LOCAL_ERROR]

    def test_a_chunk_is_swallowed_with_the_refusal(self) -> None:
        delivery = Delivery(recipient=lambda user: raiser(SMTPServerError(552, "5.2.2 Full")))
        client = serve(delivery).greeted(MAIL, RCPT)
        client.send(b"BDAT 5\r\nQUITQBDAT 6 LAST\r\nNOOP\r\nNOOP\r\n")
        assert client.replies() == ["552 5.2.2 Full", "503 5.5.1 Bad sequence of commands", "250 2.0.0 OK"]

    def test_the_trace_field_may_fail(self) -> None:
        message = Message()
        delivery = Delivery(received=raiser(SMTPServerError(554, "5.4.6 Loop")), message=lambda: message)
        client = serve(delivery).greeted(MAIL, RCPT, b"DATA")
        assert client.say(b"A: b", b"", b"body", b".") == ["554 5.4.6 Loop"]
        assert (message.lines, message.ends) == ([], ["lost"])


class TestLines:
    @REFUSED
    def test_a_message_object_may_refuse_a_line(self, error, told) -> None:
        def at_line(line):
            if line == b"bad":
                raise error

        message = Message(at_line)
        client = serve(Delivery(message=lambda: message)).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\ngood\r\n")
        client.send(b"bad\r\nugly\r\n")
        client.send(b"more\r\n")
        assert client.replies() == [], "never before the end"
        (reply, noop) = client.say(b".", b"NOOP")
        assert fits(reply, told)
        assert noop == "250 2.0.0 OK"
        assert message.lines == [b"Received: by the.site", b"A: b", b"", b"good"]
        assert message.ends == ["lost"]

    def test_one_of_several_may_fail_while_the_others_go_on(self) -> None:
        bad, good = Message(at_line=raiser(KeyError("line"))), Message()
        makers = iter([bad, good])
        client = serve(Delivery(message=lambda: next(makers))).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        assert client.say(b"A: b", b"", b"body", b".") == [LOCAL_ERROR]
        assert bad.ends == ["lost"]
        assert good.ends == ["complete"]
        assert good.lines[-1] == b"body"

    @pytest.mark.parametrize(
        ("sent", "lines"),
        [
            (b"", [b""]),
            (b"\r\n", [b""]),
            (b"body\r\n", [b"", b"body"]),
            (b"\r\nbody\r\n", [b"", b"body"]),
            (b"A: b\r\n", [b"A: b", b""]),
            (b"A: b\r\n c\r\n\r\n", [b"A: b", b" c", b""]),
            (b"A: b\r\n\r\n\r\n\r\n", [b"A: b", b"", b"", b""]),
            (b"A: b\r\n\r\n...\r\n..x\r\n", [b"A: b", b"", b"..", b".x"]),
            (b"A: b\r\nnot a field\r\nC: d\r\n", [b"A: b", b"", b"not a field", b"C: d"]),
            (b"A: \xff\x00\r\n\r\n\x80\r\n", [b"A: \xff\x00", b"", b"\x80"]),
            (b"A: b\r\n\r\n" + b"x" * 100_000 + b"\r\n", [b"A: b", b"", b"x" * 100_000]),
        ],
    )
    def test_they_come_as_they_were_sent(self, sent, lines) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT, b"DATA")
        client.send(sent)
        assert codes(client.say(b".")) == ["250"]
        assert delivery.messages[0].lines == [b"Received: by the.site", *lines]

    def test_each_message_has_a_trace_field_of_its_own(self) -> None:
        delivery = Delivery(received=lambda users: b"Received: for " + bytes(users[0]))
        client = serve(delivery).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        client.say(b"A: b", b".")
        assert [message.lines[0] for message in delivery.messages] == [
            b"Received: for bob@example.org",
            b"Received: for ann@example.org",
        ]

    def test_chunks_give_the_same_lines(self) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT)
        client.send(b"BDAT 9\r\nA: b\r\n\r\n.BDAT 7\r\n.\r\nlas\rBDAT 0\r\nBDAT 3 LAST\r\n\nt.")
        assert codes(client.replies()) == ["250", "250", "250", "250"]
        assert delivery.messages[0].lines[1:] == [b"A: b", b"", b"..", b"las", b"t."]


class TestTheEnd:
    @pytest.mark.parametrize("way", [raiser, failing], ids=["raised", "deferred"])
    @REFUSED
    def test_a_refusal_has_the_code_of_the_site(self, way, error, told) -> None:
        client = serve(Delivery(message=lambda: Message(at_end=way(error)))).greeted(MAIL, RCPT, b"DATA")
        (reply,) = client.say(b".")
        assert fits(reply, told)
        assert codes(client.say(b"NOOP", RCPT, MAIL)) == ["250", "503", "250"]

    @pytest.mark.parametrize("way", [raiser, failing], ids=["raised", "deferred"])
    @TROUBLED
    def test_trouble_is_temporary_and_never_550(self, way, error) -> None:
        client = serve(Delivery(message=lambda: Message(at_end=way(error)))).greeted(MAIL, RCPT, b"DATA")
        with logged() as events:
            assert client.say(b".") == [LOCAL_ERROR]
        assert any(type(error).__name__ in eventAsText(event) for event in events)

    def test_the_reply_waits_for_every_message_object(self) -> None:
        ends: list[Deferred[object]] = [Deferred(), Deferred()]
        given = iter(ends)
        delivery = Delivery(message=lambda: Message(at_end=lambda: next(given)))
        client = serve(delivery).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        assert client.say(b".") == []
        ends[1].callback("whatever")
        assert client.replies() == []
        ends[0].callback(None)
        assert codes(client.replies()) == ["250"]

    @pytest.mark.parametrize(
        ("ends", "code"),
        [
            ((None, SMTPServerError(550, "no")), "550"),
            ((SMTPServerError(550, "no"), None), "550"),
            ((SMTPServerError(550, "no"), OSError()), "451"),
            ((OSError(), SMTPServerError(550, "no")), "451"),
            ((None, OSError()), "451"),
            ((None, None), "250"),
        ],
    )
    def test_one_reply_stands_for_all_so_that_nobody_is_lost(self, ends, code) -> None:
        results = iter([succeed(None) if error is None else fail(error) for error in ends])
        delivery = Delivery(message=lambda: Message(at_end=lambda: next(results)))
        client = serve(delivery).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        assert codes(client.say(b".")) == [code]

    def test_one_that_answers_with_no_deferred(self) -> None:
        client = serve(Delivery(message=lambda: Message(at_end=lambda: None))).greeted(MAIL, RCPT, b"DATA")
        assert codes(client.say(b".")) == ["250"]

    def test_lmtp_has_a_reply_for_each_recipient(self) -> None:
        results = iter(
            [
                succeed(None),
                fail(SMTPServerError(452, "4.2.2 Full")),
                fail(OSError("disk")),
                fail(SMTPServerError(550, "No")),
            ]
        )
        delivery = Delivery(message=lambda: Message(at_end=lambda: next(results)))
        client = serve_lmtp(delivery).connect()
        recipients = [b"RCPT TO:<%s@example.org>" % name for name in (b"a", b"b", b"c", b"d")]
        client.say(LHLO, MAIL, *recipients, b"DATA")
        assert client.say(b"Hi", b".") == [
            "250 2.0.0 Delivery in progress",
            "452 4.2.2 Full",
            LOCAL_ERROR,
            "550 5.3.0 No",
        ]

    def test_lmtp_has_the_same_reply_for_each_where_the_message_is_refused(self) -> None:
        delivery = Delivery(received=raiser(SMTPServerError(554, "5.4.6 Loop")))
        client = serve_lmtp(delivery).connect()
        client.say(LHLO, MAIL, RCPT, ANOTHER, b"DATA")
        assert client.say(b"Hi", b".") == ["554 5.4.6 Loop"] * 2

    def test_lmtp_answers_twice_where_one_recipient_is_named_twice(self) -> None:
        client = serve_lmtp(Delivery()).connect()
        client.say(LHLO, MAIL, RCPT, RCPT, b"DATA")
        assert codes(client.say(b".")) == ["250", "250"]


class TestLostConnections:
    """Nothing that is not complete is ever delivered."""

    @pytest.mark.parametrize(
        "sent", [b"", b"A: b\r\n", b"A: b\r\n\r\n", b"A: b\r\n\r\nbody\r\n.", b"\r\n.\r"]
    )
    def test_every_message_object_is_told(self, sent) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        client.send(sent)
        client.vanish()
        assert [message.ends for message in delivery.messages] == [["lost"], ["lost"]]

    def test_between_chunks_too(self) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT)
        client.send(b"BDAT 10\r\nA: b\r\n\r\nhiBDAT 100 LAST\r\nwhat")
        client.vanish()
        assert [message.ends for message in delivery.messages] == [["lost"]]

    def test_reset_between_chunks(self) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT)
        client.send(b"BDAT 10\r\nA: b\r\n\r\nhiRSET\r\n")
        assert codes(client.replies()) == ["250", "250"]
        assert [message.ends for message in delivery.messages] == [["lost"]]

    def test_quitting_between_chunks(self) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT)
        client.send(b"BDAT 10\r\nA: b\r\n\r\nhiQUIT\r\n")
        assert [message.ends for message in delivery.messages] == [["lost"]]

    def test_a_fault_of_the_message_is_told_at_once(self) -> None:
        delivery = Delivery()
        client = serve(delivery).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\nbare\nLF\r\n")
        assert [message.ends for message in delivery.messages] == [["lost"]]
        assert client.replies() == []
        assert client.say(b"x", b".") == ["550 5.6.0 Message contains bare CR or LF"]

    @pytest.mark.parametrize("text", [b"A: b\r\n", b"A: b\r\n\r\n", b"body\r\n", b""])
    def test_a_refusal_of_the_whole_message_is_told_too(self, text) -> None:
        delivery = Delivery()
        policies = (ScriptedPolicy(message=Verdict.refuse("no")),)
        client = serve(delivery, policies=policies).greeted(MAIL, RCPT, b"DATA")
        client.send(text + b".\r\n")
        assert codes(client.replies()) == ["550"]
        assert [message.ends for message in delivery.messages] == [["lost"]]

    def test_one_that_fails_on_it_does_not_keep_it_from_the_others(self) -> None:
        class Clumsy(Message):
            def connectionLost(self):
                raise KeyError("clumsy")

        messages = iter([Clumsy(), second := Message()])
        client = serve(Delivery(message=lambda: next(messages))).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        with logged() as events:
            client.vanish()
        assert second.ends == ["lost"]
        assert any("clumsy" in eventAsText(event) for event in events)

    def test_what_is_complete_stays_complete(self) -> None:
        end: Deferred[object] = Deferred()
        message = Message(at_end=lambda: end)
        client = serve(Delivery(message=lambda: message)).greeted(MAIL, RCPT, b"DATA")
        client.say(b".")
        client.vanish()
        assert message.ends == ["complete"]
        end.callback(None)
        assert client.octets() == b""

    def test_a_time_out_is_as_a_loss(self) -> None:
        delivery = Delivery()
        server = serve(delivery, message_timeout=100.0, min_rate=0.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        server.advance(100.0)
        assert client.replies() == ["421 4.7.0 Timeout exceeded"]
        assert [message.ends for message in delivery.messages] == [["lost"]]


def test_transactions_follow_each_other() -> None:
    delivery = Delivery()
    client = serve(delivery).greeted()
    for number in range(3):
        text = b"Subject: %d\r\n\r\n.." % number
        assert codes(client.say(MAIL, RCPT, b"DATA", text, b".")) == ["250", "250", "354", "250"]
    assert [message.lines[1] for message in delivery.messages] == [
        b"Subject: 0",
        b"Subject: 1",
        b"Subject: 2",
    ]


def test_an_ehlo_ends_the_transaction() -> None:
    delivery = Delivery()
    client = serve(delivery).greeted(MAIL, RCPT)
    client.send(b"BDAT 2\r\nhi")
    assert codes(client.say(EHLO, RCPT, MAIL)) == ["250", "250", "503", "250"]
    assert delivery.messages[0].ends == ["lost"]

"""Mail coming in: who may send, who is a recipient, and what goes into the queue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from twisted.mail.smtp import Address, SMTPBadRcpt, SMTPBadSender, SMTPServerError, User
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.accounts.addresses import AddressBook
from mailext.delivery.expansion import expand
from mailext.delivery.realm import MailRealm, deliveries
from mailext.delivery.reception import ExchangeDelivery, Reception, SubmissionDelivery, any_sender
from mailext.interfaces import IDelivery, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.message.headers import HeaderSection
from mailext.values import (
    Envelope,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    Protocol,
    RcptOptions,
    Recipient,
    SessionView,
    TlsDemand,
)
from mailext.wire.grammar import parse_mailbox
from tests.support import success_result_of

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
INFO = Mailbox("info", "example.org")
CAROL = Mailbox("carol", "example.net")
NO_OPTIONS = MailOptions()
SESSION = SessionView("0123", Protocol.ESMTP, "mx", "192.0.2.1", helo="client.example")
HELO = (b"client.example", b"192.0.2.1")
HEADERS = HeaderSection.parse(b"Received: from x\r\nBcc: bob\r\nFrom: ann\r\n\r\n")[0]
QUEUED = Outcome(250, "2.0.0", "Ok: queued as 1")


@implementer(IDelivery)
class RecordedDelivery:
    def __init__(self) -> None:
        self.body = b""
        self.aborted = False
        self.outcomes = {}

    def write(self, data):
        self.body += data

    def commit(self):
        return succeed(self.outcomes)

    def abort(self):
        self.aborted = True


@implementer(IDeliveryTarget)
class RecordingQueue:
    """A queue that answers at once, or when it is told to."""

    def __init__(self) -> None:
        self.delivery = RecordedDelivery()
        self.answer = self.delivery

    def startDelivery(self, envelope, headers):
        self.envelope, self.headers = envelope, headers
        self.delivery.outcomes = {each.address: QUEUED for each in envelope.recipients}
        return self.answer


class Server:
    def __init__(self, **changes) -> None:
        self.book = AddressBook(
            ["example.org"],
            ["ann@example.org", "bob@example.org"],
            {"info": ["bob", "ann"], "x@example.org": ["x"]},
        )
        self.queue = RecordingQueue()
        self.sessions = []
        clock = Clock()
        clock.advance(datetime(2030, 1, 2, tzinfo=UTC).timestamp())
        self.reception = Reception(
            lambda: self.book, self.target_for, "mx.example.org", clock, lambda: "unique", **changes
        )

    def target_for(self, session):
        self.sessions.append(session)
        return self.queue

    def exchange(self, options=NO_OPTIONS) -> ExchangeDelivery:
        delivery = ExchangeDelivery(self.reception)
        delivery.beginTransaction(options, SESSION)
        return delivery

    def submission(self, account=ANN) -> SubmissionDelivery:
        delivery = SubmissionDelivery(self.reception, account)
        delivery.beginTransaction(NO_OPTIONS, SESSION)
        return delivery


@pytest.fixture
def server() -> Server:
    return Server()


def rcpt(delivery, mailbox: Mailbox):
    user = User(b"somebody@example.org", HELO, None, b"")
    delivery.recipientOptions(mailbox, RcptOptions())
    return delivery.validateTo(user)


def deliver(delivery, *recipients, demand=TlsDemand.NONE, headers=HEADERS):
    envelope = Envelope(
        CAROL,
        tuple(each if isinstance(each, Recipient) else Recipient(each) for each in recipients),
        tls_demand=demand,
    )
    delivery.messageTagged(demand)
    return delivery.startDelivery(envelope, headers)


def test_interfaces(server):
    for delivery in (server.exchange(), server.submission()):
        assert verifyObject(IMessageDelivery, delivery)
        assert verifyObject(IEnvelopeAwareDelivery, delivery)
        assert verifyObject(IDeliveryTarget, delivery)
    assert verifyObject(IDeliveryTarget, server.queue)
    assert verifyObject(IDelivery, server.queue.delivery)
    assert verifyObject(IDelivery, deliver(server.exchange(), ANN))


class TestSender:
    def mail(self, delivery, sender: bytes):
        origin = Address(sender)
        assert delivery.validateFrom(HELO, origin) is origin

    @pytest.mark.parametrize(
        "sender",
        [
            b"ann@example.org",
            b"Ann@EXAMPLE.org",
            b"ann+x@example.org",
            b"info@example.org",
            b'"ann"@example.org',
        ],
    )
    def test_an_account_sends_as_its_own(self, server, sender):
        self.mail(server.submission(), sender)

    @pytest.mark.parametrize(
        "sender",
        [
            b"bob@example.org",
            b"ann@example.net",
            b"nobody@example.org",
            b'"ann@example.org"@example.net',
            b"ann%example.org@example.net",
        ],
    )
    def test_and_as_nobody_else(self, server, sender):
        with pytest.raises(SMTPBadSender) as raised:
            self.mail(server.submission(), sender)
        assert (raised.value.code, raised.value.resp[:6]) == (553, "5.7.1 ")

    def test_what_is_no_address_is_nobodys(self, server):
        origin = Address(b"ann@example.org")
        origin.local = b"ann\xff"
        with pytest.raises(SMTPBadSender):
            server.submission().validateFrom(HELO, origin)

    def test_the_null_reverse_path_is_for_notifications(self, server):
        self.mail(server.submission(), b"")

    def test_the_check_can_be_another(self):
        self.mail(Server(sender_check=any_sender).submission(), b"bob@example.net")

    @pytest.mark.parametrize("sender", [b"", b"bob@example.org", b"x@example.net"])
    def test_from_elsewhere_anybody_sends(self, server, sender):
        self.mail(server.exchange(), sender)


class TestRecipient:
    @pytest.mark.parametrize("text", ["ann@example.org", "ANN+x@Example.org", "info@example.org"])
    def test_local(self, server, text):
        for delivery in (server.exchange(), server.submission()):
            assert callable(rcpt(delivery, parse_mailbox(text)))

    def test_postmaster(self, server):
        assert callable(rcpt(server.exchange(), Mailbox("Postmaster", "")))

    @pytest.mark.parametrize("text", ["nobody@example.org", "x@example.org", "ann%example.net@example.org"])
    def test_unknown(self, server, text):
        for delivery in (server.exchange(), server.submission()):
            with pytest.raises(SMTPBadRcpt) as raised:
                rcpt(delivery, parse_mailbox(text))
            assert (raised.value.code, raised.value.resp) == (550, "5.1.1 No such recipient here")

    @pytest.mark.parametrize(
        "text",
        ["carol@example.net", "ann@[192.0.2.1]", '"ann@example.org"@example.net', "ann@sub.example.org"],
    )
    def test_remote(self, server, text):
        with pytest.raises(SMTPBadRcpt) as raised:
            rcpt(server.exchange(), parse_mailbox(text))
        assert (raised.value.code, raised.value.resp) == (550, "5.7.1 Relaying denied")
        assert callable(rcpt(server.submission(), parse_mailbox(text)))

    def test_remote_without_a_login(self):
        asked = []
        server = Server(relay_check=lambda session: asked.append(session) or True)
        assert callable(rcpt(server.exchange(), CAROL))
        assert asked == [SESSION]

    def test_a_protocol_without_whole_messages_gets_a_temporary_error(self, server):
        with pytest.raises(SMTPServerError) as raised:
            rcpt(server.exchange(), ANN)()
        assert raised.value.code == 451

    def test_a_transaction_keeps_its_address_book(self, server):
        delivery = server.exchange()
        server.book = AddressBook(["example.org"])
        assert callable(rcpt(delivery, ANN))
        deliver(delivery, ANN)
        assert [each.address for each in server.queue.envelope.recipients] == [ANN]


class TestReceived:
    def test_one_recipient(self, server):
        user = User(b"ann@example.org", HELO, None, b"")
        field = server.exchange().receivedHeader(HELO, Address(b""), [user])
        assert field == (
            b"Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTP\r\n"
            b"\tfor <ann@example.org>; Wed, 02 Jan 2030 00:00:00 +0000"
        )

    def test_several_recipients(self, server):
        users = [User(name, HELO, None, b"") for name in (b"ann@example.org", b"bob@example.org")]
        assert b"for <" not in server.exchange().receivedHeader(HELO, Address(b""), users)

    def test_smtputf8(self, server):
        delivery = server.exchange(MailOptions(smtputf8=True))
        assert b"with UTF8SMTP;" in delivery.receivedHeader(HELO, Address(b""), []).replace(b"\r\n\t", b" ")


class TestMessage:
    def test_from_elsewhere_it_is_not_touched(self, server):
        deliver(server.exchange(), ANN)
        assert server.queue.headers == HEADERS

    def test_a_submission_is_completed(self, server):
        deliver(server.submission(), ANN)
        assert bytes(server.queue.headers) == (
            b"Received: from x\r\nFrom: ann\r\nDate: Wed, 02 Jan 2030 00:00:00 +0000\r\n"
            b"Message-ID: <unique@mx.example.org>\r\n\r\n"
        )

    def test_it_goes_into_the_sessions_queue(self, server):
        deliver(server.exchange(), ANN)
        assert server.sessions == [SESSION]

    @pytest.mark.parametrize("recipients", [[ANN], [Mailbox("Ann+x", "example.org")], [INFO], [ANN, BOB]])
    def test_a_loop_is_refused_and_not_reported_on(self, server, recipients):
        headers = HeaderSection.parse(
            b"Delivered-To: Ann@example.org\r\nDelivered-To: bob@example.org\r\n\r\n"
        )[0]
        for delivery in (server.exchange(), server.submission()):
            with pytest.raises(SMTPServerError) as refused:
                deliver(delivery, *recipients, headers=headers)
            assert (refused.value.code, refused.value.resp[:6]) == (554, "5.4.6 ")

    @pytest.mark.parametrize("other", [BOB, CAROL])
    def test_a_loop_of_some_is_not_that_of_others(self, server, other):
        headers = HeaderSection.parse(
            b"Delivered-To: ann@example.org\r\nDelivered-To: carol@example.net\r\n\r\n"
        )[0]
        deliver(server.submission(), ANN, other, headers=headers)
        assert [each.address for each in server.queue.envelope.recipients] == [ANN, other]

    @pytest.mark.requirement("R8")
    @pytest.mark.parametrize("demand", list(TlsDemand))
    def test_every_copy_has_the_demand_of_the_message(self, server, demand):
        deliver(server.submission(), INFO, demand=demand)
        assert len(server.queue.envelope.recipients) == 2
        assert server.queue.envelope.tls_demand is demand

    def test_each_account_once_with_the_first_address_that_led_there(self, server):
        options = RcptOptions(frozenset([Notify.NEVER]), "rfc822;info@example.org")
        tagged = Mailbox("bob+x", "example.org")
        deliver(server.exchange(), ANN, Recipient(INFO, options), tagged)
        assert server.queue.envelope == Envelope(
            CAROL, (Recipient(ANN), Recipient(BOB, options, original=INFO))
        )

    @pytest.mark.parametrize("later", [False, True])
    def test_outcomes_are_told_by_the_address_given(self, server, later):
        tagged = Mailbox("Bob+x", "EXAMPLE.org")
        if later:
            server.queue.answer = Deferred()
        delivery = deliver(server.exchange(), ANN, INFO, tagged)
        if later:
            server.queue.answer.callback(server.queue.delivery)
            delivery = success_result_of(delivery)
        delivery.write(b"one\r\n")
        delivery.write(b"two\r\n")
        assert server.queue.delivery.body == b"one\r\ntwo\r\n"
        failed = Outcome(451, "4.3.0", "later")
        server.queue.delivery.outcomes[BOB] = failed
        assert success_result_of(delivery.commit()) == {ANN: QUEUED, INFO: failed, tagged: failed}

    def test_abort(self, server):
        deliver(server.exchange(), ANN).abort()
        assert server.queue.delivery.aborted


def realm_of(server):
    return MailRealm(server.reception.addresses, {IMessageDeliveryFactory: deliveries(server.reception)})


class TestRealm:
    def avatar(self, server, avatar_id):
        realm = realm_of(server)
        assert verifyObject(IRealm, realm)
        interface, avatar, logout = realm.requestAvatar(
            avatar_id, None, IMessageDeliveryFactory, IMessageDelivery
        )
        assert interface is IMessageDeliveryFactory
        assert verifyObject(IMessageDeliveryFactory, avatar)
        logout()
        return avatar

    def test_nobody_exchanges(self, server):
        avatar = self.avatar(server, ANONYMOUS)
        delivery = avatar.getMessageDelivery()
        assert type(delivery) is ExchangeDelivery
        assert avatar.getMessageDelivery() is not delivery

    @pytest.mark.parametrize("avatar_id", ["ann@example.org", b"ann@example.org", b"Ann", "ANN@Example.org"])
    def test_an_account_submits(self, server, avatar_id):
        delivery = self.avatar(server, avatar_id).getMessageDelivery()
        assert isinstance(delivery, SubmissionDelivery)
        delivery.validateFrom(HELO, Address(b"ann+x@example.org"))
        with pytest.raises(SMTPBadSender):
            delivery.validateFrom(HELO, Address(b"bob@example.org"))

    def test_an_account_of_another_checker_owns_just_its_address(self, server):
        delivery = self.avatar(server, b"zoe").getMessageDelivery()
        delivery.validateFrom(HELO, Address(b"zoe@example.org"))
        with pytest.raises(SMTPBadSender):
            delivery.validateFrom(HELO, Address(b"zoe+x@example.org"))

    @pytest.mark.parametrize("avatar_id", [b"\xff", b"", b"a\0b", "ann@", b"x" * 65])
    def test_what_cannot_be_an_account_is_a_failed_login(self, server, avatar_id):
        with pytest.raises(UnauthorizedLogin):
            self.avatar(server, avatar_id)

    def test_other_interfaces(self, server):
        with pytest.raises(NotImplementedError):
            realm_of(server).requestAvatar(ANONYMOUS, None, IMessageDelivery)


def test_an_address_that_leads_nowhere_is_left_out(server):
    nobody = Mailbox("nobody", "example.org")
    expansion = expand(server.book, [Recipient(nobody), Recipient(ANN)])
    assert expansion.recipients == (Recipient(ANN),)
    assert expansion.outcomes({ANN: QUEUED}) == {ANN: QUEUED}


@pytest.mark.requirement("R8")
def test_an_alias_leads_elsewhere_too_and_each_mailbox_comes_once(server):
    book = AddressBook(
        ["example.org"], ["ann@example.org"], {"all": ["ann", "Carol@Example.NET"], "carol": ["all"]}
    )
    everybody, carol = Mailbox("all", "example.org"), Mailbox("Carol", "Example.NET")
    options = RcptOptions(notify=frozenset({Notify.SUCCESS}))
    given = [Recipient(everybody, options), Recipient(ANN), Recipient(CAROL), Recipient(carol)]
    expansion = expand(book, given)
    assert expansion.recipients == (
        Recipient(ANN, options, everybody),
        Recipient(carol, options, everybody),
        Recipient(CAROL),
    )
    refused = Outcome(550, "5.7.1", "No")
    assert expansion.outcomes({ANN: QUEUED, carol: refused, CAROL: QUEUED}) == {
        everybody: refused,
        ANN: QUEUED,
        CAROL: QUEUED,
        carol: refused,
    }

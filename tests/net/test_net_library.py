"""The face for Twisted programs: what worked with the stock classes works here."""

from __future__ import annotations

from functools import partialmethod

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IHandshakeListener, ITCPTransport, ITLSTransport
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.logger import eventAsText
from twisted.mail import smtp
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory, IMessageSMTP
from zope.interface.verify import verifyObject

from mailext import ESMTP, SMTPFactory
from mailext.interfaces import IDelivery, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.net.settings import ListenerSettings
from mailext.values import Envelope
from tests.net.client import Client, codes, keywords
from tests.net.site import (
    ANN,
    EHLO,
    MAIL,
    OPEN,
    RCPT,
    USERS,
    AwareDelivery,
    Delivery,
    DeliveryFactory,
    Message,
    Realm,
    TargetDelivery,
    TargetSite,
    plain,
    serve,
    serve_lmtp,
)
from tests.support import logged

TEXT = (b"Subject: Hi", b"", b"Hello", b".")


def test_the_fakes_are_what_they_stand_for() -> None:
    assert verifyObject(IMessageSMTP, Message())
    assert verifyObject(IMessageDelivery, Delivery())
    assert verifyObject(IEnvelopeAwareDelivery, AwareDelivery())
    assert verifyObject(IDeliveryTarget, TargetSite())
    assert verifyObject(IDelivery, TargetDelivery(Envelope(None, ()), b""))
    assert verifyObject(IMessageDeliveryFactory, DeliveryFactory(Delivery))
    assert verifyObject(IRealm, Realm(Delivery()))
    client = serve().connect()
    assert verifyObject(ITCPTransport, client.transport)
    assert verifyObject(ITLSTransport, client.transport)
    assert verifyObject(IHandshakeListener, client.protocol)


def test_a_message_reaches_the_message_object_line_by_line() -> None:
    delivery = Delivery()
    client = serve(delivery).connect()
    assert client.replies() == ["220 mx.example.org ESMTP"]
    assert client.transport.noDelay
    assert codes(client.say(*OPEN)) == ["250", "250", "250", "354"]
    assert codes(client.say(b"Subject: Hi", b"", b"..a dot", b"", b"end ", b".")) == ["250"]
    (message,) = delivery.messages
    assert message.lines == [b"Received: by the.site", b"Subject: Hi", b"", b".a dot", b"", b"end "]
    assert message.ends == ["complete"]


def test_the_delivery_object_is_called_in_the_stock_order() -> None:
    delivery = Delivery()
    client = serve(delivery).connect()
    client.say(EHLO, MAIL, RCPT, b"RCPT TO:<ann@example.org>", b"DATA")
    client.say(*TEXT)
    helo = (b"client.example", b"192.0.2.1")
    assert delivery.calls == [
        ("validateFrom", helo, b"sender@client.example"),
        ("validateTo", b"bob@example.org"),
        ("validateTo", b"ann@example.org"),
        ("receivedHeader", helo, b"sender@client.example", [b"bob@example.org"]),
        ("receivedHeader", helo, b"sender@client.example", [b"ann@example.org"]),
    ]


class TestAddresses:
    """What a site sees of an address is what the stock class makes of it."""

    def seen(self, path: bytes) -> smtp.User:
        users: list[smtp.User] = []

        def validate_to(user):
            users.append(user)
            return Message

        client = serve(Delivery(recipient=validate_to)).greeted(MAIL)
        assert codes(client.say(b"RCPT TO:" + path)) == ["250"]
        return users[0]

    @pytest.mark.parametrize(
        "path",
        [
            b"<bob@example.org>",
            b"<Bob.B+x=y@Example.ORG>",
            b"<@a.example,@b.example:bob@example.org>",
            b"<bob%client.example@example.org>",
            b"<a!b@example.org>",
            b'<"bob"@example.org>',
            b"<postmaster>",
            b"<Postmaster>",
        ],
    )
    def test_recipients(self, path) -> None:
        user = self.seen(path)
        stock = smtp.User(path, (b"client.example", b"192.0.2.1"), user.protocol, user.orig)
        assert (user.dest.local, user.dest.domain) == (stock.dest.local.strip(b'"'), stock.dest.domain)
        assert bytes(user).replace(b'"', b"") == bytes(stock).replace(b'"', b"")
        assert str(user) == bytes(user).decode()
        assert user.dest.addrstr == b"<" + bytes(user) + b">"
        assert user.helo == (b"client.example", b"192.0.2.1")
        assert isinstance(user.protocol, ESMTP)
        assert bytes(user.orig) == b"sender@client.example"

    def test_quoting_stays_where_it_is_needed(self) -> None:
        assert bytes(self.seen(b'<"a b"@example.org>').dest) == b'"a b"@example.org'
        assert bytes(self.seen(b'<"a@b"@example.org>').dest) == b'"a@b"@example.org'

    def test_the_null_reverse_path(self) -> None:
        senders: list[smtp.Address] = []

        def validate_from(origin):
            senders.append(origin)
            return origin

        client = serve(Delivery(sender=validate_from)).greeted()
        assert codes(client.say(b"MAIL FROM:<>", RCPT, b"DATA")) == ["250", "250", "354"]
        assert [bytes(sender) for sender in senders] == [b""]
        assert (senders[0].local, senders[0].domain) == (b"", b"")


class TestPortals:
    def test_anonymous_senders_where_the_portal_has_them(self) -> None:
        realm = Realm(Delivery())
        client = serve(portal=Portal(realm, [AllowAnonymousAccess()])).greeted()
        assert codes(client.say(MAIL, RCPT)) == ["250", "250"]
        assert realm.asked == [()]
        assert codes(client.say(b"RSET", MAIL)) == ["250", "250"]
        assert realm.asked == [()], "one anonymous login serves the connection"
        client.vanish()
        assert realm.logged_out == [()]

    def test_anonymous_senders_are_refused_where_it_has_not(self) -> None:
        users = InMemoryUsernamePasswordDatabaseDontUse(**USERS)
        client = serve(portal=Portal(Realm(Delivery()), [users])).greeted()
        assert client.say(MAIL) == ["550 5.7.1 Unauthenticated senders not allowed"]
        assert codes(client.say(RCPT, b"NOOP")) == ["503", "250"]

    @pytest.mark.parametrize("later", [False, True])
    def test_anonymous_senders_that_the_checker_denies(self, later) -> None:
        answer: Deferred[object] = Deferred() if later else fail(UnauthorizedLogin())
        client = serve(portal=_CannedPortal(answer)).greeted()
        client.send(MAIL + b"\r\n")
        if later:
            answer.errback(UnauthorizedLogin())
        assert codes(client.replies()) == ["550"]

    def test_an_anonymous_login_that_fails_is_temporary(self) -> None:
        client = serve(portal=_CannedPortal(fail(OSError("no back end")))).greeted()
        with logged() as events:
            assert client.say(MAIL) == ["451 4.3.0 Requested action aborted: local error in processing"]
        assert any("no back end" in eventAsText(event) for event in events)

    def test_without_portal_and_delivery_nobody_sends(self) -> None:
        factory = SMTPFactory(clock=Clock())
        client = Client(factory)
        assert codes(client.say(EHLO, MAIL)) == ["220", "250", "550"]

    def test_a_delivery_object_of_ones_own_needs_no_portal(self) -> None:
        class Factory(SMTPFactory):
            def buildProtocol(self, addr):
                protocol = super().buildProtocol(addr)
                protocol.delivery = Delivery()
                return protocol

        client = Client(Factory(clock=Clock()))
        assert codes(client.say(EHLO, MAIL, RCPT)) == ["220", "250", "250", "250"]

    def test_a_delivery_factory_makes_a_delivery_object_for_each_transaction(self) -> None:
        made: list[Delivery] = []

        def make() -> Delivery:
            made.append(Delivery())
            return made[-1]

        client = serve(DeliveryFactory(make)).greeted(MAIL, RCPT, b"RSET", MAIL)
        assert codes(client.say(RCPT, b"DATA")) == ["250", "354"]
        assert [len(delivery.calls) for delivery in made] == [2, 2]

    def test_a_delivery_factory_that_fails_is_temporary(self) -> None:
        def make():
            raise OSError("no disk")

        assert codes(serve(DeliveryFactory(make)).greeted().say(MAIL, b"NOOP")) == ["451", "250"]

    def test_logins_by_a_stock_portal(self) -> None:
        realm = Realm(Delivery())
        portal = Portal(realm, [InMemoryUsernamePasswordDatabaseDontUse(**USERS)])
        client = serve(portal=portal, plaintext_auth=True).greeted()
        assert client.say(ANN) == ["235 2.7.0 Authentication successful"]
        assert codes(client.say(MAIL, RCPT, b"DATA")) == ["250", "250", "354"]
        assert realm.asked == [b"ann"]
        client.vanish()
        assert realm.logged_out == [b"ann"]

    def test_a_portal_that_takes_its_time(self) -> None:
        answer: Deferred[object] = Deferred()
        delivery = Delivery()
        client = serve(portal=_CannedPortal(answer), plaintext_auth=True).greeted()
        assert client.say(ANN) == []
        answer.callback((IMessageDelivery, delivery, lambda: None))
        assert codes(client.replies()) == ["235"]
        assert codes(client.say(MAIL)) == ["250"]
        assert delivery.names() == ["validateFrom"]

    def test_an_avatar_of_another_kind_ends_the_connection(self) -> None:
        logged_out: list[bool] = []
        answer: Deferred[object] = Deferred()
        client = serve(portal=_CannedPortal(answer), plaintext_auth=True).greeted(ANN)
        with logged() as events:
            answer.callback((IRealm, object(), lambda: logged_out.append(True)))
            client.pump()
        assert codes(client.replies()) == ["421"]
        assert client.closed
        assert logged_out == [True]
        assert any("IRealm" in eventAsText(event) for event in events)

    def test_a_login_takes_the_place_of_an_anonymous_one(self) -> None:
        realm = Realm(Delivery)
        portal = Portal(realm, [AllowAnonymousAccess(), InMemoryUsernamePasswordDatabaseDontUse(**USERS)])
        client = serve(portal=portal, plaintext_auth=True).greeted(MAIL, b"RSET", ANN)
        assert realm.asked == [(), b"ann"]
        assert realm.logged_out == [()]
        client.vanish()
        assert realm.logged_out == [(), b"ann"]

    def test_logging_out_may_fail(self) -> None:
        def logout():
            raise OSError("gone already")

        portal = _CannedPortal(succeed((IMessageDelivery, Delivery(), logout)))
        server = serve(portal=portal, plaintext_auth=True)
        client = server.greeted(ANN)
        with logged() as events:
            client.vanish()
        assert any("gone already" in eventAsText(event) for event in events)
        drained = server.factory.drain()
        assert drained.called, "the connection is still counted"


class _CannedPortal:
    """Not a Portal, but something like it: the same answer for everybody."""

    def __init__(self, answer: Deferred[object]) -> None:
        self._answer = answer

    def login(self, credentials, mind, *interfaces):
        return self._answer


class TestStockFactory:
    """Twisted's own factory with our protocol, as Twisted's documentation does it."""

    def build(self, protocol: type[ESMTP] = ESMTP, **attributes: object) -> Client:
        class Factory(smtp.SMTPFactory):
            def buildProtocol(self, addr):
                p = smtp.SMTPFactory.buildProtocol(self, addr)
                p.clock = Clock()
                p.challengers = {"LOGIN": LOGINCredentials, "PLAIN": PLAINCredentials}
                for name, value in attributes.items():
                    setattr(p, name, value)
                return p

        users = InMemoryUsernamePasswordDatabaseDontUse(**USERS)
        factory = Factory(Portal(Realm(Delivery()), [users]))
        factory.domain = b"stock.example"
        factory.protocol = protocol
        return Client(factory)

    def test_mechanisms_may_be_named_by_text(self) -> None:
        client = self.build(plaintextAuth=True)
        assert client.replies() == ["220 stock.example ESMTP"]
        (ehlo,) = client.say(EHLO)
        assert keywords(ehlo)["AUTH"].split() == ["LOGIN", "PLAIN"]
        assert codes(client.say(b"AUTH LOGIN", b"YW5u", b"c2VjcmV0")) == ["334", "334", "235"]
        assert codes(client.say(MAIL, RCPT, b"DATA")) == ["250", "250", "354"]

    def test_auth_is_not_offered_in_clear(self) -> None:
        client = self.build()
        (_, ehlo) = client.say(EHLO)
        assert "AUTH" not in keywords(ehlo)
        assert codes(client.say(ANN)) == ["538"]

    def test_starttls_by_certificate_options(self, pki) -> None:
        issued = pki.authority.issue_cert("mx.example.org")
        options = CertificateOptions()
        issued.configure_cert(options.getContext())
        client = self.build(ctx=options)
        (_, ehlo) = client.say(EHLO)
        assert "STARTTLS" in keywords(ehlo)
        assert codes(client.starttls(pki.client())) == ["220"]
        (ehlo,) = client.say(EHLO)
        assert "STARTTLS" not in keywords(ehlo)
        assert codes(client.say(plain("bob", USERS["bob"]))) == ["235"]

    def test_without_settings_the_attributes_of_the_protocol_hold(self) -> None:
        class Private(ESMTP):
            settings = ListenerSettings(name="private", require_auth=True)
            timeout = 17.0

        client = self.build(Private)
        assert codes(client.say(EHLO, MAIL)) == ["220", "250", "530"]
        client.protocol.clock.advance(17.0)
        client.pump()
        assert client.replies() == ["421 4.7.0 Timeout exceeded"]


def test_where_no_clock_is_given_the_reactor_is_it() -> None:
    from twisted.internet import reactor  # noqa: PLC0415 - installed by this import

    before = reactor.getDelayedCalls()
    client = Client(SMTPFactory())
    assert len(reactor.getDelayedCalls()) == len(before) + 1
    client.vanish()
    assert reactor.getDelayedCalls() == before


class TestOverriding:
    def test_greeting(self) -> None:
        class Site(ESMTP):
            def greeting(self):
                return self.host + b" no spam here\nat all"

        assert serve(kind=Site).connect().replies() == ["220-mx.example.org no spam here\n220 at all"]

    def test_the_hook_for_senders(self) -> None:
        class Site(ESMTP):
            def validateFrom(self, helo, origin):
                if origin.domain == b"bad.example":
                    raise smtp.SMTPBadSender(origin, 553, "5.1.8 No such domain")
                return super().validateFrom(helo, origin)

        client = serve(kind=Site).greeted()
        assert client.say(b"MAIL FROM:<a@bad.example>") == ["553 5.1.8 No such domain"]
        assert codes(client.say(MAIL)) == ["250"]

    def test_the_hook_for_recipients(self) -> None:
        message = Message()

        class Site(ESMTP):
            def validateFrom(self, helo, origin):
                return origin

            def validateTo(self, user):
                if user.dest.local != b"bob":
                    raise smtp.SMTPBadRcpt(user)
                return lambda: message

        client = serve(portal=Portal(Realm(Delivery())), kind=Site).greeted(MAIL)
        assert codes(client.say(b"RCPT TO:<ann@example.org>", RCPT)) == ["550", "250"]
        assert codes(client.say(b"DATA", *TEXT)) == ["354", "250"]
        assert message.ends == ["complete"]
        assert message.lines[0].startswith(b"Received: from client.example ([192.0.2.1])")

    def test_the_hook_for_the_trace_field(self) -> None:
        delivery = Delivery()

        class Site(ESMTP):
            def receivedHeader(self, helo, origin, recipients):
                return b"Received: mine\n\tfolded; " + b" ".join(map(bytes, recipients))

        client = serve(delivery, kind=Site).greeted()
        client.say(MAIL, RCPT, b"DATA", *TEXT)
        assert delivery.messages[0].lines[:3] == [
            b"Received: mine",
            b"\tfolded; bob@example.org",
            b"Subject: Hi",
        ]

    def test_overriding_what_has_no_effect_breaks_nothing(self) -> None:
        class Site(ESMTP):
            def do_MAIL(self, rest):
                raise AssertionError

            do_RCPT = do_DATA = state_COMMAND = lineReceived = ext_AUTH = do_MAIL

        delivery = Delivery()
        client = serve(delivery, kind=Site).greeted()
        assert codes(client.say(MAIL, RCPT, b"DATA", *TEXT)) == ["250", "250", "354", "250"]

    def test_extensions(self) -> None:
        class Site(ESMTP):
            def extensions(self):
                keywords = super().extensions()
                del keywords[b"CHUNKING"]
                return {**keywords, b"XFORWARD": [b"NAME", b"ADDR"], b"XEMPTY": [], b"XPLAIN": None}

        (ehlo,) = serve(kind=Site).connect().say(EHLO)[1:]
        found = keywords(ehlo)
        assert "CHUNKING" not in found
        # As the stock class does it, a keyword whose list is empty is left out.
        assert "XEMPTY" not in found
        assert found["XFORWARD"] == "NAME ADDR"
        assert found["XPLAIN"] == ""

    def test_nothing_is_put_on_top_where_the_site_wants_no_trace_field(self) -> None:
        delivery = Delivery(received=lambda recipients: None)
        client = serve(delivery).greeted(MAIL, RCPT, b"DATA")
        client.say(*TEXT)
        assert delivery.messages[0].lines == [b"Subject: Hi", b"", b"Hello"]

    def test_the_default_trace_field_of_several_recipients_names_none(self) -> None:
        message = Message()

        class Site(ESMTP):
            def validateFrom(self, helo, origin):
                return origin

            def validateTo(self, user):
                return lambda: message

        client = serve(portal=Portal(Realm(Delivery())), kind=Site).greeted()
        client.say(MAIL, RCPT, b"DATA", *TEXT)
        trace = b"\n".join(message.lines[: message.lines.index(b"Subject: Hi")])
        assert b"for <bob@example.org>;" in trace
        assert b"by mx.example.org with ESMTP" in trace
        assert b"UTF8" not in trace
        client.say(MAIL + b" SMTPUTF8", RCPT, b"DATA", *TEXT)
        assert any(b"by mx.example.org with UTF8SMTP" in line for line in message.lines)


class TestVerbsOfTheSite:
    def site(self, method, **more) -> Client:
        namespace = {"ext_FOO": method, **more}
        client = serve(kind=type("Site", (ESMTP,), namespace)).greeted()
        client.replies()
        return client

    def test_a_verb_of_the_site_is_called_with_its_argument(self) -> None:
        def foo(self, rest):
            self.sendCode(250, b"2.0.0 you said " + rest)

        client = self.site(foo)
        assert client.say(b"foo  Bar baz ") == ["250 2.0.0 you said  Bar baz"]
        assert codes(client.say(MAIL, b"FOO x", RCPT)) == ["250", "250", "250"]

    def test_it_may_answer_in_several_lines(self) -> None:
        def foo(self, rest):
            self.sendCode(299, b"one\ntwo")

        assert self.site(foo).say(b"FOO") == ["299-one\n299 two"]

    def test_only_its_first_answer_counts(self) -> None:
        def foo(self, rest):
            self.sendCode(250, b"first")
            self.sendCode(550, b"second")

        client = self.site(foo)
        with logged() as events:
            assert client.say(b"FOO", b"NOOP") == ["250 first", "250 2.0.0 OK"]
        dropped = [event for event in events if event.get("code") == 550]
        assert len(dropped) == 1

    def test_it_may_answer_later_and_the_client_waits(self) -> None:
        asked: list[ESMTP] = []

        def foo(self, rest):
            asked.append(self)

        client = self.site(foo)
        assert client.say(b"FOO", b"NOOP") == []
        assert client.transport.producerState == "paused"
        client.send(b"NOOP\r\n")
        assert client.unread == 6
        asked[0].sendCode(250)
        client.pump()
        assert client.replies() == ["250 ", "250 2.0.0 OK", "250 2.0.0 OK"]
        assert client.transport.producerState == "producing"

    def test_hundreds_of_them_in_one_segment(self) -> None:
        def foo(self, rest):
            self.sendCode(250)

        client = self.site(foo)
        before = client.transport.writes
        assert codes(client.say(*[b"FOO"] * 500)) == ["250"] * 500
        assert client.transport.writes == before + 1

    def test_one_that_never_answers_runs_into_the_time_out(self) -> None:
        server = serve(kind=type("Site", (ESMTP,), {"ext_FOO": lambda self, rest: None}))
        client = server.greeted(b"FOO")
        client.replies()
        server.advance(300.0)
        assert codes(client.replies()) == ["421"]
        assert client.closed
        client.protocol.sendCode(250, b"too late")

    def test_an_answer_after_the_end_is_dropped(self) -> None:
        asked: list[ESMTP] = []
        client = self.site(lambda self, rest: asked.append(self))
        client.say(b"FOO")
        client.vanish()
        asked[0].sendCode(250)
        assert client.octets() == b""

    def test_one_that_raises_is_temporary(self) -> None:
        def foo(self, rest):
            raise KeyError("what is foo")

        client = self.site(foo)
        with logged() as events:
            assert codes(client.say(b"FOO", b"NOOP")) == ["451", "250"]
        assert any("what is foo" in eventAsText(event) for event in events)

    def test_one_that_raises_behind_its_answer_is_logged_only(self) -> None:
        def foo(self, rest):
            self.sendCode(250)
            raise KeyError("what is foo")

        assert codes(self.site(foo).say(b"FOO", b"NOOP")) == ["250", "250"]

    def test_it_need_not_be_a_plain_method(self) -> None:
        def answer(self, text, rest):
            self.sendCode(250, text)

        assert self.site(partialmethod(answer, b"hi")).say(b"FOO") == ["250 hi"]

    def test_lookup_can_be_overridden(self) -> None:
        def lookup(self, command):
            return lambda rest: self.sendCode(250, command.encode() + b"!")

        client = self.site(None, lookupMethod=lookup)
        assert client.say(b"HOHO", b"NOOP") == ["250 HOHO!", "250 2.0.0 OK"]

    @pytest.mark.parametrize("line", [b"EHLO client.example", b"HELO client.example", b"UNKNOWN"])
    def test_the_verbs_of_the_stock_class_are_none_of_the_site(self, line) -> None:
        client = serve_lmtp(Delivery()).connect()
        client.replies()
        assert client.say(line) == ["500 5.5.1 Command not recognized"]

    @pytest.mark.parametrize("line", [b"UNKNOWN", b"FOO2", b"BAR x", b"F\xc3\x96\xc3\x96", b"", b"F-O"])
    def test_no_other_verb_is_known(self, line) -> None:
        client = self.site(lambda self, rest: self.sendCode(250))
        assert codes(client.say(line, b"NOOP")) == ["500", "250"]

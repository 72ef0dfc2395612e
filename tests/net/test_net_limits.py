"""SessionLimits: sizes, hops, times, rates, connections, and the orderly end."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext import ESMTP, SMTPFactory
from mailext.deadline import Deadline
from mailext.net.settings import ListenerSettings
from mailext.wire.limits import SessionLimits
from tests.net.client import Client, codes
from tests.net.site import ANN, EHLO, MAIL, OPEN, RCPT, Delivery, Message, TargetDelivery, TargetSite, serve

TOO_SLOW = "421 4.7.0 Timeout exceeded"
SHUTTING_DOWN = "421 4.3.2 Service shutting down"
TOO_MANY = "421 4.7.0 Too many connections"
HEADER_TOO_BIG = "552 5.3.4 Message header section exceeds limit"
TOO_BIG = "552 5.3.4 Message size exceeds limit"
TOO_MANY_HOPS = "554 5.4.6 Too many hops"


def header(size: int) -> bytes:
    """A header section of so many octets, its empty line included."""
    return b"X: " + b"y" * (size - 7) + b"\r\n\r\n"


class TestHeaderSize:
    @pytest.mark.parametrize("body", [b"", b"body\r\n"])
    def test_up_to_the_limit(self, body) -> None:
        site = TargetSite(received=lambda users: None)
        client = serve(site, header_size=1000).greeted(MAIL, RCPT, b"DATA")
        client.send(header(1000) + body + b".\r\n")
        assert codes(client.replies()) == ["250"]
        assert site.deliveries[0].headers == header(1000)

    @pytest.mark.parametrize("body", [b"", b"body\r\n"])
    @pytest.mark.parametrize("size", [1001, 100_000])
    def test_beyond_it(self, size, body) -> None:
        site = TargetSite()
        client = serve(site, header_size=1000).greeted(MAIL, RCPT, b"DATA")
        client.send(header(size) + body)
        assert client.replies() == []
        assert client.say(b".", b"NOOP") == [HEADER_TOO_BIG, "250 2.0.0 OK"]
        assert site.deliveries == []

    @pytest.mark.parametrize("size", [999, 1001])
    def test_wherever_it_is_cut(self, size) -> None:
        for step in (1, 7, 500):
            text = header(size) + b"body\r\n.\r\n"
            client = serve(TargetSite(), header_size=1000).greeted(MAIL, RCPT, b"DATA")
            client.replies()
            for place in range(0, len(text), step):
                client.send(text[place : place + step])
            assert codes(client.replies()) == (["250"] if size <= 1000 else ["552"])

    @pytest.mark.parametrize(("size", "told"), [(1000, "250"), (1001, "552")])
    def test_a_message_that_is_all_header(self, size, told) -> None:
        client = serve(TargetSite(), header_size=1000).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n" + b"X" * (size - 11) + b": y\r\n")
        assert codes(client.say(b".")) == [told]

    def test_a_body_without_header_has_no_header_size(self) -> None:
        site = TargetSite()
        client = serve(site, header_size=1000).greeted(MAIL, RCPT, b"DATA")
        body = b"no header field at all\r\n" * 1000
        client.send(body + b".\r\n")
        assert codes(client.replies()) == ["250"]
        assert site.deliveries[0].body == body

    def test_message_objects_are_told_of_the_end(self) -> None:
        delivery = Delivery()
        client = serve(delivery, header_size=1000).greeted(MAIL, RCPT, b"DATA")
        client.send(header(2000))
        assert delivery.messages[0].ends == ["lost"]


class TestHops:
    @pytest.mark.parametrize(("count", "told"), [(50, "250 2.0.0 Ok: queued as ABC"), (51, TOO_MANY_HOPS)])
    @pytest.mark.parametrize("name", [b"Received", b"RECEIVED", b"Delivered-To", b"both"])
    def test_trace_fields_are_counted(self, count, told, name) -> None:
        names = [b"Received", b"Delivered-To"] if name == b"both" else [name]
        fields = [names[number % len(names)] + b": x" for number in range(count)]
        site = TargetSite()
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        assert client.say(*fields, b"", b"Received: in the body", b".") == [told]
        assert len(site.deliveries) == (count <= 50)

    def test_as_configured(self) -> None:
        client = serve(hops=1).greeted(MAIL, RCPT, b"DATA")
        assert client.say(b"Received: a", b"Received: b", b".") == [TOO_MANY_HOPS]


class TestMessageSize:
    LIMITS = SessionLimits(message_size=100)

    def test_declared(self) -> None:
        client = serve(limits=self.LIMITS).greeted()
        assert client.say(MAIL + b" SIZE=101", MAIL + b" SIZE=100") == [TOO_BIG, "250 2.1.0 Sender OK"]

    @pytest.mark.parametrize(("size", "told"), [(100, "250"), (101, "552"), (100_000, "552")])
    def test_measured_whatever_was_declared(self, size, told) -> None:
        site = TargetSite()
        client = serve(site, limits=self.LIMITS).greeted(MAIL + b" SIZE=10", RCPT, b"DATA")
        client.send(b"A: b\r\n\r\n" + b"x" * (size - 10) + b"\r\n")
        assert client.replies() == []
        assert codes(client.say(b".", b"NOOP")) == [told, "250"]
        assert [delivery.ends for delivery in site.deliveries] in ([["commit"]], [["abort"]], [])

    def test_what_was_written_is_aborted(self) -> None:
        site = TargetSite()
        client = serve(site, limits=self.LIMITS).greeted(MAIL, RCPT, b"DATA")
        client.send(b"A: b\r\n\r\n" + b"x" * 50)
        client.send(b"x" * 100)
        assert site.deliveries[0].ends == ["abort"]

    def test_in_chunks_at_the_one_that_crosses_it(self) -> None:
        site = TargetSite()
        client = serve(site, limits=self.LIMITS).greeted(MAIL, RCPT)
        client.send(b"BDAT 60\r\n" + b"x" * 60 + b"BDAT 60\r\n" + b"x" * 60)
        assert client.replies() == ["250 2.0.0 OK", TOO_BIG]
        assert site.deliveries == []
        client.send(b"BDAT 5 LAST\r\nNOOP!NOOP\r\n")
        assert codes(client.replies()) == ["503", "250"]

    def test_dots_that_were_stuffed_do_not_count(self) -> None:
        client = serve(TargetSite(), limits=SessionLimits(message_size=9)).greeted(MAIL, RCPT, b"DATA")
        assert codes(client.say(b"..", b"..", b"..", b".")) == ["250"]


class TestTimes:
    def test_for_the_first_command(self) -> None:
        server = serve(command_timeout=10.0)
        client = server.connect()
        client.replies()
        server.advance(9.9)
        assert client.replies() == []
        server.advance(0.1)
        assert client.replies() == [TOO_SLOW]
        assert client.closed
        assert server.clock.getDelayedCalls() == []

    def test_for_each_command(self) -> None:
        server = serve(command_timeout=10.0)
        client = server.connect()
        for line in (EHLO, MAIL, RCPT, b"NOOP", b"RSET"):
            server.advance(9.9)
            assert codes(client.say(line))[-1] == "250"
        server.advance(9.9)
        assert client.replies() == []
        server.advance(0.1)
        assert client.replies() == [TOO_SLOW]

    def test_octets_that_make_no_command_give_no_time(self) -> None:
        server = serve(command_timeout=10.0)
        client = server.greeted()
        client.replies()
        for _ in range(10):
            server.advance(1.0)
            client.send(b"N")
        assert client.replies() == [TOO_SLOW]

    def test_for_a_response_in_an_exchange(self) -> None:
        server = serve(command_timeout=10.0, plaintext_auth=True)
        client = server.greeted(b"AUTH PLAIN")
        client.replies()
        server.advance(10.0)
        assert client.replies() == [TOO_SLOW]

    def test_for_a_message(self) -> None:
        server = serve(message_timeout=500.0, min_rate=0.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        for _ in range(4):
            server.advance(100.0)
            client.send(b"line\r\n")
        server.advance(99.0)
        assert client.replies() == []
        server.advance(1.0)
        assert client.replies() == [TOO_SLOW]

    def test_for_a_message_in_chunks(self) -> None:
        server = serve(message_timeout=500.0, min_rate=0.0)
        client = server.greeted(MAIL, RCPT)
        client.replies()
        for _ in range(4):
            server.advance(100.0)
            client.send(b"BDAT 6\r\nline\r\n")
            assert codes(client.replies()) == ["250"]
        server.advance(199.0)
        assert client.replies() == []
        server.advance(1.0)
        assert client.replies() == [TOO_SLOW], "it is one message, however many chunks"

    def test_after_a_message_that_of_commands_holds_again(self) -> None:
        server = serve(command_timeout=10.0, message_timeout=5.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.say(b".")
        server.advance(9.9)
        assert codes(client.say(b"NOOP")) == ["250"]

    def test_a_least_rate(self) -> None:
        server = serve(min_rate=100.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        for _ in range(3):
            server.advance(30.0)
            client.send(b"x" * 3000)
            server.advance(29.9)
            client.send(b"x" * 3000)
            assert client.replies() == []
            server.advance(0.1)
            assert client.replies() == []
        client.send(b"x" * 5900)
        server.advance(60.0)
        assert client.replies() == ["421 4.7.0 The message comes too slowly"]

    def test_a_message_that_is_refused_already_has_the_same_rate(self) -> None:
        """Its true reply is at its end, and it must be told that, not that it was slow."""
        server = serve(min_rate=100.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        client.send(b"bare\nLF\r\n")
        for _ in range(5):
            client.send(b"x" * 12_000 + b"\r\n")
            server.advance(60.0)
        assert client.say(b".") == ["550 5.6.0 Message contains bare CR or LF"]

    def test_the_rate_of_the_chunks_of_a_refused_message(self) -> None:
        server = serve(min_rate=100.0, limits=SessionLimits(message_size=100), command_timeout=1000.0)
        client = server.greeted(MAIL, RCPT)
        client.send(b"BDAT 60000\r\n")
        for _ in range(5):
            client.send(b"x" * 12_000)
            server.advance(60.0)
        assert codes(client.replies())[-1] == "552"

    def test_a_client_without_any(self) -> None:
        server = serve(command_timeout=None)
        client = server.connect()
        server.advance(1e6)
        assert codes(client.say(*OPEN)) == ["220", "250", "250", "250", "354"]
        assert codes(client.say(b".")) == ["250"]
        server.advance(1e6)
        assert codes(client.say(b"NOOP")) == ["250"]

    def test_a_handshake_after_starttls(self, tls_settings) -> None:
        server = serve(handshake_timeout=30.0, command_timeout=300.0, **tls_settings)
        client = server.greeted()
        assert codes(client.say(b"STARTTLS")) == ["220"]
        server.advance(29.9)
        assert not client.transport.disconnected
        server.advance(0.1)
        assert client.transport.disconnected, "aborted: it has not even begun"

    def test_a_handshake_from_the_start(self, tls_settings) -> None:
        server = serve(handshake_timeout=30.0, command_timeout=300.0, **tls_settings)
        client = Client(server.factory, implicit=server.settings.tls)
        server.clients.append(client)
        server.advance(29.9)
        assert not client.transport.disconnected
        server.advance(0.1)
        assert client.transport.disconnected
        assert client.closed
        assert server.clock.getDelayedCalls() == []

    @pytest.mark.parametrize("timeout", [300.0, None])
    def test_after_the_handshake_that_of_commands_holds(self, tls_settings, timeout) -> None:
        server = serve(handshake_timeout=30.0, command_timeout=timeout, **tls_settings)
        client = server.connect_tls()
        other = server.greeted()
        other.starttls(server.context)
        server.advance(299.0)
        assert codes(client.say(EHLO)) == ["220", "250"]
        assert codes(other.say(EHLO)) == ["250"]

    def test_a_client_that_does_not_take_our_last_words(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted_tls()
        client.tls.shutdown = lambda: None  # never says close_notify
        client.tls.recv = _deaf
        client.send(b"QUIT\r\n")
        assert not client.closed
        server.advance(9.9)
        assert not client.closed
        server.advance(0.1)
        assert client.transport.disconnected
        assert client.closed

    def test_a_server_that_stops_waits_less_for_it(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted_tls()
        client.tls.shutdown = lambda: None
        client.tls.recv = _deaf
        drained = server.factory.drain()
        server.advance(1.9)
        assert not drained.called
        server.advance(0.1)
        assert drained.called

    def test_a_transport_that_cannot_be_aborted(self) -> None:
        server = serve()
        transport = StringTransport()
        protocol = server.factory.buildProtocol(transport.getPeer())
        protocol.makeConnection(transport)
        server.advance(300.0)
        assert transport.value().endswith(TOO_SLOW.encode() + b"\r\n")
        assert transport.disconnecting
        server.advance(10.0)
        assert server.clock.getDelayedCalls() == []

    def test_a_site_may_change_the_time(self) -> None:
        class Site(ESMTP):
            def ext_WAIT(self, rest):
                was = self.setTimeout(float(rest) if rest else None)
                self.sendCode(250, b"%d" % (was or 0))

        server = serve(kind=Site, command_timeout=10.0)
        client = server.greeted()
        assert client.say(b"WAIT 20", b"WAIT 5")[-2:] == ["250 10", "250 20"]
        server.advance(5.0)
        assert client.replies() == [TOO_SLOW]
        client = server.greeted()
        client.say(b"WAIT")
        server.advance(1e6)
        assert codes(client.say(b"NOOP")) == ["250"]

    def test_a_site_may_change_it_while_nothing_is_said(self) -> None:
        server = serve(command_timeout=10.0)
        client = server.greeted()
        client.replies()
        assert client.protocol.setTimeout(5.0) == 10.0
        server.advance(5.0)
        assert client.replies() == [TOO_SLOW]
        client = server.greeted()
        client.replies()
        client.protocol.setTimeout(None)
        server.advance(1e6)
        assert client.replies() == []


def _deaf(*_):
    raise SSL.WantReadError


class TestDeadline:
    def deadline(self) -> tuple[Clock, Deadline, list[float]]:
        clock = Clock()
        expired: list[float] = []
        return clock, Deadline(clock, lambda: expired.append(clock.seconds())), expired

    def test_moving_it_sets_no_timer_each_time(self) -> None:
        clock, deadline, expired = self.deadline()
        for _ in range(1000):
            deadline.begin(300.0)
            clock.advance(0.25)
            assert len(clock.getDelayedCalls()) == 1
        clock.pump([1.0] * 400)
        assert expired == [550.0]
        assert clock.getDelayedCalls() == []

    def test_an_earlier_one_than_before(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(300.0)
        deadline.begin(10.0)
        clock.advance(10.0)
        assert expired == [10.0]

    def test_a_later_one_than_before(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(10.0)
        deadline.begin(300.0)
        clock.advance(10.0)
        clock.advance(289.0)
        assert expired == []
        clock.advance(1.0)
        assert expired == [300.0]

    def test_suspended_and_resumed(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(10.0)
        clock.advance(4.0)
        deadline.suspend()
        clock.advance(100.0)
        deadline.suspend()
        deadline.resume()
        deadline.resume()
        clock.advance(5.9)
        assert expired == []
        clock.advance(0.2)
        assert len(expired) == 1

    def test_begun_anew_while_suspended(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(10.0)
        deadline.suspend()
        clock.advance(100.0)
        deadline.begin(10.0)
        clock.advance(10.0)
        assert expired == [110.0]

    def test_stopped(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.stop()
        deadline.begin(10.0)
        deadline.stop()
        deadline.stop()
        clock.advance(100.0)
        assert expired == []
        assert clock.getDelayedCalls() == []

    def test_stopped_while_suspended(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(10.0)
        deadline.suspend()
        deadline.stop()
        deadline.resume()
        clock.advance(100.0)
        assert expired == []
        assert clock.getDelayedCalls() == []

    def test_the_rate_is_measured_over_minutes(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(1000.0, 1.0)
        for _ in range(3):
            deadline.count(60)
            clock.advance(60.0)
        assert expired == []
        deadline.count(59)
        clock.advance(60.0)
        assert expired == [240.0]

    def test_the_rate_of_a_message_that_waits_for_us(self) -> None:
        clock, deadline, expired = self.deadline()
        deadline.begin(1000.0, 1.0)
        clock.advance(30.0)
        deadline.suspend()
        clock.advance(500.0)
        deadline.resume()
        clock.advance(15.0)
        deadline.count(60)
        clock.advance(15.0)
        assert expired == []
        clock.advance(60.0)
        assert expired == [620.0]


class TestConnections:
    def test_at_the_same_time(self) -> None:
        server = serve(connections=2)
        first = server.connect("192.0.2.1")
        server.connect("192.0.2.2")
        third = server.connect("192.0.2.3")
        assert third.replies() == [TOO_MANY]
        assert third.closed
        first.vanish()
        assert codes(server.connect("192.0.2.3").replies()) == ["220"]

    def test_of_one_address(self) -> None:
        server = serve(connections_per_address=2)
        clients = [server.connect("192.0.2.1") for _ in range(3)]
        assert [codes(client.replies()) for client in clients] == [["220"], ["220"], ["421"]]
        assert codes(server.connect("192.0.2.2").replies()) == ["220"]
        clients[0].say(b"QUIT")
        assert codes(server.connect("192.0.2.1").replies()) == ["220"]
        assert codes(server.connect("192.0.2.1").replies()) == ["421"]

    def test_the_socket_of_this_machine_has_no_address(self) -> None:
        factory = SMTPFactory(settings=ListenerSettings(connections_per_address=1), clock=Clock())
        clients = [Client(factory, UNIXAddress(None)) for _ in range(3)]
        assert [codes(client.replies()) for client in clients] == [["220"]] * 3

    def test_ipv6(self) -> None:
        factory = SMTPFactory(settings=ListenerSettings(connections_per_address=1), clock=Clock())
        hosts = ["2001:db8::1", "2001:db8::2", "2001:db8::1"]
        clients = [Client(factory, IPv6Address("TCP", host, 5)) for host in hosts]
        assert [codes(client.replies()) for client in clients] == [["220"], ["220"], ["421"]]

    def test_a_refused_one_under_tls_is_not_waited_for(self, tls_settings) -> None:
        server = serve(connections=1, **tls_settings)
        server.connect_tls()
        silent = Client(server.factory, implicit=server.settings.tls)
        server.clients.append(silent)
        server.advance(60.0)
        assert silent.closed
        assert server.clock.getDelayedCalls() != [], "that of the first one"

    def test_without_settings_those_of_the_protocol_hold(self) -> None:
        class Narrow(ESMTP):
            settings = ListenerSettings(connections=1)

        factory = SMTPFactory(clock=Clock())
        factory.protocol = Narrow
        assert codes(Client(factory).replies()) == ["220"]
        assert codes(Client(factory).replies()) == ["421"]


class TestTheOrderlyEnd:
    def test_nobody_is_there(self) -> None:
        assert serve().factory.drain().called

    def test_idle_clients_are_told_at_once(self) -> None:
        server = serve()
        clients = [server.connect(), server.greeted(), server.greeted(MAIL, RCPT)]
        for client in clients:
            client.replies()
        drained = server.factory.drain()
        assert [client.replies() for client in clients] == [[SHUTTING_DOWN]] * 3
        assert all(client.closed for client in clients)
        assert drained.called
        assert not server.factory.has_connections
        assert server.clock.getDelayedCalls() == []

    def test_a_message_comes_to_its_end_first(self) -> None:
        delivery = Delivery()
        server = serve(delivery)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.say(b"A: b")
        drained = server.factory.drain()
        assert client.replies() == []
        assert not drained.called
        assert client.say(b"", b"body", b".", MAIL) == ["250 2.0.0 Delivery in progress", SHUTTING_DOWN]
        assert delivery.messages[0].ends == ["complete"]
        assert drained.called

    def test_one_in_chunks_too(self) -> None:
        server = serve(TargetSite())
        client = server.greeted(MAIL, RCPT)
        client.send(b"BDAT 2\r\nhi")
        client.replies()
        server.factory.drain()
        client.send(b"BDAT 2\r\nhiBDAT 0 LAST\r\n")
        assert codes(client.replies()) == ["250", "250", "421"]

    def test_a_commit_is_waited_for(self) -> None:
        end: Deferred[object] = Deferred()
        server = serve(Delivery(message=lambda: Message(at_end=lambda: end)))
        client = server.greeted(MAIL, RCPT, b"DATA", b".")
        client.replies()
        drained = server.factory.drain()
        assert client.replies() == []
        end.callback(None)
        assert codes(client.replies()) == ["250", "421"]
        assert drained.called

    def test_an_answer_is_waited_for(self) -> None:
        answer: Deferred[object] = Deferred()
        server = serve(Delivery(sender=lambda origin: answer))
        client = server.greeted()
        client.say(MAIL, b"NOOP")
        server.factory.drain()
        assert client.replies() == []
        answer.callback(MAIL)
        assert codes(client.replies()) == ["250", "421"]

    def test_a_refused_message_is_read_to_its_end(self) -> None:
        server = serve()
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.say(b"bare\nLF")
        server.factory.drain()
        assert codes(client.say(b".")) == ["550", "421"]

    def test_a_message_that_never_ends_runs_into_its_time_out(self) -> None:
        server = serve(message_timeout=100.0)
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        drained = server.factory.drain()
        server.advance(100.0)
        assert client.replies() == [TOO_SLOW]
        assert drained.called

    def test_asked_twice(self) -> None:
        server = serve()
        client = server.greeted(MAIL, RCPT, b"DATA")
        client.replies()
        both = [server.factory.drain(), server.factory.drain()]
        client.vanish()
        assert [drained.called for drained in both] == [True, True]

    def test_during_a_handshake(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.greeted(b"STARTTLS")
        client.replies()
        drained = server.factory.drain()
        client.pump()
        assert drained.called

    def test_the_sessions_of_one_account(self) -> None:
        server = serve(plaintext_auth=True)
        ann, ann_in_a_message, nobody = (
            server.greeted(ANN),
            server.greeted(ANN, MAIL, RCPT, b"DATA"),
            server.greeted(),
        )
        for client in (ann, ann_in_a_message, nobody):
            client.replies()
        server.factory.end_sessions("ann")
        assert ann.replies() == ["421 4.7.0 Your login is no longer valid"]
        assert codes(ann_in_a_message.say(b".")) == ["250", "421"]
        assert codes(nobody.say(b"NOOP")) == ["250"]


def test_whoever_drains_may_lose_patience() -> None:
    site = TargetSite()
    server = serve(site)
    client = server.greeted(MAIL, RCPT, b"DATA", b"", b"body")
    client.replies()
    drained = server.factory.drain()
    assert not drained.called
    server.factory.cut_off()
    assert codes(client.replies()) == ["421"]
    assert drained.called
    assert site.deliveries[0].ends == ["abort"]


def test_a_target_that_never_starts_keeps_the_server_from_its_end_only_so_long() -> None:
    """Whoever drains sets a limit to it; a connection that is cut off then leaves nothing behind."""
    started: Deferred[TargetDelivery] = Deferred()
    server = serve(TargetSite(lambda envelope, headers: started))
    client = server.greeted(MAIL, RCPT, b"DATA", b"", b"body", b".")
    drained = server.factory.drain()
    assert not drained.called
    client.vanish()
    assert drained.called
    assert server.clock.getDelayedCalls() == []

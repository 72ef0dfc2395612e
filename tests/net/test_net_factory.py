"""The factory: connections that are refused, counted and ended."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext import ESMTP, SMTPFactory
from mailext.counts import ConnectionCounts
from mailext.net.settings import ListenerSettings
from mailext.values import Protocol
from tests.net.client import Client
from tests.net.site import EHLO, OPEN, Delivery, serve
from tests.support import assert_no_result, success_result_of

TOO_MANY = "421 4.7.0 Too many connections"


@pytest.mark.parametrize("limits", [{"connections": 1}, {"connections_per_address": 1}])
def test_a_connection_beyond_the_limits_is_told_so(limits) -> None:
    server = serve(**limits)
    first = server.connect()
    refused = server.connect()
    assert refused.replies() == [TOO_MANY]
    assert refused.closed
    first.vanish()
    assert server.connect().replies() == ["220 mx.example.org ESMTP"]


def test_one_address_does_not_use_up_another() -> None:
    server = serve(connections_per_address=1)
    server.connect("192.0.2.1")
    assert not server.connect("192.0.2.2").closed


def test_under_tls_it_is_cut_off_before_it_costs_a_handshake(tls_settings) -> None:
    server = serve(connections=0, **tls_settings)
    refused = server.connect_tls()
    assert refused.closed
    assert refused.transport.disconnected
    assert refused.replies() == []


def test_the_limits_of_a_protocol_hold_where_the_factory_has_no_settings() -> None:
    class Full(ESMTP):
        settings = ListenerSettings(connections=0)

    factory = SMTPFactory(clock=Clock())
    factory.protocol = Full
    assert Client(factory).replies() == [TOO_MANY]


def test_draining_waits_for_the_message_that_is_coming_in() -> None:
    server = serve(Delivery())
    idle, busy = server.connect(), server.connect()
    busy.say(*OPEN)
    drained = server.factory.drain()
    assert idle.replies()[-1].startswith("421 4.3.2")
    assert_no_result(drained)
    assert busy.say(b".")[-1].startswith("421 4.3.2")
    success_result_of(drained)
    assert not server.factory.has_connections


def test_there_may_be_nothing_to_drain() -> None:
    success_result_of(serve().factory.drain())


def test_lmtp_greets_as_such() -> None:
    assert serve(protocol=Protocol.LMTP).connect().say(EHLO)[0] == "220 mx.example.org LMTP"


def test_connections_are_counted_over_all_factories_of_a_listener() -> None:
    counts = ConnectionCounts()
    settings = ListenerSettings(connections_per_address=1)
    before, after = (SMTPFactory(None, settings, clock=Clock(), counts=counts) for _ in range(2))
    address = IPv4Address("TCP", "192.0.2.1", 4000)
    old = before.buildProtocol(address)
    transport = StringTransport(peerAddress=address)
    old.makeConnection(transport)

    refused = StringTransport(peerAddress=address)
    after.buildProtocol(address).makeConnection(refused)
    assert refused.value().startswith(b"421 4.7.0")

    old.connectionLost()
    admitted = StringTransport(peerAddress=address)
    after.buildProtocol(address).makeConnection(admitted)
    assert admitted.value().startswith(b"220")

"""What is said on a connection goes to its socket at once, and in order whatever the socket takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport

from mailext.net.outlet import Outlet


@pytest.fixture
def peers() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def connected(ours: socket.socket, reactor: MemoryReactorClock) -> Connection:
    connection = Connection(ours, Protocol(), reactor)
    connection.connected = 1
    return connection


def test_a_reply_is_sent_before_the_turn_ends(peers: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = peers
    reactor = MemoryReactorClock()
    Outlet(connected(ours, reactor)).write(b"250 OK\r\n")
    assert theirs.recv(100) == b"250 OK\r\n"
    assert not reactor.getWriters()


def test_what_the_socket_does_not_take_follows_in_order(peers: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = peers
    reactor = MemoryReactorClock()
    connection = connected(ours, reactor)
    outlet = Outlet(connection)
    much = bytes(range(256)) * 8192
    outlet.write(much)
    assert reactor.getWriters() == [connection]
    outlet.write(b"the end")
    received = b""
    while not received.endswith(b"the end"):
        received += theirs.recv(1 << 20)
        if reactor.getWriters():
            connection.doWrite()
    assert received == much + b"the end"


def test_a_connection_that_is_lost_is_left_to_the_reactor(peers: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = peers
    theirs.close()
    reactor = MemoryReactorClock()
    connection = connected(ours, reactor)
    Outlet(connection).write(b"421 Bye\r\n")
    assert reactor.getWriters() == [connection]


def test_other_transports_are_written_to_as_ever() -> None:
    transport = StringTransport()
    Outlet(transport).write(b"220 hello\r\n")
    assert transport.value() == b"220 hello\r\n"

"""One question to one name server: over UDP, and over TCP where that is too short for the answer."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import dns.message
from dns.exception import DNSException, Timeout
from dns.flags import TC
from dns.message import Message
from dns.query import BadResponse

from mailext.net.dns.messages import read_message
from mailext.net.dns.servers import NameServer

__all__ = ["exchange"]

_LARGEST = 65535


def exchange(
    query: Message, server: NameServer, timeout: float, *, steady: Callable[[], float] = time.monotonic
) -> Message:
    """
    Ask, and wait; this blocks.

    :param timeout: for how long, in seconds, over UDP and over TCP.
    :param steady: seconds of a clock that never jumps.
    :return: the response.
    :raise DNSException: if it makes no sense, or there is none in time.
    :raise OSError: if the name server cannot be reached, or parts.
    """
    wire = _over_udp(query, server, _Deadline(timeout, steady))
    if dns.message.from_wire(wire, question_only=True).flags & TC:
        wire = _over_tcp(query, server, _Deadline(timeout, steady))
        if not _is_response(wire, query):
            raise BadResponse
    return read_message(wire)


class _Deadline:
    def __init__(self, timeout: float, steady: Callable[[], float]) -> None:
        self._end = steady() + timeout
        self._steady = steady

    def holds_for(self, connection: socket.socket) -> None:
        """:raise Timeout: if it is over."""
        remaining = self._end - self._steady()
        if remaining <= 0:
            raise Timeout
        connection.settimeout(remaining)


def _over_udp(query: Message, server: NameServer, deadline: _Deadline) -> bytes:
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        # What comes from elsewhere does not come here then.
        connection.connect((server.address, server.port))
        connection.send(query.to_wire())
        while True:
            deadline.holds_for(connection)
            wire = connection.recv(_LARGEST)
            # Others may guess the port: what was not asked for is no answer,
            # nor is it an error.
            if _is_response(wire, query):
                return wire


def _over_tcp(query: Message, server: NameServer, deadline: _Deadline) -> bytes:
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        deadline.holds_for(connection)
        connection.connect((server.address, server.port))
        wire = query.to_wire()
        connection.sendall(struct.pack("!H", len(wire)) + wire)
        (length,) = struct.unpack("!H", _read(connection, 2, deadline))
        return _read(connection, length, deadline)


def _read(connection: socket.socket, length: int, deadline: _Deadline) -> bytes:
    octets = b""
    while len(octets) < length:
        deadline.holds_for(connection)
        more = connection.recv(length - len(octets))
        if not more:
            raise EOFError("the connection ended within the response")
        octets += more
    return octets


def _is_response(wire: bytes, query: Message) -> bool:
    try:
        return query.is_response(dns.message.from_wire(wire, question_only=True))
    except DNSException:
        return False

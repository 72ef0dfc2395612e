"""A small validating resolver on loopback, over UDP and TCP, with the records that a test gives it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from dns.message import Message
from dns.rdataclass import IN

from mailext.testing.dns import DnsFault, DnsRecords, DnsResult
from mailext.values import DnsStatus

#: Makes the datagrams, or the octets of a stream without their length, with
#: which a response is sent: none, or several.
Sending = Callable[[Message, str], list[bytes]]

_SOA = "ns.invalid. root.invalid. 1 7200 3600 86400 {minimum}"


def as_it_is(response: Message, transport: str) -> list[bytes]:
    """As any name server: what is too long for UDP is cut off."""
    if transport == "udp":
        return [response.to_wire(prefer_truncation=True)]
    return [response.to_wire(max_size=65535)]


def truncated_over_udp(response: Message, transport: str) -> list[bytes]:
    """Everything is too long for UDP."""
    if transport == "udp":
        response.answer, response.authority = [], []
        response.flags |= dns.flags.TC
    return [response.to_wire()]


class NameServer:
    """
    Answers queries in threads of its own.

    :param minimum: for how long a negative answer may be kept, in seconds;
        None: it comes without SOA record.
    :param address: of loopback.
    :ivar queries: what was asked, each with ``udp`` or ``tcp``.
    """

    def __init__(
        self,
        records: DnsRecords,
        *,
        sending: Sending = as_it_is,
        minimum: int | None = 60,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.records = records
        self.queries: list[tuple[str, Message]] = []
        self._sending = sending
        self._minimum = minimum
        self._stopping = False
        self._stream = socket.create_server((address, port))
        self.port: int = self._stream.getsockname()[1]
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((address, self.port))
        self._threads = [
            threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)
        ]

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        # Closing does not wake who reads; a datagram does.
        self._stopping = True
        self._datagrams.sendto(b"", self._datagrams.getsockname())
        for thread in self._threads:
            thread.join()
        self._datagrams.close()

    def _serve_udp(self) -> None:
        while True:
            wire, client = self._datagrams.recvfrom(65535)
            if self._stopping:
                return
            for datagram in self._answer(wire, "udp"):
                self._datagrams.sendto(datagram, client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._stream.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2))
                for wire in self._answer(stream.read(length), "tcp"):
                    connection.sendall(struct.pack("!H", len(wire)) + wire)

    def _answer(self, wire: bytes, transport: str) -> list[bytes]:
        query = dns.message.from_wire(wire)
        self.queries.append((transport, query))
        response = response_to(query, self.records, self._minimum)
        return self._sending(response, transport) if response is not None else []


def response_to(query: Message, records: DnsRecords, minimum: int | None = 60) -> Message | None:
    """The response to a query, None where there is none; ``minimum`` as for :class:`NameServer`."""
    question = query.question[0]
    found = records.find(question.name, question.rdtype)
    if found is DnsFault.TIMEOUT:
        return None
    response = dns.message.make_response(query, recursion_available=True)
    if isinstance(found, DnsResult):
        _fill(response, found, minimum)
    else:
        response.set_rcode(dns.rcode.SERVFAIL)
        if found is DnsFault.BOGUS:
            bogus = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "no valid signature")
            response.use_edns(0, options=[bogus])
    return response


def _fill(response: Message, found: DnsResult, minimum: int | None) -> None:
    for owner, records in found.cnames:
        response.answer.append(dns.rrset.from_rdata_list(owner, records.ttl, list(records)))
    if found.records is not None:
        records = found.records
        response.answer.append(dns.rrset.from_rdata_list(found.name, records.ttl, list(records)))
    elif minimum is not None:
        soa = _SOA.format(minimum=minimum)
        response.authority.append(dns.rrset.from_text(".", 86400, IN, "SOA", soa))
    if not found.exists:
        response.set_rcode(dns.rcode.NXDOMAIN)
    if found.status is DnsStatus.SECURE:
        response.flags |= dns.flags.AD


@contextmanager
def name_server(
    records: DnsRecords, *, sending: Sending = as_it_is, minimum: int | None = 60
) -> Iterator[NameServer]:
    """A running name server."""
    server = NameServer(records, sending=sending, minimum=minimum)
    server.start()
    try:
        yield server
    finally:
        server.stop()

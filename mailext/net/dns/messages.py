"""
Responses as octets.

dnspython reads them; and where it does not take a TLSA record for one, because
its octets cannot be what it says they are, the record is kept as it is. Whoever
published it has published a record, which is of no use (RFC 7672 section 2.2),
and the others that stand beside it are none the worse for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import dns.message
import dns.name
import dns.rdata
from dns.exception import DNSException
from dns.message import Message
from dns.name import Name
from dns.rdata import GenericRdata
from dns.rdataclass import IN
from dns.rdatatype import TLSA
from dns.wire import Parser

__all__ = ["read_message"]

# RFC 2181 section 8.
_LONGEST_TTL = 2**31 - 1


def read_message(wire: bytes) -> Message:
    """
    :return: the message; TLSA records that make no sense are in it as
        ``GenericRdata``.
    :raise DNSException: if anything else makes no sense.
    """
    try:
        return dns.message.from_wire(wire)
    except DNSException:
        message = dns.message.from_wire(wire, continue_on_error=True)
        senseless = list(_senseless_tlsa(wire))
        if len(message.errors) != len(senseless):
            raise
    for owner, ttl, record in senseless:
        message.find_rrset(message.answer, owner, IN, TLSA, create=True).add(record, min(ttl, _LONGEST_TTL))
    return message


def _senseless_tlsa(wire: bytes) -> Iterator[tuple[Name, int, GenericRdata]]:
    """Those in the answer section, each with its owner and its time to live."""
    # RFC 1035 sections 4.1.1 to 4.1.3.
    parser = Parser(wire)
    _, _, questions, answers, _, _ = parser.get_struct("!HHHHHH")
    for _ in range(questions):
        dns.name.from_wire_parser(parser)
        parser.get_struct("!HH")
    for _ in range(answers):
        owner = dns.name.from_wire_parser(parser)
        rdtype, rdclass, ttl, length = parser.get_struct("!HHIH")
        octets = parser.get_bytes(length)
        if (rdtype, rdclass) == (TLSA, IN) and not _is_read(octets):
            yield owner, ttl, GenericRdata(IN, TLSA, octets)


def _is_read(octets: bytes) -> bool:
    try:
        dns.rdata.from_wire(IN, TLSA, octets, 0, len(octets))
    except DNSException:
        return False
    return True

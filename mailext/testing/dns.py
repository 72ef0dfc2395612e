"""
DNS as a test wants it: what every name has, what DNSSEC says of it, and what
goes wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
from dns.exception import DNSException
from dns.name import Name
from dns.rdata import GenericRdata, Rdata
from dns.rdataset import Rdataset
from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailext.interfaces import IRememberingResolver
from mailext.lookups import MailLookups, host_text, weakest
from mailext.values import DnsAnswer, DnsError, DnsStatus

__all__ = ["DnsFault", "DnsRecords", "DnsResult", "FakeResolver"]

_LONGEST_CHAIN = 16


class DnsFault(Enum):
    """Why a look-up brings no answer."""

    #: The resolver could not find out.
    SERVFAIL = "SERVFAIL"
    #: The resolver does not answer.
    TIMEOUT = "time-out"
    #: The proof of DNSSEC failed.
    BOGUS = "bogus"


@dataclass(frozen=True, slots=True)
class DnsResult:
    """
    What a validating resolver finds.

    :param cnames: the CNAME records on the way, with their owners.
    :param name: where they lead.
    :param records: None if there are none there.
    :param exists: whether there are records of any type.
    """

    cnames: tuple[tuple[Name, Rdataset], ...]
    name: Name
    records: Rdataset | None
    status: DnsStatus
    exists: bool


class DnsRecords:
    """
    Every record there is. A name with a record of some type exists; any other
    does not.

    :param denial: what DNSSEC says where it is not said what is to be found.
    """

    def __init__(self, denial: DnsStatus = DnsStatus.INSECURE) -> None:
        self._denial = denial
        self._entries: dict[tuple[Name, RdataType], tuple[Rdataset, DnsStatus] | DnsFault] = {}

    def add(
        self, name: str, rdtype: str, *texts: str, status: DnsStatus = DnsStatus.INSECURE, ttl: int = 300
    ) -> None:
        """
        Say what there is, in place of what was said before.

        :param rdtype: the type of the records, for example ``MX``.
        :param texts: the records as in a zone file, for example
            ``10 mx.example.``, or as octets (RFC 3597 section 5), which need
            not make sense; none: the name exists, and has none of these.
        :param status: ``SECURE`` or ``INSECURE``.
        """
        kind = RdataType.make(rdtype)
        records = dns.rdataset.Rdataset(dns.rdataclass.IN, kind, ttl=ttl)
        for text in texts:
            records.add(_record(kind, text))
        self._put(name, kind, (records, status))

    def fail(self, name: str, rdtype: str, fault: DnsFault) -> None:
        """Let the look-ups of that name and type fail."""
        self._put(name, RdataType.make(rdtype), fault)

    def _put(self, name: str, rdtype: RdataType, entry: tuple[Rdataset, DnsStatus] | DnsFault) -> None:
        # All of them anew: a thread that answers queries may be looking.
        self._entries = {**self._entries, (dns.name.from_text(name.lower()), rdtype): entry}

    def find(self, name: Name, rdtype: RdataType) -> DnsResult | DnsFault:
        """What a validating resolver finds; CNAME records are followed."""
        cnames: list[tuple[Name, Rdataset]] = []
        statuses: list[DnsStatus] = []
        name = name.canonicalize()
        while True:
            entry = self._entries.get((name, rdtype)) or self._entries.get((name, RdataType.CNAME))
            if isinstance(entry, DnsFault):
                return entry
            records, status = entry or (None, self._denial)
            statuses.append(status)
            if not records or records.rdtype == rdtype:
                exists = any(owner == name for owner, _ in self._entries)
                return DnsResult(tuple(cnames), name, records or None, weakest(statuses), exists)
            if len(cnames) == _LONGEST_CHAIN:
                return DnsFault.SERVFAIL
            cnames.append((name, records))
            name = records[0].target.canonicalize()


def _record(kind: RdataType, text: str) -> Rdata:
    try:
        return dns.rdata.from_text("IN", kind, text)
    except DNSException:
        mark, _, *octets = text.split()
        if mark != r"\#":
            raise
        return GenericRdata(dns.rdataclass.IN, kind, bytes.fromhex("".join(octets)))


@implementer(IRememberingResolver)
class FakeResolver(MailLookups):
    """
    A resolver that knows these records. Its Deferreds have fired already.

    :ivar asked: the names and types that were looked up, in order.
    :ivar forgotten: those that were to be forgotten; there is nothing to forget.
    """

    def __init__(self, records: DnsRecords) -> None:
        self.asked: list[tuple[str, str]] = []
        self.forgotten: list[tuple[str, str]] = []
        self._records = records

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        """See :meth:`IResolver.lookup`."""
        self.asked.append((name, rdtype.name))
        found = self._records.find(dns.name.from_text(name), rdtype)
        if isinstance(found, DnsFault):
            status = DnsStatus.BOGUS if found is DnsFault.BOGUS else None
            return fail(DnsError(found.value, status))
        records = tuple(found.records or ())
        return succeed(DnsAnswer(host_text(found.name), records, found.status, found.exists))

    def forget(self, name: str, rdtype: RdataType) -> None:
        """See :meth:`IRememberingResolver.forget`."""
        self.forgotten.append((name, rdtype.name))

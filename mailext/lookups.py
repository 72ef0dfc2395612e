"""
What mail asks of DNS, out of the one question that a resolver answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from mailext.values import DnsAnswer, DnsError, DnsStatus, MxRecord, TlsaRecord

__all__ = ["MailLookups", "host_text", "weakest"]

T = TypeVar("T")


def host_text(name: Name) -> str:
    """A name in lower case without the final dot; the root is the empty string."""
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def weakest(statuses: Iterable[DnsStatus]) -> DnsStatus:
    """What holds for answers taken together."""
    return DnsStatus.SECURE if set(statuses) == {DnsStatus.SECURE} else DnsStatus.INSECURE


class MailLookups:
    """
    A base for resolvers: :meth:`mx`, :meth:`addresses` and :meth:`tlsa` of
    :class:`~mailext.interfaces.IResolver`, by their :meth:`lookup`.
    """

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        """See :meth:`IResolver.lookup`."""
        raise NotImplementedError(type(self).__name__)

    def mx(self, domain: str) -> Deferred[DnsAnswer[MxRecord]]:
        """See :meth:`IResolver.mx`."""
        return self.lookup(domain, RdataType.MX).addCallback(_mx_records)

    def addresses(self, host: str) -> Deferred[DnsAnswer[str]]:
        """See :meth:`IResolver.addresses`."""
        both = [self.lookup(host, rdtype) for rdtype in (RdataType.AAAA, RdataType.A)]
        return DeferredList(both, consumeErrors=True).addCallback(_addresses)

    def tlsa(self, host: str, port: int) -> Deferred[DnsAnswer[TlsaRecord]]:
        """See :meth:`IResolver.tlsa`."""
        return self.lookup(f"_{port}._tcp.{host}", RdataType.TLSA).addCallback(_tlsa_records)


def _mx_records(answer: DnsAnswer[Rdata]) -> DnsAnswer[MxRecord]:
    return _with_records(
        answer,
        tuple(
            MxRecord(rdata.preference, host_text(rdata.exchange))
            for rdata in answer.records
            if isinstance(rdata, MX)
        ),
    )


def _tlsa_records(answer: DnsAnswer[Rdata]) -> DnsAnswer[TlsaRecord]:
    return _with_records(
        answer,
        tuple(
            _tlsa_record(rdata.to_wire() or b"") for rdata in answer.records if rdata.rdtype == RdataType.TLSA
        ),
    )


def _tlsa_record(wire: bytes) -> TlsaRecord:
    # RFC 6698 section 2.1. One that is too short has the numbers of private use.
    usage, selector, matching_type = wire[:3].ljust(3, b"\xff")
    return TlsaRecord(usage, selector, matching_type, wire[3:])


def _addresses(results: Sequence[tuple[bool, DnsAnswer[Rdata] | Failure]]) -> DnsAnswer[str]:
    answers = [result for _, result in results if not isinstance(result, Failure)]
    failures = [result for _, result in results if isinstance(result, Failure)]
    found = [answer for answer in answers if answer.records]
    if failures and not found:
        # What one look-up does not know the other cannot deny.
        bogus = [each for each in failures if _is_bogus(each)]
        (bogus or failures)[0].raiseException()
    counted = found if failures else answers
    return DnsAnswer(
        name=counted[-1].name,
        records=tuple(
            rdata.address for answer in counted for rdata in answer.records if isinstance(rdata, (A, AAAA))
        ),
        status=weakest(answer.status for answer in counted),
        exists=any(answer.exists for answer in counted),
    )


def _with_records(answer: DnsAnswer[Rdata], records: tuple[T, ...]) -> DnsAnswer[T]:
    return DnsAnswer(answer.name, records, answer.status, answer.exists)


def _is_bogus(failure: Failure) -> bool:
    return isinstance(failure.value, DnsError) and failure.value.status is DnsStatus.BOGUS

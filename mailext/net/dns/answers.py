"""What a response of a name server means."""

from __future__ import annotations

from dataclasses import dataclass

from dns.edns import EDECode
from dns.exception import DNSException
from dns.flags import AD, RA, TC
from dns.message import ChainingResult, Message, QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from mailext.lookups import host_text
from mailext.values import DnsAnswer, DnsError, DnsStatus

__all__ = ["Referral", "TimedAnswer", "read"]

# RFC 8914 section 4: what a validating resolver says beside SERVFAIL.
_BOGUS = frozenset(
    {
        EDECode.DNSSEC_BOGUS,
        EDECode.SIGNATURE_EXPIRED,
        EDECode.SIGNATURE_NOT_YET_VALID,
        EDECode.SIGNATURE_EXPIRED_BEFORE_VALID,
        EDECode.DNSKEY_MISSING,
        EDECode.RRSIGS_MISSING,
        EDECode.NO_ZONE_KEY_BIT_SET,
        EDECode.NSEC_MISSING,
    }
)


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """
    An answer, and its time.

    :param ttl: how long it may be kept, in seconds.
    """

    answer: DnsAnswer[Rdata]
    ttl: int


@dataclass(frozen=True, slots=True)
class Referral:
    """
    CNAME records that lead where the response does not follow.

    :param name: the name to ask about next.
    :param status: what DNSSEC says of the CNAME records.
    :param ttl: how long they may be kept, in seconds.
    """

    name: Name
    status: DnsStatus
    ttl: int


def read(response: Message, *, trusted: bool) -> TimedAnswer | Referral:
    """
    :param trusted: whether the name server's word on DNSSEC counts.
    :raise DnsError: if it is no answer.
    """
    rcode = response.rcode()
    if rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN}:
        raise _refusal(response, rcode)
    if not isinstance(response, QueryMessage):
        raise DnsError("the response is none to a query")
    if response.flags & TC:
        # By TCP too. What is missing is not known to be missing.
        raise DnsError("the response was cut short")
    try:
        chain = response.resolve_chaining()
    except DNSException as error:
        raise DnsError(f"the response makes no sense: {error}") from error
    status = DnsStatus.SECURE if trusted and response.flags & AD else DnsStatus.INSECURE
    if chain.answer is not None:
        return _timed(chain, tuple(chain.answer), status, chain.minimum_ttl)
    return _without_records(response, chain, status)


def _without_records(response: Message, chain: ChainingResult, status: DnsStatus) -> TimedAnswer | Referral:
    proved = any(rrset.rdtype == RdataType.SOA for rrset in response.authority)
    if response.rcode() == Rcode.NXDOMAIN:
        exists = False
    elif proved:
        exists = True
    elif chain.cnames:
        return Referral(chain.canonical_name, status, chain.minimum_ttl)
    elif response.authority and not response.flags & RA:
        # RFC 2308 section 2.2: NS records without SOA are a referral, and no
        # statement about the name.
        raise DnsError("the name server refers to others")
    else:
        exists = True
    # RFC 2308 section 5: without SOA a negative answer is not kept.
    return _timed(chain, (), status, chain.minimum_ttl if proved else 0, exists=exists)


def _timed(
    chain: ChainingResult, records: tuple[Rdata, ...], status: DnsStatus, ttl: int, *, exists: bool = True
) -> TimedAnswer:
    return TimedAnswer(DnsAnswer(host_text(chain.canonical_name), records, status, exists), ttl)


def _refusal(response: Message, rcode: Rcode) -> DnsError:
    told = {error.code: error.text for error in response.extended_errors()}
    bogus = rcode == Rcode.SERVFAIL and not _BOGUS.isdisjoint(told)
    words = [text or EDECode(code).name for code, text in told.items()]
    # Whatever the server wrote there goes to the log in printable characters.
    detail = ascii("; ".join(words))[1:-1]
    reason = f"{rcode.name}: {detail}" if words else rcode.name
    return DnsError(reason, DnsStatus.BOGUS if bogus else None)

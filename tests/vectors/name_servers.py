"""
Hostile name servers: what one answers when a route is looked for, and what
must come of it. They are data.

The question is for the hosts of ``a.example``. Of what the vector says nothing
about, hosts have the address 192.0.2.1. We are ``us.example``, at 192.0.2.99.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import dns.edns
import dns.flags
import dns.message
import dns.rrset
from dns.rcode import Rcode
from dns.rdatatype import RdataType

_MX, _A = RdataType.MX, RdataType.A


class NameThreat(Enum):
    """The classes of what a name server can do."""

    DAMAGED = "octets that are no response"
    LIES = "responses that lead astray"
    LOOPS = "aliases without end, and records that lead back to us"
    SIZES = "more than there can be"
    FAILURES = "failures, and denials that are none"


@dataclass(frozen=True)
class DnsVector:
    """
    :param asked: the type of the question that is answered so.
    :param response: the answer, as it comes.
    :param comes_of_it: the hosts that are tried, one after the other, or the
        status code why there are none.
    """

    id: str
    threat: NameThreat
    asked: RdataType
    response: bytes
    comes_of_it: str
    source: str


def _response(
    rdtype: RdataType,
    *answer: tuple[str, str, tuple[str, ...]],
    flags: int = 0,
    rcode: Rcode = Rcode.NOERROR,
    authority: tuple[str, str, str] | None = None,
    explained: dns.edns.EDEOption | None = None,
) -> bytes:
    name = "a.example" if rdtype == _MX else "mx.a.example"
    response = dns.message.make_response(
        dns.message.make_query(name, rdtype, want_dnssec=True, id=4711), recursion_available=True
    )
    for owner, kind, texts in answer:
        response.answer.append(dns.rrset.from_text(owner, 300, "IN", kind, *texts))
    response.flags |= flags
    response.set_rcode(rcode)
    if authority is not None:
        owner, kind, text = authority
        response.authority.append(dns.rrset.from_text(owner, 300, "IN", kind, text))
    if explained is not None:
        response.use_edns(0, options=[explained])
    return response.to_wire(max_size=65535)


_GOOD = _response(_MX, ("a.example.", "MX", ("10 mx.a.example.",)))
_SOA = (".", "SOA", "ns. root. 1 2 3 4 5")


def _damaged() -> list[DnsVector]:
    """A good answer, cut off and overwritten at each of its octets in turn."""
    vectors = [
        DnsVector(
            f"dns-cut-at-{length}",
            NameThreat.DAMAGED,
            _MX,
            _GOOD[:length],
            "451 4.4.3",
            "RFC 1035 section 4.1",
        )
        for length in range(0, len(_GOOD), 4)
    ]
    garbage = {
        "nothing": b"",
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "text": b"hello, this is no name server\r\n",
        "http": b"HTTP/1.1 200 OK\r\n\r\n",
        "a-query": dns.message.make_query("a.example", _MX, id=4711).to_wire(),
        "trailing-octets": _GOOD + b"x",
        "count-too-great": _GOOD[:6] + b"\xff\xff" + _GOOD[8:],
        "pointer-to-itself": _GOOD[:12] + b"\xc0\x0c" + _GOOD[14:],
        "pointer-forward": _GOOD[:12] + b"\xc0\xff" + _GOOD[14:],
        "label-too-long": _GOOD[:12] + b"\x7f" + _GOOD[13:],
    }
    vectors += [
        DnsVector(f"dns-{name}", NameThreat.DAMAGED, _MX, octets, "451 4.4.3", "RFC 1035 section 4.1")
        for name, octets in garbage.items()
    ]
    return vectors


def _mx(name: str, threat: NameThreat, texts: tuple[str, ...], comes_of_it: str, source: str) -> DnsVector:
    return DnsVector(
        f"dns-mx-{name}", threat, _MX, _response(_MX, ("a.example.", "MX", texts)), comes_of_it, source
    )


def _a(name: str, threat: NameThreat, texts: tuple[str, ...], comes_of_it: str, source: str) -> DnsVector:
    answer = _response(_A, ("mx.a.example.", "A", texts))
    return DnsVector(f"dns-a-{name}", threat, _A, answer, comes_of_it, source)


_NO_HOST = "451 4.4.4"

VECTORS = (
    *_damaged(),
    # MX records
    _mx("null", NameThreat.LIES, ("0 .",), "556 5.1.10", "RFC 7505 section 4.1"),
    _mx("null-and-others", NameThreat.LIES, ("0 .", "10 mx.a.example."), "mx.a.example", "RFC 7505 section 3"),
    _mx("ipv4-address", NameThreat.LIES, ("10 192.0.2.1.",), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("ipv4-address-of-loopback", NameThreat.LIES, ("10 127.0.0.1.",), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("ipv6-address", NameThreat.LIES, ("10 2001:db8::1.",), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("number", NameThreat.LIES, ("10 3221225985.",), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("octal", NameThreat.LIES, ("10 0300.0.2.1.",), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("address-and-host", NameThreat.LIES, ("5 192.0.2.1.", "10 mx.a.example."), "mx.a.example", "RFC 5321 section 5.1"),
    _mx("name-with-space", NameThreat.LIES, ("10 mx\\032a.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-nul", NameThreat.LIES, ("10 mx\\000a.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-line-end", NameThreat.LIES, ("10 mx\\013\\010a.example.",), "550 5.4.4", "CWE-93"),
    _mx("name-with-escape", NameThreat.LIES, ("10 mx\\027a.example.",), "550 5.4.4", "CWE-117"),
    _mx("name-with-slash", NameThreat.LIES, ("10 a/b.example.",), "550 5.4.4", "CWE-22"),
    _mx("name-8-bit", NameThreat.LIES, ("10 m\\255x.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-dot-in-label", NameThreat.LIES, ("10 mx\\.a.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-at", NameThreat.LIES, ("10 ann@example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-star", NameThreat.LIES, ("10 *.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-leading-hyphen", NameThreat.LIES, ("10 -mx.example.",), "550 5.4.4", "RFC 1123 section 2.1"),
    _mx("name-with-semicolon", NameThreat.LIES, ("10 mx\\;id.example.",), "550 5.4.4", "CWE-78"),
    _mx("name-in-capitals", NameThreat.LIES, ("10 MX.A.EXAMPLE.",), "mx.a.example", "RFC 4343 section 3"),
    _mx("own-name", NameThreat.LOOPS, ("10 us.example.",), "554 5.4.6", "RFC 5321 section 5.1"),
    _mx("own-name-first", NameThreat.LOOPS, ("10 us.example.", "20 mx.a.example."), "554 5.4.6", "RFC 5321 section 5.1"),
    _mx("own-name-second", NameThreat.LOOPS, ("10 mx.a.example.", "20 us.example.", "30 b.example."), "mx.a.example", "RFC 5321 section 5.1"),
    _mx("own-name-in-capitals", NameThreat.LOOPS, ("10 US.example.",), "554 5.4.6", "RFC 4343 section 3"),
    _mx("host-twice", NameThreat.SIZES, ("10 mx.a.example.", "20 MX.a.example."), "mx.a.example", "RFC 5321 section 5.1"),
    _mx("hundreds", NameThreat.SIZES, tuple(f"{n} mx{n}.a.example." for n in range(500)), " ".join(f"mx{n}.a.example" for n in range(10)), "RFC 5321 section 5.1"),
    _mx("addresses-by-the-hundred", NameThreat.SIZES, tuple(f"{n} 192.0.2.{n % 250}." for n in range(300)), "550 5.4.4", "RFC 5321 section 5.1"),
    _mx("greatest-preference", NameThreat.LIES, ("65535 mx.a.example.",), "mx.a.example", "RFC 1035 section 3.3.9"),
    _mx("longest-name", NameThreat.SIZES, ("10 " + ("x" * 61 + ".") * 4,), ("x" * 61 + ".") * 3 + "x" * 61, "RFC 1035 section 2.3.4"),
    _mx("localhost", NameThreat.LIES, ("10 localhost.",), "localhost", "RFC 6761 section 6.3"),
    # Answers to other questions
    *(
        DnsVector(f"dns-{name}", threat, _MX, response, comes_of_it, source)
        for name, threat, response, comes_of_it, source in (
            ("record-of-another-name", NameThreat.LIES, _response(_MX, ("b.example.", "MX", ("10 evil.example.",))), "a.example", "RFC 2181 section 5.4.1"),
            ("record-of-another-type", NameThreat.LIES, _response(_MX, ("a.example.", "A", ("192.0.2.66",))), "a.example", "RFC 2181 section 5.4.1"),
            ("alias-and-foreign-records", NameThreat.LIES, _response(_MX, ("a.example.", "CNAME", ("b.example.",)), ("c.example.", "MX", ("10 evil.example.",)), authority=_SOA), "a.example", "RFC 2181 section 5.4.1"),
            ("alias", NameThreat.LOOPS, _response(_MX, ("a.example.", "CNAME", ("b.example.",)), ("b.example.", "MX", ("10 mx.a.example.",))), "mx.a.example", "RFC 5321 section 5.1"),
            ("alias-to-itself", NameThreat.LOOPS, _response(_MX, ("a.example.", "CNAME", ("a.example.",))), "451 4.4.3", "RFC 1034 section 3.6.2"),
            ("alias-in-a-circle", NameThreat.LOOPS, _response(_MX, ("a.example.", "CNAME", ("b.example.",)), ("b.example.", "CNAME", ("a.example.",))), "451 4.4.3", "RFC 1034 section 3.6.2"),
            ("alias-chain", NameThreat.LOOPS, _response(_MX, ("a.example.", "CNAME", ("n0.example.",)), *((f"n{n}.example.", "CNAME", (f"n{n + 1}.example.",)) for n in range(60))), "451 4.4.3", "RFC 1034 section 3.6.2"),
            ("two-aliases", NameThreat.LIES, _response(_MX, ("a.example.", "CNAME", ("b.example.", "c.example.")), ("b.example.", "MX", ("10 mx.a.example.",))), "451 4.4.3", "RFC 2181 section 10.1"),
            ("cut-short", NameThreat.FAILURES, _response(_MX, flags=dns.flags.TC), "451 4.4.3", "RFC 2181 section 9"),
            ("cut-short-with-records", NameThreat.FAILURES, _response(_MX, ("a.example.", "MX", ("10 mx.a.example.",)), flags=dns.flags.TC), "451 4.4.3", "RFC 2181 section 9"),
            ("servfail", NameThreat.FAILURES, _response(_MX, rcode=Rcode.SERVFAIL), "451 4.4.3", "RFC 5321 section 5.1"),
            ("servfail-with-records", NameThreat.FAILURES, _response(_MX, ("a.example.", "MX", ("10 mx.a.example.",)), rcode=Rcode.SERVFAIL), "451 4.4.3", "RFC 5321 section 5.1"),
            ("refused", NameThreat.FAILURES, _response(_MX, rcode=Rcode.REFUSED), "451 4.4.3", "RFC 5321 section 5.1"),
            ("formerr", NameThreat.FAILURES, _response(_MX, rcode=Rcode.FORMERR), "451 4.4.3", "RFC 5321 section 5.1"),
            ("notimp", NameThreat.FAILURES, _response(_MX, rcode=Rcode.NOTIMP), "451 4.4.3", "RFC 5321 section 5.1"),
            ("badvers", NameThreat.FAILURES, _response(_MX, rcode=Rcode.BADVERS), "451 4.4.3", "RFC 6891 section 6.1.3"),
            ("bogus", NameThreat.FAILURES, _response(_MX, rcode=Rcode.SERVFAIL, explained=dns.edns.EDEOption(6, "no\r\nway")), "451 4.4.3", "RFC 8914 section 4.7"),
            ("nxdomain", NameThreat.FAILURES, _response(_MX, rcode=Rcode.NXDOMAIN, authority=_SOA), "550 5.1.2", "RFC 5321 section 5.1"),
            ("nxdomain-with-records", NameThreat.LIES, _response(_MX, ("a.example.", "MX", ("10 evil.example.",)), rcode=Rcode.NXDOMAIN), "451 4.4.3", "RFC 2308 section 2.1"),
            ("referral", NameThreat.FAILURES, _response(_MX, authority=("example.", "NS", "ns.example.")), "a.example", "RFC 2308 section 2.2"),
        )
    ),
    # Addresses
    _a("own-address", NameThreat.LOOPS, ("192.0.2.99",), "554 5.4.6", "RFC 5321 section 5.1"),
    _a("own-address-among-others", NameThreat.LOOPS, ("192.0.2.98", "192.0.2.99"), "554 5.4.6", "RFC 5321 section 5.1"),
    _a("unspecified", NameThreat.LIES, ("0.0.0.0",), "550 5.4.4", "RFC 1122 section 3.2.1.3"),
    _a("broadcast", NameThreat.LIES, ("255.255.255.255",), "550 5.4.4", "RFC 1122 section 3.2.1.3"),
    _a("multicast", NameThreat.LIES, ("224.0.0.1",), "550 5.4.4", "RFC 1112 section 4"),
    _a("hundreds", NameThreat.SIZES, tuple(f"192.0.2.{n}" for n in range(1, 90)), "mx.a.example", "RFC 5321 section 5.1"),
    *(
        DnsVector(f"dns-a-{name}", threat, _A, response, comes_of_it, source)
        for name, threat, response, comes_of_it, source in (
            ("servfail", NameThreat.FAILURES, _response(_A, rcode=Rcode.SERVFAIL), "451 4.4.3", "RFC 5321 section 5.1"),
            ("nxdomain", NameThreat.FAILURES, _response(_A, rcode=Rcode.NXDOMAIN, authority=_SOA), "550 5.4.4", "RFC 5321 section 5.1"),
            ("of-another-name", NameThreat.LIES, _response(_A, ("evil.example.", "A", ("192.0.2.66",))), "550 5.4.4", "RFC 2181 section 5.4.1"),
            ("garbage", NameThreat.DAMAGED, b"\xff" * 40, "451 4.4.3", "RFC 1035 section 4.1"),
            ("alias-in-a-circle", NameThreat.LOOPS, _response(_A, ("mx.a.example.", "CNAME", ("mx.a.example.",))), "451 4.4.3", "RFC 1034 section 3.6.2"),
        )
    ),
)  # fmt: skip

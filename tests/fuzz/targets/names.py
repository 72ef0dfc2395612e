"""What name servers, policy hosts and certificates say of other domains."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from random import Random

import dns.message
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from dns.exception import DNSException
from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT
from twisted.internet.defer import Deferred, fail, succeed

from mailext.lookups import MailLookups
from mailext.net.dns.answers import Referral, read
from mailext.routing import Router, RoutingSettings
from mailext.routing.names import is_address, is_host_name
from mailext.tlsrpt.record import parse_record
from mailext.trust.dane_chain import why_not_authenticated
from mailext.trust.mta_sts.policy import LONGEST_LIFE, StsMode, read_policy
from mailext.trust.mta_sts.record import read_record_id, record_text
from mailext.trust.tlsa import load_certificate, matcher, usable
from mailext.values import DnsAnswer, DnsError, TlsaRecord
from tests.fuzz.target import Target, expect
from tests.support import success_result_of

_SETTINGS = RoutingSettings(own_names=frozenset({"us.example"}), own_addresses=frozenset({"192.0.2.99"}))
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
# A hundred characters of theirs, each of them escaped.
_LONGEST_REASON = 1100


class _OneAnswer(MailLookups):
    """A resolver that has one answer to every question."""

    def __init__(self, answer: DnsAnswer[Rdata] | DnsError) -> None:
        self._answer = answer

    def lookup(self, name: str, rdtype: RdataType) -> Deferred[DnsAnswer[Rdata]]:
        return fail(self._answer) if isinstance(self._answer, DnsError) else succeed(self._answer)


def check_answer(data: bytes) -> None:
    """A response of a name server, and all that mail asks of it."""
    try:
        response = dns.message.from_wire(data)
    except (DNSException, OSError, EOFError, ValueError):
        # What the exchange takes for no answer.
        return
    answer: DnsAnswer[Rdata] | DnsError
    try:
        found = read(response, trusted=True)
    except DnsError as error:
        expect(str(error).isprintable(), "a reason that no log can hold")
        answer = error
    else:
        expect(found.ttl >= 0, "a time to live that is over before it began")
        if isinstance(found, Referral):
            return
        answer = found.answer
        for record in answer.records:
            if isinstance(record, TXT):
                check_texts(b"".join(record.strings))
    resolver = _OneAnswer(answer)
    route = success_result_of(Router(resolver, _SETTINGS, Random(0)).route("a.example"))
    expect(len(route.hops) <= _SETTINGS.maximum_hosts, "too many hosts")
    for hop in route.hops:
        expect(hop.failure is not None or is_host_name(hop.host), "a host without a host's name")
        expect(hop.host not in _SETTINGS.own_names, "mail to ourselves")
        expect(len(hop.addresses) <= _SETTINGS.maximum_addresses, "too many addresses")
        expect(all(map(is_address, hop.addresses)), "an address that is none")
        expect(not _SETTINGS.own_addresses & set(hop.addresses), "mail to our own address")
    if not isinstance(answer, DnsError):
        records = success_result_of(resolver.tlsa("mx.example", 25)).records
        why_not_authenticated(usable(records), ["mx.example"], [own_certificate()], _NOW)


@cache
def own_certificate() -> bytes:
    """The certificate of ``mx.example``: the same each time but for its signature."""
    key = derive_private_key(0x1234567, SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, _NOW.replace(2025), _NOW.replace(2035))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def check_tlsa(data: bytes) -> None:
    """Three numbers, and the octets of a TLSA record; they are tried as a certificate too."""
    if len(data) < 3:
        return
    record = TlsaRecord(data[0] & 3, data[1] & 3, data[2] & 3, data[3:])
    records = usable([record])
    own = own_certificate()
    certificate = load_certificate(own)
    assert certificate is not None
    failure = why_not_authenticated(records, ["mx.example"], [own], _NOW)
    # A bare key, RFC 7671 section 5.2.3, has several spellings: it need not match, but to have signed.
    is_bare_key = (record.usage, record.selector, record.matching_type) == (2, 1, 0)
    expect(
        failure is not None or is_bare_key or any(matcher([each])(certificate) for each in records),
        "authenticated by nothing",
    )
    # What is shown is foreign too.
    failure = why_not_authenticated(records, ["mx.example"], [data[3:], own], _NOW)
    expect(failure is None or failure.reason.isprintable(), "a reason that no log can hold")
    shown = load_certificate(data[3:])
    if shown is not None:
        matcher([TlsaRecord(3, 1, 1, b"")])(shown)


def check_policy(data: bytes) -> None:
    """The text of an MTA-STS policy."""
    try:
        policy = read_policy(data)
    except ValueError as error:
        expect(
            str(error).isprintable() and len(str(error)) <= _LONGEST_REASON, "a reason that no log can hold"
        )
        return
    expect(0 <= policy.max_age <= LONGEST_LIFE, "a life without end")
    expect(policy.mx or policy.mode is StsMode.NONE, "no host at all")
    expect(read_policy(policy.text) == policy, "a policy has two meanings")
    for pattern in policy.mx:
        if not pattern.startswith("*."):
            expect(policy.covers(pattern), "a host that its own pattern does not cover")
    expect(not policy.covers("evil.invalid") or b"invalid" in data.lower(), "a host that nobody named")


def check_texts(data: bytes) -> None:
    """TXT records of MTA-STS and TLSRPT."""
    found = read_record_id([data])
    if found is not None:
        expect(found.isalnum() and found.isascii() and len(found) <= 32, "not an id")
        expect(read_record_id([record_text(found).encode()]) == found, "an id has two meanings")
    try:
        destinations = parse_record(data.decode("utf-8", "replace"))
    except ValueError:
        return
    for destination in destinations:
        text = str(destination)
        expect(
            text.startswith(("mailto:", "https://", "HTTPS://")) or text.lower().startswith("https:"),
            "elsewhere",
        )
        with suppress(ValueError):
            expect(text.isprintable(), "an unprintable destination")


TARGETS = (
    Target(
        "dns",
        check_answer,
        "name servers: responses, the routes made of them, TLSA and TXT records",
        "DnsError alone; bounded routes to names of hosts, never to ourselves",
        longest=600,
    ),
    Target(
        "tlsa",
        check_tlsa,
        "name servers and hosts: TLSA records and certificates",
        "nobody is authenticated but by a record that matches",
        (b"\x03\x01\x00", b"\x02\x00\x00", b"\x30\x82"),
        800,
    ),
    Target(
        "mta-sts-policy",
        check_policy,
        "policy hosts: the text of a policy",
        "ValueError alone, in words that a log can hold; one text, one meaning",
        (
            b"version: STSv1\n",
            b"mode: enforce\n",
            b"mode: none\n",
            b"mx: *.example.com\n",
            b"max_age: 86400\n",
            b"\r\n",
            b"mx: ",
        ),
        400,
    ),
    Target(
        "txt",
        check_texts,
        "name servers: TXT records of MTA-STS and TLSRPT",
        "no record, or one meaning; reports go by mail and HTTPS only",
        (
            b"v=STSv1; id=1;",
            b"v=TLSRPTv1;",
            b"rua=mailto:a@example.com",
            b"rua=https://example.com/r",
            b",",
            b"%40",
            b"[::1]",
            b"@",
        ),
        300,
    ),
)

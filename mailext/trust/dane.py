# ruff: noqa: ARG002 - an interface gives more than one standard looks at
"""
DANE for SMTP (RFC 7672): a host proves itself by the TLSA records of its name.

Theory: who can prove the records of a host's name by DNSSEC can say there by
which certificate the host is known. That is a promise besides: a host that has
such records does TLS. So

- records, one of them usable: TLS, and the host must be authenticated by them
  (section 2.2);
- records, none of them usable: TLS, with whomever (section 2.2);
- no records that are proved: DANE says nothing;
- a look-up that fails: nobody knows; the host is not connected to (section
  2.1.2), for that is how an attacker would make the records go away.

What a record means is in :mod:`mailext.trust.tlsa`, whether the records
authenticate a chain of certificates in :mod:`mailext.trust.dane_chain`. Here is
where they are looked for (sections 2.2.2 and 2.2.3), for any host that has a
name: those of MX records, domains without MX records, and hosts that the
operator named.

1. The addresses are looked up first. If they are not proved, no TLSA record is
   asked for: it could not be either, and there are name servers that fail when
   asked. But if the name is an alias, and only where it leads to is not
   proved, the records at the name itself count.
2. If the name is an alias, and proved all the way, the name where it leads is
   tried first, then the name itself.
3. The first of them that has records, and has them proved, is the *TLSA base
   domain*: the name that is asked for by SNI, and the first of the names that a
   certificate under a trust anchor may be for. The recipient domain may be
   another (section 3.2.2), but only where the MX records that named the host
   were proved.

MX records that nobody proved do not keep a host from being authenticated (the
last paragraphs of section 2.2.1): then it is known that this is the host, not
that it is one of the domain's, and that is :mod:`mailext.trust.dnssec`'s to
say. The order of hosts is the MX records' alone; who has TLSA records gets no
preference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from dns.rdatatype import RdataType
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IBindingAuthenticator, IReportedAuthenticator, IResolver
from mailext.trust.dane_chain import why_not_authenticated
from mailext.trust.tlsa import CertificateUsage, usable
from mailext.values import (
    AuthenticatedBy,
    DnsStatus,
    NextHop,
    PolicyResult,
    Proof,
    PublishedDemand,
    TlsaRecord,
    TlsEvidence,
    TlsFailure,
    TlsLevel,
    TlsPolicy,
    TlsPolicyType,
    TlsResultType,
)

__all__ = ["DaneAuthenticator", "DanePolicy"]


@dataclass(frozen=True, slots=True)
class DanePolicy:
    """
    The TLSA records of a host, proved by DNSSEC.

    :param base: the TLSA base domain.
    :param published: all of them, at least one.
    :param records: those that are usable.
    :param names: whom a certificate under a trust anchor may be for.
    """

    base: str
    published: tuple[TlsaRecord, ...]
    records: tuple[TlsaRecord, ...]
    names: tuple[str, ...]


@implementer(IBindingAuthenticator, IReportedAuthenticator)
class DaneAuthenticator:
    """
    Vouches for hosts that their TLSA records authenticate, and binds mail to
    hosts that have any.

    :param wall: the wall clock, in seconds since the epoch: for the dates of
        certificates.
    """

    def __init__(self, resolver: IResolver, wall: Callable[[], float]) -> None:
        self._resolver = resolver
        self._wall = wall

    def policyFor(self, domain: str, hop: NextHop) -> Deferred[DanePolicy | None] | None:
        """See :meth:`IMXAuthenticator.policyFor`: a :class:`DanePolicy`."""
        # RFC 7672 section 2.2: an address has no TLSA records.
        return None if hop.is_literal else Deferred.fromCoroutine(self._policy(domain, hop))

    def demandOf(self, policy: object, hop: NextHop) -> PublishedDemand:
        """See :meth:`IBindingAuthenticator.demandOf`."""
        if not isinstance(policy, DanePolicy):
            return PublishedDemand()
        # RFC 7671 section 10.2: the TLSA base domain by SNI.
        if not policy.records:
            return PublishedDemand(TlsLevel.ENCRYPTED, server_name=policy.base)
        by = frozenset({AuthenticatedBy.DANE})
        return PublishedDemand(TlsLevel.AUTHENTICATED, by, server_name=policy.base)

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """See :meth:`IMXAuthenticator.judgeConnection`."""
        if not isinstance(policy, DanePolicy):
            return Proof(reason="no TLSA record proved by DNSSEC")
        if evidence is None:
            return Proof(reason="TLSA records, but no TLS")
        failure = self._failure(policy, evidence)
        if failure is not None:
            return Proof(TlsLevel.ENCRYPTED, reason=f"not verified by DANE: {failure.reason}")
        by = frozenset({AuthenticatedBy.DANE})
        return Proof(TlsLevel.AUTHENTICATED, by, reason="certificate verified by DANE")

    def policyResults(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> list[PolicyResult]:
        """See :meth:`IReportedAuthenticator.policyResults`."""
        if not isinstance(policy, DanePolicy):
            return []
        told = TlsPolicy(TlsPolicyType.TLSA, policy.base, tuple(map(str, policy.published)))
        return [PolicyResult(told, self._failure(policy, evidence))]

    def _failure(self, policy: DanePolicy, evidence: TlsEvidence | None) -> TlsFailure | None:
        if not policy.records:
            return TlsFailure(TlsResultType.TLSA_INVALID, "no TLSA record is usable")
        if evidence is None:
            return None
        now = datetime.fromtimestamp(self._wall(), UTC)
        return why_not_authenticated(policy.records, policy.names, evidence.chain, now)

    async def _policy(self, domain: str, hop: NextHop) -> DanePolicy | None:
        for base in await self._candidates(hop.host):
            answer = await self._resolver.tlsa(base, hop.port)
            if answer.records and answer.status is DnsStatus.SECURE:
                records = usable(answer.records)
                names: tuple[str, ...] = (base,)
                if any(record.usage == CertificateUsage.DANE_TA for record in records):
                    names += await self._further_names(domain, hop)
                return DanePolicy(base, answer.records, records, names)
        return None

    async def _candidates(self, host: str) -> tuple[str, ...]:
        """The names that may be the TLSA base domain, in the order to try."""
        # RFC 7672 section 2.2.2.
        addresses = await self._resolver.addresses(host)
        if addresses.status is DnsStatus.SECURE:
            return (host,) if addresses.name == host else (addresses.name, host)
        if addresses.name == host:
            return ()
        alias = await self._resolver.lookup(host, RdataType.CNAME)
        return (host,) if alias.records and alias.status is DnsStatus.SECURE else ()

    async def _further_names(self, domain: str, hop: NextHop) -> tuple[str, ...]:
        """Whom a certificate may be for beside the TLSA base domain."""
        # RFC 7672 section 3.2.2.
        if hop.mx_status is None:
            return (hop.host,)
        if hop.mx_status is not DnsStatus.SECURE:
            return ()
        mx = await self._resolver.mx(domain)
        return (domain, mx.name) if mx.status is DnsStatus.SECURE else (domain,)

"""All ways to prove something, taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from mailext.gathering import all_of
from mailext.interfaces import (
    IBindingAuthenticator,
    IMXAuthenticator,
    IReportedAuthenticator,
    IRevisableAuthenticator,
)
from mailext.values import MxLevel, NextHop, PolicyResult, Proof, PublishedDemand, TlsEvidence, TlsLevel

__all__ = ["JointAuthenticator", "joined"]


def joined(proofs: Iterable[Proof]) -> Proof:
    """What several proofs of one connection come to: the best of each kind."""
    given = tuple(proofs)
    return Proof(
        tls=max((proof.tls for proof in given), default=TlsLevel.NONE),
        by=frozenset().union(*(proof.by for proof in given)),
        mx=max((proof.mx for proof in given), default=MxLevel.NONE),
        requiretls=any(proof.requiretls for proof in given),
        reason="; ".join(proof.reason for proof in given if proof.reason),
        mx_at_best=max((proof.mx_at_best for proof in given), default=MxLevel.NONE),
    )


@implementer(IBindingAuthenticator, IReportedAuthenticator, IRevisableAuthenticator)
class JointAuthenticator:
    """
    Several authenticators as one. Its policy is a tuple of theirs.

    :param authenticators: asked all at once, judging in this order.
    """

    def __init__(self, authenticators: Sequence[IMXAuthenticator]) -> None:
        self._authenticators = tuple(authenticators)

    def policyFor(self, domain: str, hop: NextHop) -> object:
        """See :meth:`IMXAuthenticator.policyFor`."""
        policies = tuple(each.policyFor(domain, hop) for each in self._authenticators)
        if not any(isinstance(policy, Deferred) for policy in policies):
            return policies
        waited_for = [policy if isinstance(policy, Deferred) else succeed(policy) for policy in policies]
        return all_of(waited_for).addCallback(tuple)

    def demandOf(self, policy: object, hop: NextHop) -> PublishedDemand:
        """
        See :meth:`IBindingAuthenticator.demandOf`: what several publish binds
        together. So DANE that fails is not saved by MTA-STS (RFC 8461 section 2).
        """
        assert isinstance(policy, tuple)
        demand = PublishedDemand()
        for authenticator, each in zip(self._authenticators, policy, strict=True):
            if IBindingAuthenticator.providedBy(authenticator):
                demand = demand.merged(IBindingAuthenticator(authenticator).demandOf(each, hop))
        return demand

    def revised(self, domain: str, hop: NextHop) -> Deferred[bool]:
        """See :meth:`IRevisableAuthenticator.revised`."""
        asked = [
            maybeDeferred(IRevisableAuthenticator(each).revised, domain, hop)
            for each in self._authenticators
            if IRevisableAuthenticator.providedBy(each)
        ]
        return all_of(asked).addCallback(any)

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """See :meth:`IMXAuthenticator.judgeConnection`."""
        assert isinstance(policy, tuple)
        return joined(
            authenticator.judgeConnection(each, hop, evidence)
            for authenticator, each in zip(self._authenticators, policy, strict=True)
        )

    def policyResults(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> list[PolicyResult]:
        """See :meth:`IReportedAuthenticator.policyResults`: those of all of them."""
        assert isinstance(policy, tuple)
        return [
            result
            for authenticator, each in zip(self._authenticators, policy, strict=True)
            if IReportedAuthenticator.providedBy(authenticator)
            for result in IReportedAuthenticator(authenticator).policyResults(each, hop, evidence)
        ]

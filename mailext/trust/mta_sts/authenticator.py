# ruff: noqa: ARG002 - an interface gives more than one standard looks at
"""MTA-STS as a way in which a host proves itself (RFC 8461 sections 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IBindingAuthenticator, IReportedAuthenticator, IRevisableAuthenticator
from mailext.trust.mta_sts.policies import StsFinding, StsPolicies
from mailext.trust.mta_sts.policy import StsMode, StsPolicy
from mailext.values import (
    AuthenticatedBy,
    MxLevel,
    NextHop,
    PolicyResult,
    Proof,
    PublishedDemand,
    TlsEvidence,
    TlsFailure,
    TlsLevel,
    TlsPolicy,
    TlsPolicyType,
    TlsResultType,
)

__all__ = ["StsAuthenticator"]


@implementer(IBindingAuthenticator, IReportedAuthenticator, IRevisableAuthenticator)
class StsAuthenticator:
    """
    Vouches for hosts that their domain's policy covers, and binds mail for
    those that it does not. Its policy is a
    :class:`~mailext.trust.mta_sts.policies.StsFinding`.
    """

    def __init__(self, policies: StsPolicies) -> None:
        self._policies = policies

    def policyFor(self, domain: str, hop: NextHop) -> Deferred[StsFinding | None] | None:
        """See :meth:`IMXAuthenticator.policyFor`."""
        return None if hop.is_literal else self._policies.find(_policy_domain(domain, hop))

    def revised(self, domain: str, hop: NextHop) -> bool | Deferred[bool]:
        """See :meth:`IRevisableAuthenticator.revised`."""
        return False if hop.is_literal else self._policies.renew(_policy_domain(domain, hop))

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """See :meth:`IMXAuthenticator.judgeConnection`."""
        finding = _finding(policy)
        if finding is None:
            return Proof()
        active = _active(finding)
        if active is None:
            return Proof(
                reason=finding.unknown, mx_at_best=MxLevel.MTA_STS if finding.unknown else MxLevel.NONE
            )
        if not active.covers(hop.host):
            return Proof(reason=_not_covered(finding, hop))
        return Proof(mx=MxLevel.MTA_STS, reason=f"covered by the MTA-STS policy of {finding.domain}")

    def demandOf(self, policy: object, hop: NextHop) -> PublishedDemand:
        """See :meth:`IBindingAuthenticator.demandOf`."""
        finding = _finding(policy)
        active = _active(finding) if finding is not None else None
        if finding is None or active is None or active.mode is not StsMode.ENFORCE:
            return PublishedDemand()
        if not active.covers(hop.host):
            return PublishedDemand(excluded=_not_covered(finding, hop))
        # Section 4.2: a chain to a trusted root, and the name of the host.
        return PublishedDemand(TlsLevel.AUTHENTICATED, frozenset({AuthenticatedBy.PKIX}))

    def policyResults(
        self, policy: object, hop: NextHop, evidence: TlsEvidence | None
    ) -> Sequence[PolicyResult]:
        """See :meth:`IReportedAuthenticator.policyResults`."""
        finding = _finding(policy)
        if finding is None:
            return ()
        active = _active(finding)
        if active is None:
            if finding.failure is None or finding.policy is not None:
                # Section 6: nothing is told of the mode "none".
                return ()
            return (PolicyResult(TlsPolicy(TlsPolicyType.STS, finding.domain), finding.failure),)
        told = TlsPolicy(TlsPolicyType.STS, finding.domain, active.lines, active.mx)
        return (PolicyResult(told, _host_failure(active, finding, hop, evidence) or finding.failure),)


def _finding(policy: object) -> StsFinding | None:
    assert policy is None or isinstance(policy, StsFinding)
    return policy


def _policy_domain(domain: str, hop: NextHop) -> str:
    # Section 3.4: a host that the operator named stands for itself. Where there
    # are no MX records the host is the domain.
    return hop.host if hop.mx_status is None else domain


def _active(finding: StsFinding) -> StsPolicy | None:
    policy = finding.policy
    return policy if policy is not None and policy.mode is not StsMode.NONE else None


def _not_covered(finding: StsFinding, hop: NextHop) -> str:
    return f"{hop.host} is not covered by the MTA-STS policy of {finding.domain}"


def _host_failure(
    policy: StsPolicy, finding: StsFinding, hop: NextHop, evidence: TlsEvidence | None
) -> TlsFailure | None:
    if not policy.covers(hop.host):
        return TlsFailure(TlsResultType.VALIDATION_FAILURE, _not_covered(finding, hop))
    if evidence is not None and evidence.pkix_error is not None:
        return TlsFailure(evidence.pkix_result, evidence.pkix_error)
    return None

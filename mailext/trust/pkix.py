# ruff: noqa: ARG002 - an interface gives more than one standard looks at
"""PKIX: whether a chain of certificates leads from the host's name to a trusted root."""

from __future__ import annotations

from zope.interface import implementer

from mailext.interfaces import IMXAuthenticator
from mailext.values import AuthenticatedBy, NextHop, Proof, TlsEvidence, TlsLevel

__all__ = ["PkixAuthenticator"]


@implementer(IMXAuthenticator)
class PkixAuthenticator:
    """Vouches for hosts whose certificate was verified for their name."""

    def policyFor(self, domain: str, hop: NextHop) -> None:
        """See :meth:`IMXAuthenticator.policyFor`: the trusted roots are all there is."""

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """See :meth:`IMXAuthenticator.judgeConnection`."""
        if evidence is None:
            return Proof(reason="no TLS")
        if evidence.pkix_error is not None:
            return Proof(TlsLevel.ENCRYPTED, reason=f"certificate not verified: {evidence.pkix_error}")
        # R11, RFC 8689 section 4.2.1: the name from the MX record, or the
        # domain itself; not one that CNAME records lead to.
        if evidence.host != hop.host:
            return Proof(TlsLevel.ENCRYPTED, reason=f"certificate verified for {evidence.host} only")
        return Proof(
            TlsLevel.AUTHENTICATED, frozenset({AuthenticatedBy.PKIX}), reason="certificate verified by PKIX"
        )

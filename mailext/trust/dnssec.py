# ruff: noqa: ARG002 - an interface gives more than one standard looks at
"""DNSSEC: whether the MX records that named a host are the domain's own."""

from __future__ import annotations

from zope.interface import implementer

from mailext.interfaces import IMXAuthenticator
from mailext.values import DnsStatus, MxLevel, NextHop, Proof, TlsEvidence

__all__ = ["DnssecAuthenticator", "mx_level"]

_REASONS = {
    MxLevel.CONFIGURED: "no MX record named the host",
    MxLevel.DNSSEC: "MX record proved by DNSSEC",
    MxLevel.NONE: "MX record not proved by DNSSEC",
}


def mx_level(status: DnsStatus | None) -> MxLevel:
    """
    :param status: what DNSSEC says of the MX records that named a host; None
        where none did.
    """
    # R10, RFC 8689 section 4.2.1: only a look-up of MX records wants proof.
    if status is None:
        return MxLevel.CONFIGURED
    return MxLevel.DNSSEC if status is DnsStatus.SECURE else MxLevel.NONE


@implementer(IMXAuthenticator)
class DnssecAuthenticator:
    """Vouches for hosts whose MX records were proved, or that need none."""

    def policyFor(self, domain: str, hop: NextHop) -> None:
        """See :meth:`IMXAuthenticator.policyFor`: the route has told all."""

    def judgeConnection(self, policy: object, hop: NextHop, evidence: TlsEvidence | None) -> Proof:
        """See :meth:`IMXAuthenticator.judgeConnection`."""
        level = mx_level(hop.mx_status)
        return Proof(mx=level, reason=_REASONS[level])

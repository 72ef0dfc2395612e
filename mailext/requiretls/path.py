"""
Whether a connection may carry a message: the one comparison of what is
required with what was proved.

What is required (:class:`Requirement`) comes from the demand of the message,
from the operator's settings for the destination, and from the reverse-path
(:func:`passes`); and from what is published about a host (:func:`bound`).
What was proved is a :class:`~mailext.values.Proof`. What is missing, if
anything, is a :class:`Shortfall` (:func:`shortfall`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from mailext.values import (
    AuthenticatedBy,
    MailOptions,
    MxLevel,
    Proof,
    PublishedDemand,
    RequireTlsMode,
    Ret,
    Security,
    TlsDemand,
    TlsLevel,
    TlsUse,
)

__all__ = ["Lack", "Requirement", "Shortfall", "bound", "onward", "passes", "shortfall"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What a connection must have proved, to carry a message.

    :param by: each of these must have authenticated the host; empty: whatever
        did.
    :param requiretls: whether the host must offer REQUIRETLS.
    :param starttls: whether TLS is tried at all.
    :param final: whether to fall short of it is a failure for good; otherwise
        the message waits for a better connection.
    """

    tls: TlsLevel = TlsLevel.NONE
    by: frozenset[AuthenticatedBy] = frozenset()
    mx: MxLevel = MxLevel.NONE
    requiretls: bool = False
    starttls: bool = True
    final: bool = False

    @property
    def tls_use(self) -> TlsUse:
        """What to make of TLS when a connection is opened for the message."""
        if self.tls is not TlsLevel.NONE:
            # By what the host has to be authenticated is compared afterwards.
            return TlsUse.REQUIRED
        return TlsUse.WHERE_OFFERED if self.starttls else TlsUse.NEVER


class Lack(Enum):
    """What a host fell short of."""

    #: TLS, its verification, or the proof of the host's name.
    TLS = "tls"
    #: Nothing but the keyword REQUIRETLS.
    KEYWORD = "keyword"
    #: Perhaps nothing: what would prove its name could not be looked up.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """
    Why a connection may not carry a message.

    :param reason: in words, for the log and for reports.
    """

    lack: Lack
    reason: str


_BY_SECURITY = {
    Security.NONE: Requirement(starttls=False),
    Security.MAY: Requirement(),
    Security.ENCRYPT: Requirement(TlsLevel.ENCRYPTED),
    # RFC 7672 sections 2.2.1 and 6: mandatory DANE waits for a secure MX record.
    Security.DANE: Requirement(TlsLevel.AUTHENTICATED, frozenset({AuthenticatedBy.DANE}), mx=MxLevel.DNSSEC),
    Security.STS: Requirement(TlsLevel.AUTHENTICATED, frozenset({AuthenticatedBy.PKIX}), mx=MxLevel.MTA_STS),
    Security.VERIFY: Requirement(TlsLevel.AUTHENTICATED),
}

# R10 to R12, RFC 8689 section 4.2.1.
_STRICT = Requirement(TlsLevel.AUTHENTICATED, mx=MxLevel.MTA_STS, requiretls=True, final=True)

_BY_MODE = {
    RequireTlsMode.ENFORCE: _STRICT,
    RequireTlsMode.OPPORTUNISTIC_STARTTLS: Requirement(TlsLevel.ENCRYPTED, final=True),
    RequireTlsMode.OPPORTUNISTIC: Requirement(),
}


def passes(
    demand: TlsDemand, security: Security, mode: RequireTlsMode, *, null_reverse_path: bool
) -> tuple[Requirement, ...]:
    """
    What the hosts of a route must prove: in one pass over all of them, or in
    one after the other, until a host takes the message.

    :param demand: what the message demands.
    :param security: what the operator wants for this destination.
    :param mode: what REQUIRETLS asks of this destination.
    :param null_reverse_path: whether the message is a report.
    """
    local = _BY_SECURITY[security]
    if demand is TlsDemand.NONE:
        return (local,)
    if demand is TlsDemand.OPTIONAL:
        # R18, RFC 8689 section 4.2.2: nothing but the operator's own rule can
        # stop it, and then for good.
        return (replace(local, final=True),)
    required = _strictest(local, _BY_MODE[mode])
    if not null_reverse_path:
        # R17, section 4.2.1.
        return (required,)
    # R24, RFC 8689 section 5: a report is not lost for want of the keyword.
    relaxed = replace(local, starttls=True)
    return (relaxed,) if relaxed == replace(required, final=False) else (required, relaxed)


def _strictest(local: Requirement, asked: Requirement) -> Requirement:
    return replace(asked, tls=max(local.tls, asked.tls), by=local.by, mx=max(local.mx, asked.mx))


def bound(requirement: Requirement, published: PublishedDemand) -> Requirement:
    """What is required of a host about which this is published."""
    return replace(requirement, tls=max(requirement.tls, published.tls), by=requirement.by | published.by)


def shortfall(requirement: Requirement, proof: Proof) -> Shortfall | None:
    """
    Compare what is required with what was proved.

    :return: what is missing, None if the connection may carry the message.
    """
    if proof.tls < requirement.tls:
        return Shortfall(Lack.TLS, _what_tls_lacks(proof))
    missing = requirement.by - proof.by
    if missing:
        wanted = " and ".join(sorted(each.name for each in missing))
        return Shortfall(Lack.TLS, f"not authenticated by {wanted}{_because(proof)}")
    if proof.mx < requirement.mx:
        lack = Lack.TLS if proof.mx_at_best < requirement.mx else Lack.UNKNOWN
        return Shortfall(lack, f"not proved to be a host of the domain{_because(proof)}")
    if requirement.requiretls and not proof.requiretls:
        return Shortfall(Lack.KEYWORD, "REQUIRETLS is not offered")
    return None


def keeps_promise(proof: Proof) -> bool:
    """Whether a message with REQUIRETLS may go over such a connection, by RFC 8689 section 4.2.1."""
    return shortfall(_STRICT, proof) is None


def onward(options: MailOptions, demand: TlsDemand, proof: Proof) -> MailOptions:
    """
    The parameters of MAIL for the next hop.

    :param options: the parameters that the message came with.
    :param demand: what the message demands.
    :param proof: what the connection proved.
    """
    if demand is not TlsDemand.REQUIRE:
        return replace(options, requiretls=False)
    return replace(
        options,
        # R16, RFC 8689 section 4.2.1, and section 2: it never rides on less.
        requiretls=keeps_promise(proof),
        # R23, RFC 8689 section 5.
        ret=Ret.HDRS,
    )


def _what_tls_lacks(proof: Proof) -> str:
    lack = "no TLS" if proof.tls is TlsLevel.NONE else "TLS, but not authenticated"
    return f"{lack}{_because(proof)}"


def _because(proof: Proof) -> str:
    return f" ({proof.reason})" if proof.reason else ""

"""What TLS reports tell (RFC 8460)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "HopSession",
    "PolicyResult",
    "TlsFailure",
    "TlsPolicy",
    "TlsPolicyType",
    "TlsResult",
    "TlsResultType",
]


class TlsResultType(StrEnum):
    """What can be wrong with TLS or with its policy (RFC 8460 section 4.3)."""

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """
    What was wrong with TLS in one session.

    :param reason: in words, or a code; empty where the type says it all.
    """

    type: TlsResultType
    reason: str = ""


class TlsPolicyType(StrEnum):
    """What kind of policy a report tells of (RFC 8460 section 4.4)."""

    #: MTA-STS (RFC 8461).
    STS = "sts"
    #: The TLSA records of a host (RFC 7672).
    TLSA = "tlsa"
    #: Neither is published.
    NOT_FOUND = "no-policy-found"


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """
    A policy, as a report tells of it (RFC 8460 section 4.4).

    :param domain: whose it is, in A-labels: the domain of an MTA-STS policy, the
        TLSA base domain of TLSA records.
    :param strings: the policy in its own words: a line of an MTA-STS policy
        each, or a TLSA record each.
    :param mx_hosts: the patterns of hosts of an MTA-STS policy.
    """

    type: TlsPolicyType
    domain: str
    strings: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """
    What became of one policy in one session.

    :param failure: what was wrong; None: the session complied.
    """

    policy: TlsPolicy
    failure: TlsFailure | None = None


@dataclass(frozen=True, slots=True)
class HopSession:
    """
    One connection to a host, as a report tells of it.

    :param address: the IP address at its other end.
    :param local_address: the IP address at this end.
    :param helo: the name by which the host greeted.
    """

    address: str = ""
    local_address: str = ""
    helo: str = ""


@dataclass(frozen=True, slots=True)
class TlsResult:
    """
    What is counted of one session, for one policy (RFC 8460).

    :param domain: whom a report would go to, in A-labels: the recipient domain;
        the name of a host that the operator named in place of its MX.
    :param mx_host: the host's name.
    :param session: empty values where it did not come to a connection.
    """

    domain: str
    result: PolicyResult
    mx_host: str
    session: HopSession = HopSession()

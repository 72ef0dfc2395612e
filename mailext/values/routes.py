"""Where mail goes, and what is wanted of the way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailext.values.dns import DnsStatus
from mailext.values.queue import Outcome
from mailext.values.tls_results import HopSession, TlsFailure

__all__ = ["HopError", "NextHop", "RequireTlsMode", "Route", "Security", "TlsFailedError", "TlsUse"]


class Security(Enum):
    """
    What the operator wants a next hop to prove, for any message. All but
    ``NONE`` leave in force what the recipient's side publishes.
    """

    #: TLS is not even tried.
    NONE = "none"
    #: TLS where it can be had.
    MAY = "may"
    #: TLS, with whomever.
    ENCRYPT = "encrypt"
    #: TLS, with a host that DANE authenticates, and whose name DNSSEC proves
    #: to be the domain's.
    DANE = "dane"
    #: TLS, with a host whose certificate is verified, and whose name a policy
    #: or DNSSEC proves to be the domain's.
    STS = "sts"
    #: TLS, with a host whose certificate is verified for the name of that
    #: host. Where MX records named it, they may be anybody's.
    VERIFY = "verify"


class RequireTlsMode(Enum):
    """What REQUIRETLS asks of a next hop."""

    #: All that RFC 8689 section 4.2.1 asks for.
    ENFORCE = "enforce"
    #: TLS; what goes beyond is used where it can be had.
    OPPORTUNISTIC_STARTTLS = "opportunistic+starttls"
    #: Nothing; what can be had is used.
    OPPORTUNISTIC = "opportunistic"


class TlsUse(Enum):
    """What is made of TLS when a connection is opened."""

    #: Not even tried.
    NEVER = "never"
    #: Tried where it is offered; whom it is with is only recorded.
    WHERE_OFFERED = "where-offered"
    #: No connection without it; whom it is with is only recorded.
    REQUIRED = "required"
    #: No connection without it, nor with a host whose certificate does not
    #: prove its name.
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class NextHop:
    """
    A host that mail may go to.

    :param host: its name in A-labels, lower case, without a final dot; or an
        IP address. A certificate must be for this name, whatever CNAME records
        say.
    :param addresses: its IP addresses, in the order to try.
    :param mx_status: what DNSSEC says of the MX records that named it; None
        where none did.
    :param implicit_tls: whether TLS begins with the connection and not with
        STARTTLS.
    :param authenticate: whether the login that the operator gave for the
        smarthost is meant for it.
    :param failure: why it has no address to connect to.
    :param server_name: the name to ask it for by SNI; empty: ``host``.
    :param path: of a socket of this machine, in place of addresses and port;
        empty for none.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    mx_status: DnsStatus | None = None
    preference: int = 0
    implicit_tls: bool = False
    authenticate: bool = False
    failure: Outcome | None = None
    server_name: str = ""
    path: str = ""

    @property
    def is_literal(self) -> bool:
        """Whether it is known by an IP address alone."""
        return self.addresses == (self.host,)


@dataclass(frozen=True, slots=True)
class Route:
    """
    Where mail for a domain goes.

    :param destination: the domain in A-labels, lower case; or an address
        literal in brackets.
    :param hops: the hosts, in the order to try.
    :param security: what the operator wants a hop to prove.
    :param requiretls: what REQUIRETLS asks of a hop.
    :param failure: why there is no host to try, temporary or permanent.
    """

    destination: str
    hops: tuple[NextHop, ...] = ()
    security: Security = Security.MAY
    requiretls: RequireTlsMode = RequireTlsMode.ENFORCE
    failure: Outcome | None = None


class HopError(Exception):
    """
    A connection to a next hop could not be had, or has ended.

    :ivar outcome: what that means for a message that should have gone there.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class TlsFailedError(HopError):
    """
    TLS could not be had as it was wanted: the host might do without.

    :ivar failure: what was wrong with it.
    :ivar session: the connection that it was wanted on.
    """

    def __init__(self, outcome: Outcome, failure: TlsFailure, session: HopSession) -> None:
        super().__init__(outcome)
        self.failure = failure
        self.session = session

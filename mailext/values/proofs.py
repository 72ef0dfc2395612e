"""What a connection to a host has proved, and what it must prove."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from mailext.values.tls_results import TlsResultType

__all__ = ["AuthenticatedBy", "MxLevel", "Proof", "PublishedDemand", "TlsEvidence", "TlsLevel"]


class TlsLevel(IntEnum):
    """How far TLS protects a connection; the members are ordered by strength."""

    NONE = 0
    #: Encrypted, to whom is not known.
    ENCRYPTED = 1
    #: Encrypted, and the host has proved that it is the one meant.
    AUTHENTICATED = 2


class AuthenticatedBy(StrEnum):
    """By what a host proved that it is the one meant."""

    #: A chain of certificates to a trusted root, for the host's name (RFC 9525).
    PKIX = "pkix"
    #: The TLSA records of the host (RFC 7672).
    DANE = "dane"


class MxLevel(IntEnum):
    """
    How it is known that a host is one of its domain's; the members are ordered
    by strength.
    """

    #: By DNS that anybody on the way could have written.
    NONE = 0
    #: By the domain's MTA-STS policy (RFC 8461 section 4.1).
    MTA_STS = 1
    #: By MX records that DNSSEC proves.
    DNSSEC = 2
    #: By no look-up: the operator named it, or it is the domain itself.
    CONFIGURED = 3


@dataclass(frozen=True, slots=True)
class TlsEvidence:
    """
    What a host showed in a TLS handshake.

    :param version: for example ``TLSv1.3``.
    :param cipher: the name of the cipher suite.
    :param host: the name, or the IP address, that its certificate was checked
        for.
    :param chain: its certificates as it sent them, its own first; DER.
    :param pkix_error: why chain and name could not be verified; None if they
        were.
    :param pkix_result: of which type that is.
    :param strong: whether version and cipher suite are what BCP 195 wants.
    """

    version: str
    cipher: str
    host: str
    chain: tuple[bytes, ...] = ()
    pkix_error: str | None = None
    pkix_result: TlsResultType = TlsResultType.CERTIFICATE_NOT_TRUSTED
    strong: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What a connection has proved of the host at its other end.

    :param by: everything that authenticated the host; empty below
        :attr:`TlsLevel.AUTHENTICATED`.
    :param requiretls: whether REQUIRETLS was offered in the EHLO reply after
        TLS (R12, RFC 8689 section 4.2.1), and the TLS is strong (R13).
    :param reason: what led to these levels, for the log and for reports.
    :param mx_at_best: what ``mx`` might have been, had all been looked up that
        could not be.
    """

    tls: TlsLevel = TlsLevel.NONE
    by: frozenset[AuthenticatedBy] = frozenset()
    mx: MxLevel = MxLevel.NONE
    requiretls: bool = False
    reason: str = ""
    mx_at_best: MxLevel = MxLevel.NONE


@dataclass(frozen=True, slots=True)
class PublishedDemand:
    """
    What the recipient's side publishes that any connection to a host must have
    proved before it carries mail: by DANE (RFC 7672 section 2.2), or by a
    policy of MTA-STS in the mode ``enforce`` (RFC 8461 section 5). A host that
    falls short of it is passed over, and ordinary mail waits.

    :param tls: how far TLS must protect the connection.
    :param by: each of these must have authenticated the host.
    :param excluded: why the host is not to be connected to at all; empty where
        it may be.
    :param server_name: the name to ask it for by SNI; empty: its own.
    """

    tls: TlsLevel = TlsLevel.NONE
    by: frozenset[AuthenticatedBy] = frozenset()
    excluded: str = ""
    server_name: str = ""

    def merged(self, other: PublishedDemand) -> PublishedDemand:
        """This demand and another one: both bind."""
        return PublishedDemand(
            tls=max(self.tls, other.tls),
            by=self.by | other.by,
            excluded="; ".join(filter(None, (self.excluded, other.excluded))),
            server_name=self.server_name or other.server_name,
        )

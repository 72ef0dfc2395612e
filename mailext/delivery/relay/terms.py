"""On what terms a host may be given a message."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.delivery.relay.means import RelayMeans
from mailext.interfaces import IHopConnection, IMXAuthenticator
from mailext.requiretls.path import Lack, Requirement, Shortfall, bound, shortfall
from mailext.values import DnsError, NextHop, Outcome, Proof, TlsDemand, TlsLevel

__all__ = ["Terms", "not_known", "offers_requiretls", "terms_of", "without_tls"]

_log = Logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """
    :param hop: the host, as it is to be connected to.
    :param requirement: what a connection must have proved.
    :param authenticator: judges what it has proved, by ``policy``.
    :param excluded: why no connection would do; None where one might.
    """

    hop: NextHop
    requirement: Requirement
    authenticator: IMXAuthenticator
    policy: object
    excluded: Shortfall | None = None

    def judge(self, connection: IHopConnection) -> Proof:
        """What a connection has proved."""
        proof = self.authenticator.judgeConnection(self.policy, self.hop, connection.evidence)
        return replace(proof, requiretls=offers_requiretls(connection))

    def allow(self, connection: IHopConnection) -> bool:
        """Whether a connection may carry the message."""
        return shortfall(self.requirement, self.judge(connection)) is None


def offers_requiretls(connection: IHopConnection) -> bool:
    """Whether a host offers REQUIRETLS on a connection that can keep its promise."""
    # R12, R13, RFC 8689 section 4.2.1: what was offered in clear does not
    # count, nor where TLS is weak.
    evidence = connection.evidence
    return evidence is not None and evidence.strong and "REQUIRETLS" in connection.keywords


async def terms_of(
    means: RelayMeans, destination: str, demand: TlsDemand, requirement: Requirement, hop: NextHop
) -> Terms:
    """
    Find out what the domain and the host publish, and what follows of it.

    :param destination: the domain, as in its route.
    :param demand: what the message demands.
    :param requirement: what message and operator want of any host.
    :raise Exception: if it cannot be found out: nobody knows what is published.
    """
    # R18, RFC 8689 section 4.2.2: what the recipient's side publishes does not
    # stop the message. It is asked for if the operator wants a proof.
    binding = demand is not TlsDemand.OPTIONAL and requirement.starttls
    if not binding and requirement.tls is not TlsLevel.AUTHENTICATED:
        return Terms(hop, requirement, means.unasking, await _policy(means.unasking, destination, hop))
    policy = await _policy(means.authenticator, destination, hop)
    published = means.authenticator.demandOf(policy, hop)
    named = replace(hop, server_name=published.server_name)
    if not binding:
        return Terms(named, requirement, means.authenticator, policy)
    return Terms(
        named,
        bound(requirement, published),
        means.authenticator,
        policy,
        Shortfall(Lack.TLS, published.excluded) if published.excluded else None,
    )


def not_known(hop: NextHop, error: Exception) -> Outcome:
    """What it means for a message that :func:`terms_of` failed."""
    if not isinstance(error, DnsError):
        _log.failure("What {host} publishes is not known", host=hop.host)
    return Outcome(451, "4.4.3", f"What {hop.host} publishes cannot be looked up: {error}")


def without_tls(outcome: Outcome, demand: TlsDemand) -> Outcome | Shortfall:
    """
    What it means for a message that there was no TLS with a host, as it was
    wanted: trouble that may pass, or what the host lacks.

    :param outcome: of the attempt to begin TLS.
    :param demand: what the message demands.
    """
    # R15, RFC 8689 section 4.2.1: to a message that demands TLS a host that may
    # not hear the password for its certificate is one without. Other mail waits
    # until the operator has seen to it.
    unheard = demand is TlsDemand.REQUIRE and outcome.enhanced == _NO_TLS_FOR_LOGIN
    if outcome.is_temporary and outcome.enhanced not in _TLS_CANNOT_BE_HAD and not unheard:
        return outcome
    return Shortfall(Lack.TLS, outcome.text)


# What a host lacks, by RFC 5248 section 2.4 and RFC 3463 section 3.8: encryption
# needed, cryptographic failure. Any other temporary failure may pass.
_TLS_CANNOT_BE_HAD = frozenset({"4.7.5", "4.7.10"})
# RFC 4954 section 6: encryption required for the mechanism.
_NO_TLS_FOR_LOGIN = "4.7.11"


async def _policy(authenticator: IMXAuthenticator, destination: str, hop: NextHop) -> object:
    policy = authenticator.policyFor(destination, hop)
    return await cast("Awaitable[object]", policy) if isinstance(policy, Deferred) else policy

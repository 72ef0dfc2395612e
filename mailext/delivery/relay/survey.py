"""
What each host of a domain proves, and what would become of mail: all that an
attempt does, up to the point where a message would be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from twisted.internet.defer import CancelledError, Deferred

from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.terms import Terms, not_known, terms_of, without_tls
from mailext.interfaces import IHopConnection, IReportedAuthenticator
from mailext.requiretls.failures import HostFailure, folded
from mailext.requiretls.path import Requirement, Shortfall, passes, shortfall
from mailext.values import (
    HopError,
    NextHop,
    Outcome,
    PolicyResult,
    Proof,
    Route,
    TlsDemand,
    TlsEvidence,
    TlsFailedError,
    TlsUse,
)

__all__ = ["SURVEYED", "DomainSurvey", "HostSurvey", "survey"]

#: The demands for which it is found out what would become of a message.
SURVEYED = (TlsDemand.NONE, TlsDemand.REQUIRE)


@dataclass(frozen=True, slots=True)
class HostSurvey:
    """
    :param causes: why a message with this demand would not go there; without
        an entry for it, it would.
    :param address: where it was reached, empty if it was not.
    :param evidence: what it showed in the TLS handshake, None without one.
    :param proof: what that, and what is published, prove.
    :param policies: what is published, and what became of it.
    """

    hop: NextHop
    causes: Mapping[TlsDemand, Outcome | Shortfall]
    address: str = ""
    evidence: TlsEvidence | None = None
    proof: Proof = field(default_factory=Proof)
    policies: tuple[PolicyResult, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainSurvey:
    """
    :param hosts: in the order to try.
    """

    route: Route
    hosts: tuple[HostSurvey, ...] = ()
    requirements: Mapping[TlsDemand, Requirement] = field(default_factory=dict)

    def taker(self, demand: TlsDemand) -> NextHop | None:
        """The host that would be given a message, None if none would."""
        return next((host.hop for host in self.hosts if demand not in host.causes), None)

    def outcome(self, demand: TlsDemand) -> Outcome:
        """What would become of a message that no host would be given."""
        if self.route.failure is not None:
            return self.route.failure
        failures = [HostFailure(host.hop.host, host.causes[demand]) for host in self.hosts]
        return folded(self.requirements[demand], failures)


def survey(means: RelayMeans, domain: str) -> Deferred[DomainSurvey]:
    """
    Connect to every host of a domain, without a message and without a login.

    :param domain: the domain of a recipient.
    """
    return Deferred.fromCoroutine(_survey(means, domain))


async def _survey(means: RelayMeans, domain: str) -> DomainSurvey:
    route = await means.router.route(domain)
    if route.failure is not None:
        return DomainSurvey(route)
    requirements = {
        demand: passes(demand, route.security, route.requiretls, null_reverse_path=False)[0]
        for demand in SURVEYED
    }
    hosts = [
        await _Surveyor(means, route.destination, requirements).host(replace(hop, authenticate=False))
        for hop in route.hops
    ]
    return DomainSurvey(route, tuple(hosts), requirements)


@dataclass(frozen=True, slots=True)
class _Surveyor:
    """
    :param destination: the domain, as in its route.
    """

    means: RelayMeans
    destination: str
    requirements: Mapping[TlsDemand, Requirement]

    async def host(self, hop: NextHop) -> HostSurvey:
        if hop.failure is not None:
            return HostSurvey(hop, _for_all(hop.failure))
        try:
            terms = {
                demand: await terms_of(self.means, self.destination, demand, requirement, hop)
                for demand, requirement in self.requirements.items()
            }
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows what is published
            return HostSurvey(hop, _for_all(not_known(hop, error)))
        strict = terms[TlsDemand.REQUIRE]
        failed: list[TlsFailedError] = []
        try:
            connection = await self.means.connector.connect(
                strict.hop, TlsUse.REQUIRED, lambda _: False, failed.append
            )
        except HopError as error:
            # At an address that answered, other mail can do without TLS.
            causes = _without_tls(terms, error.outcome) if failed else _for_all(error.outcome)
            address = failed[0].session.address if failed else ""
            return HostSurvey(hop, causes, address, None, _judged(strict), _results(strict, None))
        try:
            return _seen(hop, terms, connection)
        finally:
            await connection.quit()


def _seen(hop: NextHop, terms: Mapping[TlsDemand, Terms], connection: IHopConnection) -> HostSurvey:
    strict = terms[TlsDemand.REQUIRE]
    proof = strict.judge(connection)
    causes = {demand: each.excluded or shortfall(each.requirement, proof) for demand, each in terms.items()}
    return HostSurvey(
        hop,
        {demand: cause for demand, cause in causes.items() if cause is not None},
        connection.address,
        connection.evidence,
        proof,
        _results(strict, connection.evidence),
    )


def _without_tls(
    terms: Mapping[TlsDemand, Terms], outcome: Outcome
) -> Mapping[TlsDemand, Outcome | Shortfall]:
    """
    :param outcome: of the attempt to begin it.
    """
    return {
        demand: each.excluded or without_tls(outcome, demand)
        for demand, each in terms.items()
        if each.excluded is not None or each.requirement.tls_use is TlsUse.REQUIRED or each.hop.implicit_tls
    }


def _judged(terms: Terms) -> Proof:
    return terms.authenticator.judgeConnection(terms.policy, terms.hop, None)


def _results(terms: Terms, evidence: TlsEvidence | None) -> tuple[PolicyResult, ...]:
    if not IReportedAuthenticator.providedBy(terms.authenticator):
        return ()
    authenticator = IReportedAuthenticator(terms.authenticator)
    return tuple(authenticator.policyResults(terms.policy, terms.hop, evidence))


def _for_all(outcome: Outcome) -> Mapping[TlsDemand, Outcome]:
    return dict.fromkeys(SURVEYED, outcome)

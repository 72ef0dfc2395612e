"""What is to be counted of one session, for each policy that it was under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zope.interface import implementer

from mailext.interfaces import IMXAuthenticator, IReportedAuthenticator, ITlsResultSink
from mailext.values import (
    DnsError,
    HopSession,
    NextHop,
    PolicyResult,
    TlsEvidence,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)

__all__ = ["SessionJournal", "Uncounted", "record_unknown"]


@implementer(ITlsResultSink)
class Uncounted:
    """Makes nothing of it: for sessions that are nobody's affair."""

    def record(self, result: TlsResult) -> None:
        """See :meth:`ITlsResultSink.record`."""


@dataclass(frozen=True, slots=True)
class SessionJournal:
    """
    Tells the sink of the sessions with one host.

    :param destination: the domain, as in its route.
    :param authenticator: knows what is published.
    :param policy: what its ``policyFor`` gave.
    :param dane_required: whether the operator wants the host to be
        authenticated by DANE, and by nothing else.
    """

    sink: ITlsResultSink
    destination: str
    hop: NextHop
    authenticator: IMXAuthenticator
    policy: object
    dane_required: bool = False

    def opened(self, session: HopSession, evidence: TlsEvidence | None) -> None:
        """
        There is a connection, new, on which TLS would have been welcome.

        :param evidence: of the handshake; None in clear.
        """
        if evidence is None:
            self.failed(session, TlsFailure(TlsResultType.STARTTLS_NOT_SUPPORTED))
        else:
            self._tell(self._complete(self._results(evidence), None), session)

    def failed(self, session: HopSession, failure: TlsFailure) -> None:
        """There was a connection, and it was of no use for want of TLS."""
        results = [
            result if result.failure is not None else replace(result, failure=failure)
            for result in self._results(None)
        ]
        self._tell(self._complete(results, failure), session)

    def excluded(self) -> None:
        """The host was left alone for what is published."""
        self._tell([result for result in self._results(None) if result.failure is not None], HopSession())

    def _results(self, evidence: TlsEvidence | None) -> Sequence[PolicyResult]:
        if not IReportedAuthenticator.providedBy(self.authenticator):
            return ()
        authenticator = IReportedAuthenticator(self.authenticator)
        return authenticator.policyResults(self.policy, self.hop, evidence)

    def _complete(
        self, results: Sequence[PolicyResult], failure: TlsFailure | None
    ) -> Sequence[PolicyResult]:
        """The same, and what is to be said where no policy was found, or not the one that is wanted."""
        if self.dane_required and all(result.policy.type is not TlsPolicyType.TLSA for result in results):
            failure = TlsFailure(TlsResultType.DANE_REQUIRED)
        elif results:
            return results
        policy = TlsPolicy(TlsPolicyType.NOT_FOUND, _reported_domain(self.destination, self.hop))
        return [*results, PolicyResult(policy, failure)]

    def _tell(self, results: Sequence[PolicyResult], session: HopSession) -> None:
        for result in results:
            _record(self.sink, self.destination, self.hop, result, session)


def record_unknown(sink: ITlsResultSink, destination: str, hop: NextHop, error: DnsError) -> None:
    """
    What a host publishes could not be looked up, and it was left alone for
    that: only DANE is so strict (RFC 7672 section 2.1.2).

    :param destination: the domain, as in its route.
    """
    policy = TlsPolicy(TlsPolicyType.TLSA, hop.host)
    failure = TlsFailure(TlsResultType.DNSSEC_INVALID, str(error))
    _record(sink, destination, hop, PolicyResult(policy, failure), HopSession())


def _record(
    sink: ITlsResultSink, destination: str, hop: NextHop, result: PolicyResult, session: HopSession
) -> None:
    # An IP address publishes nothing, and wants no report.
    if not hop.is_literal:
        sink.record(TlsResult(_reported_domain(destination, hop), result, hop.host, session))


def _reported_domain(destination: str, hop: NextHop) -> str:
    # RFC 8460 section 1.1: where the operator sends mail elsewhere than the
    # domain's MX, that is whose policies count.
    return destination if hop.mx_status is not None else hop.host

"""One message's attempt at one host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from twisted.internet.defer import CancelledError

from mailext.delivery.relay.delivery import Outcomes, RelayDelivery
from mailext.delivery.relay.events import HostLog
from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.patience import HostLeftAloneError
from mailext.delivery.relay.terms import Terms, not_known, terms_of, without_tls
from mailext.interfaces import IHopConnection, ITlsResultSink
from mailext.queue.dispatch import Deferral
from mailext.queue.undelivered import UndeliveredError
from mailext.requiretls.failures import HostFailure
from mailext.requiretls.path import Requirement, Shortfall, keeps_promise, onward, shortfall
from mailext.tlsrpt.sessions import SessionJournal, Uncounted, record_unknown
from mailext.values import (
    AuthenticatedBy,
    DnsError,
    Envelope,
    HopError,
    Mailbox,
    NextHop,
    Outcome,
    QueueEntry,
    TlsDemand,
    TlsFailedError,
    TlsUse,
)

__all__ = ["HostAttempt", "Unsent"]

_UNCOUNTED = Uncounted()


@dataclass(frozen=True, slots=True)
class Unsent(HostFailure):
    """
    Why a host did not take a message.

    :param outcomes: what the host said of each recipient, if it came so far.
    :param reached: whether it was there.
    :param stale: whether that came of a connection that had served others, and
        a new one may do better.
    :param deferral: why it was not even tried, if so.
    """

    outcomes: Mapping[Mailbox, Outcome] = field(default_factory=dict)
    reached: bool = True
    stale: bool = False
    deferral: Deferral | None = None


@dataclass(frozen=True, slots=True)
class HostAttempt:
    """
    :param destination: the domain, as in its route.
    :param requirement: what a connection must have proved.
    """

    means: RelayMeans
    entry: QueueEntry
    destination: str
    envelope: Envelope
    requirement: Requirement

    async def deliver(self, hop: NextHop, beginning: bytes) -> RelayDelivery | Unsent:
        """
        :param beginning: the header section.
        :return: a delivery that goes on with the body, or why the next host is
            to be tried.
        :raise UndeliveredError: if the host has spoken for its domain: nobody
            else is to be asked.
        """
        log = HostLog(self.entry, self.destination, hop.host, self.means.steady())
        if hop.failure is not None:
            return self._unconnected(log, hop.failure, reached=not hop.failure.is_temporary)
        try:
            terms = await terms_of(
                self.means, self.destination, self.envelope.tls_demand, self.requirement, hop
            )
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows what is published
            if isinstance(error, DnsError):
                record_unknown(self._results, self.destination, hop, error)
            return self._unconnected(log, not_known(hop, error), reached=True)
        if terms.excluded is not None:
            self._journal(terms).excluded()
            return self._fallen_short(log, Outcome(451, "4.7.10", terms.excluded.reason), terms.excluded)
        found = await self._attempt(log, terms, terms.allow, beginning)
        if isinstance(found, Unsent) and found.stale:
            # Many hosts take so many messages in a connection, then part.
            found = await self._attempt(log, terms, _a_new_one, beginning)
        return found

    async def _attempt(
        self, log: HostLog, terms: Terms, allow: Callable[[IHopConnection], bool], beginning: bytes
    ) -> RelayDelivery | Unsent:
        """
        :param allow: whether a connection that has served others may be used.
        """
        try:
            connection = await self._connect(log, terms, allow)
        except TlsFailedError as error:
            return self._without_tls(log, error.outcome)
        except HostLeftAloneError as error:
            return Unsent(log.host, error.outcome, reached=False, deferral=error.deferral)
        except HopError as error:
            outcome = _of_opening(terms.hop, error.outcome)
            return self._unconnected(log, outcome, reached=not outcome.is_temporary)
        try:
            return await self._hand_over(log, connection, terms, beginning)
        except UndeliveredError:
            raise
        except BaseException:
            # Nobody else knows of the connection: it would stay for ever.
            connection.quit()
            raise

    async def _connect(
        self, log: HostLog, terms: Terms, allow: Callable[[IHopConnection], bool]
    ) -> IHopConnection:
        connect, requirement = self.means.connector.connect, terms.requirement
        journal = self._journal(terms)

        def failed(error: TlsFailedError) -> None:
            journal.failed(error.session, error.failure)

        try:
            connection = await connect(terms.hop, requirement.tls_use, allow, failed)
        except TlsFailedError as error:
            if requirement.tls_use is not TlsUse.WHERE_OFFERED or terms.hop.implicit_tls:
                raise
            log.unconnected(error.outcome, self.means.steady())
            # R18, RFC 8689 section 4.2.2: the same host again, in clear.
            return await connect(terms.hop, TlsUse.NEVER, allow)
        if not connection.reused:
            journal.opened(connection.session, connection.evidence)
        return connection

    @property
    def _results(self) -> ITlsResultSink:
        # RFC 8460 section 3: reports are not reported on. They are tagged like
        # all that is to be delivered without regard to policies.
        optional = self.envelope.tls_demand is TlsDemand.OPTIONAL
        return self.means.results if self.requirement.starttls and not optional else _UNCOUNTED

    def _journal(self, terms: Terms) -> SessionJournal:
        return SessionJournal(
            self._results,
            self.destination,
            terms.hop,
            terms.authenticator,
            terms.policy,
            dane_required=AuthenticatedBy.DANE in self.requirement.by,
        )

    async def _hand_over(
        self, log: HostLog, connection: IHopConnection, terms: Terms, beginning: bytes
    ) -> RelayDelivery | Unsent:
        proof = terms.judge(connection)
        self._learn(supported=keeps_promise(proof))
        missing = shortfall(terms.requirement, proof)
        if missing is not None:
            self.means.patience.answered(connection)
            # R14, RFC 8689 section 4.2.1. The host may take its time for it.
            connection.quit()
            log.ended(connection, proof, [missing.reason], self.means.steady())
            return Unsent(connection.hop.host, missing)

        def ended(outcomes: Outcomes) -> None:
            log.ended(connection, proof, outcomes.values(), self.means.steady())

        delivery = RelayDelivery(connection, beginning, ended)
        options = onward(self.envelope.options, self.envelope.tls_demand, proof)
        options = replace(options, size=self.entry.size)
        if await delivery.begin(replace(self.envelope, options=options)):
            self.means.patience.answered(connection)
            return delivery
        outcomes = await delivery.commit()
        answered = self.means.patience.answered(connection, outcomes.values())
        if all(outcome.is_temporary or not outcome.host for outcome in outcomes.values()):
            # RFC 5321 section 5.1: another host may do, for now or by what it offers.
            stale = connection.reused and connection.worn_out
            return Unsent(connection.hop.host, next(iter(outcomes.values())), outcomes, answered, stale)
        raise UndeliveredError(outcomes)

    def _learn(self, *, supported: bool) -> None:
        # A message that no policy may stop does not ask what is published.
        if self.requirement.starttls and self.envelope.tls_demand is not TlsDemand.OPTIONAL:
            self.means.support.learned(self.destination, supported=supported)

    def _without_tls(self, log: HostLog, outcome: Outcome) -> Unsent:
        cause = without_tls(outcome, self.envelope.tls_demand)
        if isinstance(cause, Outcome):
            return self._unconnected(log, cause, reached=True)
        return self._fallen_short(log, outcome, cause)

    def _fallen_short(self, log: HostLog, outcome: Outcome, shortfall: Shortfall) -> Unsent:
        self._learn(supported=False)
        log.unconnected(outcome, self.means.steady())
        return Unsent(log.host, shortfall)

    def _unconnected(self, log: HostLog, outcome: Outcome, *, reached: bool) -> Unsent:
        log.unconnected(outcome, self.means.steady())
        return Unsent(log.host, outcome, reached=reached)


def _a_new_one(_: IHopConnection) -> bool:
    return False


def _of_opening(hop: NextHop, outcome: Outcome) -> Outcome:
    if hop.authenticate and not outcome.is_temporary:
        # Who is not let in has a password that is wrong: the operator's
        # mistake, and not the sender's.
        return Outcome(451, "4.3.5", f"The configured host {hop.host} does not take this server: {outcome}")
    return outcome

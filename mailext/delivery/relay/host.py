"""One message's attempt at one host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mailext.delivery.relay.delivery import Outcomes, RelayDelivery
from mailext.delivery.relay.events import HostLog
from mailext.delivery.relay.means import RelayMeans
from mailext.interfaces import IHopConnection, IMXAuthenticator
from mailext.queue.undelivered import UndeliveredError
from mailext.requiretls.failures import HostFailure
from mailext.requiretls.path import Lack, Requirement, Shortfall, onward, shortfall
from mailext.values import (
    Envelope,
    HopError,
    Mailbox,
    NextHop,
    Outcome,
    Proof,
    QueueEntry,
    TlsDemand,
    TlsFailedError,
    TlsLevel,
    TlsUse,
)

__all__ = ["HostAttempt", "Unsent"]

_log = Logger()

# What a host lacks, by RFC 5248 section 2.4 and RFC 3463 section 3.8: encryption
# needed, cryptographic failure. Any other temporary failure may pass.
_TLS_CANNOT_BE_HAD = frozenset({"4.7.5", "4.7.10"})


@dataclass(frozen=True, slots=True)
class Unsent(HostFailure):
    """
    Why a host did not take a message.

    :param outcomes: what the host said of each recipient, if it came so far.
    :param reached: whether it was there.
    """

    outcomes: Mapping[Mailbox, Outcome] = field(default_factory=dict)
    reached: bool = True


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
            policy = await self._policy(hop)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows what is published
            _log.failure("What {host} publishes is not known", host=hop.host)
            outcome = Outcome(451, "4.4.3", f"What {hop.host} publishes cannot be looked up: {error}")
            return self._unconnected(log, outcome, reached=True)
        try:
            connection = await self._connect(log, hop, policy)
        except TlsFailedError as error:
            return self._without_tls(log, error.outcome)
        except HopError as error:
            return self._unconnected(log, error.outcome, reached=not error.outcome.is_temporary)
        return await self._hand_over(log, connection, self._judge(hop, policy, connection), beginning)

    @property
    def _authenticator(self) -> IMXAuthenticator:
        # R18, RFC 8689 section 4.2.2: what the recipient's side publishes does
        # not stop the message; what the operator wants proved might.
        optional = self.envelope.tls_demand is TlsDemand.OPTIONAL
        if optional and self.requirement.tls is not TlsLevel.AUTHENTICATED:
            return self.means.unasking
        return self.means.authenticator

    async def _policy(self, hop: NextHop) -> object:
        policy = self._authenticator.policyFor(self.destination, hop)
        return await policy if isinstance(policy, Deferred) else policy

    def _judge(self, hop: NextHop, policy: object, connection: IHopConnection) -> Proof:
        evidence = connection.evidence
        proof = self._authenticator.judgeConnection(policy, hop, evidence)
        # R12, RFC 8689 section 4.2.1: what was offered in clear does not count.
        return replace(proof, requiretls=evidence is not None and "REQUIRETLS" in connection.keywords)

    async def _connect(self, log: HostLog, hop: NextHop, policy: object) -> IHopConnection:
        def satisfies(connection: IHopConnection) -> bool:
            return shortfall(self.requirement, self._judge(hop, policy, connection)) is None

        use = self.requirement.tls_use
        try:
            return await self.means.connector.connect(hop, use, satisfies)
        except TlsFailedError as error:
            if use is TlsUse.NEVER or hop.implicit_tls or not self.requirement.allows_clear:
                raise
            log.unconnected(error.outcome, self.means.steady())
        # R18, RFC 8689 section 4.2.2: the same host again, in clear.
        return await self.means.connector.connect(hop, TlsUse.NEVER, satisfies)

    async def _hand_over(
        self, log: HostLog, connection: IHopConnection, proof: Proof, beginning: bytes
    ) -> RelayDelivery | Unsent:
        missing = shortfall(self.requirement, proof)
        if missing is not None:
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
            return delivery
        outcomes = await delivery.commit()
        if all(outcome.is_temporary or not outcome.host for outcome in outcomes.values()):
            # RFC 5321 section 5.1: another host may do, for now or by what it offers.
            return Unsent(connection.hop.host, next(iter(outcomes.values())), outcomes)
        raise UndeliveredError(outcomes)

    def _without_tls(self, log: HostLog, outcome: Outcome) -> Unsent:
        if outcome.is_temporary and outcome.enhanced not in _TLS_CANNOT_BE_HAD:
            return self._unconnected(log, outcome, reached=True)
        log.unconnected(outcome, self.means.steady())
        return Unsent(log.host, Shortfall(Lack.TLS, outcome.text))

    def _unconnected(self, log: HostLog, outcome: Outcome, *, reached: bool) -> Unsent:
        log.unconnected(outcome, self.means.steady())
        return Unsent(log.host, outcome, reached=reached)

"""
Mailboxes that another program keeps, as a delivery target: it takes messages
by LMTP (RFC 2033).

That is final delivery. The program is no hop that mail goes on from: it is not
asked for REQUIRETLS, unless the operator wants it to be, and it is not left to
report anything, for the message never comes to rest in a queue of its own.
Over a socket of this machine, or its loopback interface, nothing has to be
encrypted; elsewhere the host must prove its name under TLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.delivery.relay.delivery import RelayDelivery
from mailext.delivery.relay.terms import offers_requiretls, without_tls
from mailext.interfaces import IDelivery, IDeliveryTarget, IHopConnection, IHopConnector, IMXAuthenticator
from mailext.message.headers import HeaderSection
from mailext.queue.undelivered import UndeliveredError
from mailext.requiretls.failures import HostFailure, folded
from mailext.requiretls.path import Requirement, shortfall
from mailext.routing.places import is_loopback
from mailext.values import (
    Envelope,
    Handover,
    HopError,
    Mailbox,
    NextHop,
    Outcome,
    Proof,
    RcptOptions,
    RequireTlsMode,
    TlsDemand,
    TlsFailedError,
    TlsLevel,
)

__all__ = ["LmtpTarget"]

_HERE = Requirement(starttls=False)
_ELSEWHERE = Requirement(TlsLevel.AUTHENTICATED)


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class LmtpTarget:
    """
    Delivers to a program that speaks LMTP.

    :param hop: where it listens.
    :param connector: opens connections that speak LMTP.
    :param authenticator: judges what they prove, by what is known without
        asking anybody.
    :param requiretls: what REQUIRETLS asks of it, in the same terms as of a
        next hop; by default nothing.
    """

    hop: NextHop
    connector: IHopConnector
    authenticator: IMXAuthenticator
    requiretls: RequireTlsMode = RequireTlsMode.OPPORTUNISTIC

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> Deferred[IDelivery]:
        """
        See :meth:`IDeliveryTarget.startDelivery`. It is there when the program
        wants the content; if it does not, this fails with
        :class:`~mailext.queue.undelivered.UndeliveredError`.
        """
        return Deferred.fromCoroutine(self._start(envelope, headers))

    async def _start(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        requirement = self._requirement(envelope.tls_demand)

        def satisfies(connection: IHopConnection) -> bool:
            return shortfall(requirement, self._proof(connection)) is None

        try:
            connection = await self.connector.connect(
                self.hop, requirement.tls_use, satisfies, lambda _: None
            )
        except TlsFailedError as error:
            cause = without_tls(error.outcome, envelope.tls_demand)
            outcome = folded(requirement, [HostFailure(self.hop.host, cause)])
            raise UndeliveredError(envelope.to_each(outcome)) from error
        except HopError as error:
            raise UndeliveredError(envelope.to_each(error.outcome)) from error
        missing = shortfall(requirement, self._proof(connection))
        if missing is not None:
            connection.quit()
            outcome = folded(requirement, [HostFailure(self.hop.host, missing)])
            raise UndeliveredError(envelope.to_each(outcome))
        delivery = _LmtpDelivery(RelayDelivery(connection, bytes(headers), lambda _: None))
        if not await delivery.inner.begin(_said(envelope, connection)):
            raise UndeliveredError(await delivery.commit())
        return delivery

    def _requirement(self, demand: TlsDemand) -> Requirement:
        requirement = _HERE if _is_here(self.hop) else _ELSEWHERE
        if demand is not TlsDemand.REQUIRE:
            return requirement
        match self.requiretls:
            case RequireTlsMode.ENFORCE:
                return Requirement(TlsLevel.AUTHENTICATED, requiretls=True, final=True)
            case RequireTlsMode.OPPORTUNISTIC_STARTTLS:
                tls = max(requirement.tls, TlsLevel.ENCRYPTED)
                return Requirement(tls, final=True)
            case RequireTlsMode.OPPORTUNISTIC:
                return requirement

    def _proof(self, connection: IHopConnection) -> Proof:
        proof = self.authenticator.judgeConnection(None, self.hop, connection.evidence)
        return replace(proof, requiretls=offers_requiretls(connection))


@implementer(IDelivery)
@dataclass(frozen=True, slots=True)
class _LmtpDelivery:
    """One message on its way into mailboxes."""

    inner: RelayDelivery

    def write(self, data: bytes) -> Deferred[None] | None:
        """See :meth:`IDelivery.write`."""
        return self.inner.write(data)

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`IDelivery.commit`."""
        return self.inner.commit().addCallback(_final)

    def abort(self) -> None:
        """See :meth:`IDelivery.abort`."""
        self.inner.abort()


def _final(outcomes: Mapping[Mailbox, Outcome]) -> Mapping[Mailbox, Outcome]:
    # The last to have a queue is who reports.
    return {mailbox: replace(outcome, handover=Handover.FINAL) for mailbox, outcome in outcomes.items()}


def _said(envelope: Envelope, connection: IHopConnection) -> Envelope:
    """The envelope with what the program is to know of it."""
    options = replace(
        envelope.options,
        # The message has grown since, by its trace fields.
        size=None,
        auth=None,
        ret=None,
        envid=None,
        # R25: who wants to know what the message demands is told, if it is not
        # final delivery alone.
        requiretls=envelope.tls_demand is TlsDemand.REQUIRE and offers_requiretls(connection),
    )
    recipients = tuple(replace(each, options=RcptOptions()) for each in envelope.recipients)
    return replace(envelope, options=options, recipients=recipients)


def _is_here(hop: NextHop) -> bool:
    return bool(hop.path) or all(map(is_loopback, hop.addresses or (hop.host,)))

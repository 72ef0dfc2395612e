"""Other hosts as a delivery target."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import cast

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.delivery.relay.host import HostAttempt, Unsent
from mailext.delivery.relay.means import RelayMeans
from mailext.interfaces import IDelivery, IDeliveryTarget, IRevisableAuthenticator
from mailext.message.headers import HeaderSection
from mailext.queue.undelivered import LeftAloneError, UndeliveredError
from mailext.requiretls.failures import folded, leads_to_next_pass
from mailext.requiretls.path import Requirement, Shortfall, passes
from mailext.values import DnsError, Envelope, Outcome, QueueEntry, Route

__all__ = ["RelayTarget"]


@dataclass(frozen=True, slots=True)
class _Untaken:
    """
    No host took the message.

    :param requirement: what was required in the last pass.
    :param unsent: why each host did not take it then.
    """

    requirement: Requirement
    unsent: Sequence[Unsent]


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class RelayTarget:
    """
    The hosts of one domain, for one message in the queue.

    :param destination: the domain of all recipients.
    :param entry: the message.
    """

    means: RelayMeans
    destination: str
    entry: QueueEntry

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> Deferred[IDelivery]:
        """
        See :meth:`IDeliveryTarget.startDelivery`. It is there when a host
        wants the body; where none does, it fails with
        :class:`~mailext.queue.undelivered.UndeliveredError`, or where all are
        left alone for a while with
        :class:`~mailext.queue.undelivered.LeftAloneError`.
        """
        return Deferred.fromCoroutine(self._start(envelope, bytes(headers)))

    async def _start(self, envelope: Envelope, beginning: bytes) -> IDelivery:
        route = await self.means.router.route(self.destination)
        if route.failure is not None:
            self._note(reached=not route.failure.is_temporary, cause=route.failure)
            raise UndeliveredError(envelope.to_each(route.failure))
        requirements = passes(
            envelope.tls_demand,
            route.security,
            route.requiretls,
            null_reverse_path=envelope.reverse_path is None,
        )
        found = await self._in_passes(route, requirements, envelope, beginning)
        unknown: DnsError | None = None
        try:
            if isinstance(found, _Untaken) and await self._revised(route, found):
                found = await self._in_passes(route, requirements, envelope, beginning)
        except DnsError as error:
            unknown = error
        if not isinstance(found, _Untaken):
            return found
        deferrals = [each.deferral for each in found.unsent if each.deferral is not None]
        if len(deferrals) == len(found.unsent):
            raise LeftAloneError(min(deferrals, key=lambda deferral: deferral.until))
        outcome = folded(found.requirement, found.unsent)
        if unknown is not None and not outcome.is_temporary:
            # RFC 8461 section 5: mail is not returned before it is known that
            # the policy, if there is one, is still the same.
            outcome = Outcome(451, "4.4.3", f"What {route.destination} publishes is not known: {unknown}")
        self._note(reached=any(each.reached for each in found.unsent), cause=outcome)
        # Where that is what one host said, each recipient has its own words.
        said = next((each.outcomes for each in found.unsent if each.cause is outcome), None)
        raise UndeliveredError(said or envelope.to_each(outcome))

    async def _in_passes(
        self, route: Route, requirements: Sequence[Requirement], envelope: Envelope, beginning: bytes
    ) -> IDelivery | _Untaken:
        for requirement in requirements:
            unsent: list[Unsent] = []
            delivery = await self._pass(route, requirement, envelope, beginning, unsent)
            if delivery is not None:
                return delivery
            if not leads_to_next_pass(unsent):
                break
        return _Untaken(requirement, unsent)

    async def _revised(self, route: Route, untaken: _Untaken) -> bool:
        """Whether hosts fell short of what is not published any more."""
        authenticator = self.means.authenticator
        fell_short = any(isinstance(each.cause, Shortfall) for each in untaken.unsent)
        if not fell_short or not IRevisableAuthenticator.providedBy(authenticator):
            return False
        revised = IRevisableAuthenticator(authenticator).revised(route.destination, route.hops[0])
        return await cast("Awaitable[bool]", revised) if isinstance(revised, Deferred) else revised

    async def _pass(
        self,
        route: Route,
        requirement: Requirement,
        envelope: Envelope,
        beginning: bytes,
        unsent: list[Unsent],
    ) -> IDelivery | None:
        """
        :param unsent: is told why each host did not take the message.
        """
        attempt = HostAttempt(self.means, self.entry, route.destination, envelope, requirement)
        for hop in route.hops:
            try:
                found = await attempt.deliver(hop, beginning)
            except UndeliveredError:
                self.means.backoff.reached(self._waited_for)
                raise
            if not isinstance(found, Unsent):
                self.means.backoff.reached(self._waited_for)
                return found
            unsent.append(found)
        return None

    def _note(self, *, reached: bool, cause: Outcome) -> None:
        if reached:
            self.means.backoff.reached(self._waited_for)
        else:
            self.means.backoff.failed(self._waited_for, cause)

    @property
    def _waited_for(self) -> str:
        return self.means.router.destination(self.destination)

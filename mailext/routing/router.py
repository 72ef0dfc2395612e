"""From a domain to its route."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.gathering import all_of
from mailext.interfaces import IResolver
from mailext.routing import failures
from mailext.routing.hosts import by_turns, in_order, without_own, without_own_addresses
from mailext.routing.names import destination_of, is_address, is_host_name, literal_address
from mailext.routing.settings import ConfiguredHost, DestinationSettings, RoutingSettings
from mailext.values import DnsAnswer, DnsError, DnsStatus, MxRecord, NextHop, Outcome, Route

__all__ = ["Router"]

_log = Logger()


class Router:
    """
    Finds routes.

    :param random: shuffles hosts of equal preference.
    """

    def __init__(self, resolver: IResolver, settings: RoutingSettings, random: Random) -> None:
        self._resolver = resolver
        self._settings = settings
        self._random = random

    def route(self, domain: str) -> Deferred[Route]:
        """
        :param domain: the domain of a recipient, as in
            :attr:`~mailext.values.Mailbox.domain`.
        :return: a Deferred of a :class:`~mailext.values.Route`. What goes
            wrong is told by its :attr:`~mailext.values.Route.failure`.
        """
        return Deferred.fromCoroutine(self._route(domain))

    def destination(self, domain: str) -> str:
        """
        Whom a recipient domain's mail waits for: the host that is configured
        for it, and its port, or the domain itself, as
        :func:`~mailext.routing.names.destination_key` spells it.
        """
        try:
            destination = destination_of(domain)
        except ValueError:
            return domain
        configured = self._configured_for(self._settings.destinations.get(destination))
        return destination if configured is None else f"{configured.host}:{configured.port}"

    def _configured_for(self, said: DestinationSettings | None) -> ConfiguredHost | None:
        return (said and said.next_hop) or self._settings.smarthost

    async def _route(self, domain: str) -> Route:
        try:
            destination = destination_of(domain)
        except ValueError:
            return Route(domain, failure=failures.bad_domain(domain))
        said = self._settings.destinations.get(destination)
        route = self._with_levels(destination, said)
        configured = self._configured_for(said)
        if configured is not None:
            return _settled(replace(route, hops=(await self._configured(configured),)))
        address = literal_address(destination)
        if address is not None:
            return self._by_literal(route, address)
        return await self._by_dns(route)

    def _with_levels(self, destination: str, said: DestinationSettings | None) -> Route:
        if said is not None:
            return Route(destination, security=said.security, requiretls=said.requiretls)
        if self._settings.smarthost is not None:
            return Route(
                destination,
                security=self._settings.smarthost_security,
                requiretls=self._settings.requiretls,
            )
        return Route(destination, requiretls=self._settings.requiretls)

    async def _configured(self, configured: ConfiguredHost) -> NextHop:
        hop = NextHop(
            configured.host,
            configured.port,
            implicit_tls=configured.implicit_tls,
            authenticate=configured.authenticate,
        )
        if is_address(configured.host):
            return replace(hop, addresses=(configured.host,))
        return await self._with_addresses(hop, failures.misconfigured(configured.host))

    def _by_literal(self, route: Route, address: str) -> Route:
        hop = NextHop(address, self._settings.port, (address,))
        if not tuple(by_turns(hop.addresses)):
            return replace(route, failure=failures.bad_domain(route.destination))
        if address in self._settings.own_addresses:
            return replace(route, failure=failures.loop(route.destination))
        return replace(route, hops=(hop,))

    async def _by_dns(self, route: Route) -> Route:
        domain = route.destination
        try:
            answer = await self._resolver.mx(domain)
        except DnsError as error:
            return replace(route, failure=failures.unknown(domain, error))
        if not answer.exists:
            return replace(route, failure=failures.no_such_domain(domain))
        if not answer.records:
            return await self._by_address(route)
        return await self._by_mx(route, answer)

    async def _by_address(self, route: Route) -> Route:
        # R9, RFC 5321 section 5.1: the domain itself is the host.
        domain = route.destination
        hop = await self._with_addresses(NextHop(domain, self._settings.port), failures.no_host(domain))
        if domain in self._settings.own_names or not without_own_addresses(
            [hop], self._settings.own_addresses
        ):
            return replace(route, failure=failures.loop(domain))
        return _settled(replace(route, hops=(hop,)))

    async def _by_mx(self, route: Route, answer: DnsAnswer[MxRecord]) -> Route:
        domain = route.destination
        records = in_order(answer.records, self._random)
        if not records:
            return replace(route, failure=failures.no_mail(domain))
        records = without_own(records, self._settings.own_names)[: self._settings.maximum_hosts]
        looked_up = [Deferred.fromCoroutine(self._mx_host(record, answer.status)) for record in records]
        hops = without_own_addresses(await all_of(looked_up), self._settings.own_addresses)
        if not hops:
            return replace(route, failure=failures.loop(domain))
        return _settled(replace(route, hops=tuple(hops)))

    async def _mx_host(self, record: MxRecord, status: DnsStatus) -> NextHop:
        hop = NextHop(record.host, self._settings.port, mx_status=status, preference=record.preference)
        denied = failures.unreachable(record.host)
        if not is_host_name(record.host):
            return replace(hop, failure=denied)
        return await self._with_addresses(hop, denied)

    async def _with_addresses(self, hop: NextHop, denied: Outcome) -> NextHop:
        """
        :param denied: what it means that the host has no address.
        """
        try:
            answer = await self._resolver.addresses(hop.host)
        except DnsError as error:
            return replace(hop, failure=failures.unknown(hop.host, error))
        if answer.name != hop.host:
            # RFC 5321 section 5.1 does not allow it of MX hosts; its address
            # is used, and its name is not: a certificate is for hop.host.
            _log.debug("{host} is an alias of {name}", host=hop.host, name=answer.name)
        addresses = tuple(islice(by_turns(answer.records), self._settings.maximum_addresses))
        return replace(hop, addresses=addresses, failure=None if addresses else denied)


def _settled(route: Route) -> Route:
    """The route, which has failed if none of its hosts can be tried."""
    causes = [hop.failure for hop in route.hops if hop.failure is not None]
    if len(causes) < len(route.hops):
        return route
    temporary = [cause for cause in causes if cause.is_temporary]
    return replace(route, failure=(temporary or causes)[0])

"""The way to other servers: resolver, routes, connections, and what they must prove."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTCP, IReactorTime
from twisted.logger import Logger

from mailext.accounts.addresses import AddressBook
from mailext.config.model import Configuration
from mailext.config.relaying import client_settings, relay_name_servers, routing_settings, trust_roots
from mailext.config.validation import resolver_remarks
from mailext.delivery.relay import RelayMeans, RemoteDispatch
from mailext.interfaces import IResolver, ITlsResultSink
from mailext.net.client.connector import Connector, dialler
from mailext.net.client.pool import ConnectionPool
from mailext.net.dns.cache import DnsCache
from mailext.net.dns.exchange import NameServers
from mailext.net.dns.resolver import Resolver
from mailext.net.https import HttpsClient
from mailext.net.sts_policy_host import PolicyHosts
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.clock import QueueClock
from mailext.routing import Router
from mailext.threads import BoundedThreads
from mailext.trust.dane import DaneAuthenticator
from mailext.trust.dnssec import DnssecAuthenticator
from mailext.trust.mta_sts.authenticator import StsAuthenticator
from mailext.trust.mta_sts.means import StsPolicyStore
from mailext.trust.mta_sts.policies import StsPolicies
from mailext.trust.mta_sts.refresh import StsRefresh
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator

__all__ = ["IRelayReactor", "Relaying"]

_log = Logger()

# A look-up waits for the network, and one name server that is silent holds up
# nobody who asks another.
_DNS_THREADS = 32
_LOOKUPS_WAITING = 1000


class IRelayReactor(IReactorTime, IReactorFromThreads, IReactorTCP):
    """What relaying asks of a reactor."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What a configuration makes of relaying."""

    pool: ConnectionPool
    resolver: IResolver
    policies: StsPolicies
    means: RelayMeans


class Relaying:
    """
    What lives between the queue and other servers.

    :param clock: the queue's.
    :param random: shuffles hosts of equal preference.
    :param addresses: gives the address book.
    :param own_addresses: gives the addresses that lead back to this server,
        under a configuration.
    :param results: counts what became of TLS.
    :param sts_store: remembers MTA-STS policies.
    :raise ValueError: if the configuration cannot be used after all.

    :ivar dispatch: tells the queue which recipients go elsewhere.
    :ivar backoff: which destinations are left alone for a while; a reload
        does not forget it.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: IRelayReactor,
        clock: QueueClock,
        random: Random,
        *,
        addresses: Callable[[], AddressBook],
        own_addresses: Callable[[Configuration], frozenset[str]],
        results: ITlsResultSink,
        sts_store: StsPolicyStore,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._random = random
        self._own_addresses = own_addresses
        self._results = results
        self._sts_store = sts_store
        self._threads = BoundedThreads(reactor, "mailext-dns", _DNS_THREADS, _LOOKUPS_WAITING)
        self.backoff = DestinationBackoff(clock.steady)
        self.dispatch = RemoteDispatch(addresses, lambda: self._made.means)
        self._made = self._make(configuration)
        self._refresh = StsRefresh(lambda: self._made.policies, sts_store, reactor)
        self._configuration = configuration

    @property
    def resolver(self) -> IResolver:
        """Looks names up, by the configuration of now."""
        return self._made.resolver

    def start(self) -> None:
        """Begin to work."""
        self._threads.startService()
        self._refresh.startService()
        asked = self._threads.run(lambda: list(resolver_remarks(self._configuration.relay)))
        asked.addCallbacks(_warn, lambda failure: _log.failure("The resolvers cannot be asked", failure))

    def configure(self, configuration: Configuration) -> None:
        """
        Go on with another configuration. Messages on their way keep the
        connections they have.

        :raise ValueError: if it cannot be used after all; then nothing changes.
        """
        former = self._made
        self._made = self._make(configuration)
        self._configuration = configuration
        former.pool.close()

    def stop(self) -> Deferred[None]:
        """
        Part with the hosts, and end the threads.

        :return: a Deferred that fires when that is done.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._refresh.stopService()
        await self._made.pool.close()
        self._threads.stopService()

    def _make(self, configuration: Configuration) -> _Made:
        relay = configuration.relay
        settings, roots = client_settings(configuration), trust_roots(relay)
        dial = dialler(self._reactor, settings.timeouts.connect)
        pool = ConnectionPool(Connector(dial, settings, roots, self._reactor), self._reactor)
        resolver = Resolver(
            NameServers(relay_name_servers(relay)).ask,
            self._threads.run,
            DnsCache(self._clock.steady),
            self._reactor,
        )
        policy_hosts = PolicyHosts(HttpsClient(self._reactor, dial, resolver, roots), relay.mta_sts_port)
        policies = StsPolicies(resolver, policy_hosts.fetch, self._sts_store, self._reactor)
        known = JointAuthenticator([PkixAuthenticator(), DnssecAuthenticator()])
        means = RelayMeans(
            router=Router(
                resolver, routing_settings(configuration, self._own_addresses(configuration)), self._random
            ),
            connector=pool,
            authenticator=JointAuthenticator(
                [DaneAuthenticator(resolver, self._clock.wall), StsAuthenticator(policies), known]
            ),
            unasking=known,
            backoff=self.backoff,
            steady=self._clock.steady,
            results=self._results,
        )
        return _Made(pool, resolver, policies, means)


def _warn(remarks: list[tuple[object, str]]) -> None:
    for _, remark in remarks:
        _log.warn("The resolver {remark}", remark=remark)

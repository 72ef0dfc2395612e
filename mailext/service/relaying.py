"""The way to other servers: resolver, routes, connections, and what they must prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.accounts.addresses import AddressBook
from mailext.config.model import Configuration
from mailext.config.validation import resolver_remarks
from mailext.delivery.relay import RelayMeans, RemoteDispatch
from mailext.delivery.relay.patience import HostPatience
from mailext.interfaces import IResolver, ITlsResultSink
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.clock import QueueClock
from mailext.queue.shares import DestinationShares
from mailext.requiretls.support import SupportSink
from mailext.service.next_hops import IRelayReactor, NextHops, dns_threads, make_next_hops
from mailext.trust.mta_sts.means import StsPolicyStore
from mailext.trust.mta_sts.refresh import StsRefresh

__all__ = ["Relaying"]

_log = Logger()

# Deliveries to other hosts that are under way at one time: fewer than the queue
# attempts, so that those to local mailboxes never wait for them.
_DELIVERIES = 800


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
    :param support: learns who keeps the promise of REQUIRETLS.
    :raise ValueError: if the configuration cannot be used after all.

    :ivar dispatch: tells the queue which recipients go elsewhere.
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
        support: SupportSink,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._random = random
        self._own_addresses = own_addresses
        self._results = results
        self._sts_store = sts_store
        self._support = support
        self._threads = dns_threads(reactor)
        # A reload forgets none of these.
        self._backoff = DestinationBackoff(clock.steady)
        self._patience = HostPatience(DestinationBackoff(clock.steady))
        shares = DestinationShares(clock.steady, total=_DELIVERIES)
        self.dispatch = RemoteDispatch(addresses, lambda: self._means, shares)
        self._hops = self._make(configuration)
        self._means = self._means_of(self._hops)
        self._refresh = StsRefresh(lambda: self._hops.sts_policies, sts_store, reactor)
        self._configuration = configuration

    @property
    def resolver(self) -> IResolver:
        """Looks names up, by the configuration of now."""
        return self._hops.resolver

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
        former = self._hops
        self._hops = self._make(configuration)
        self._means = self._means_of(self._hops)
        self._configuration = configuration
        former.pool.close()

    def forget(self, domains: Iterable[str]) -> None:
        """
        The operator wants mail tried: nobody whom it waits for is left alone any more.

        :param domains: those of the recipients.
        """
        self._backoff.forget(map(self._hops.router.destination, domains))
        # Which hosts these have is not known without a look-up.
        self._patience.forget()

    def stop(self) -> Deferred[None]:
        """
        Part with the hosts, and end the threads.

        :return: a Deferred that fires when that is done.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._refresh.stopService()
        await self._hops.pool.close()
        self._threads.stopService()

    def _make(self, configuration: Configuration) -> NextHops:
        return make_next_hops(
            configuration,
            self._reactor,
            self._threads.run,
            self._clock,
            self._random,
            own_addresses=self._own_addresses(configuration),
            sts_store=self._sts_store,
            patience=self._patience,
        )

    def _means_of(self, hops: NextHops) -> RelayMeans:
        return RelayMeans(
            router=hops.router,
            connector=hops.pool,
            authenticator=hops.authenticator,
            unasking=hops.unasking,
            backoff=self._backoff,
            patience=self._patience,
            steady=self._clock.steady,
            results=self._results,
            support=self._support,
        )


def _warn(remarks: list[tuple[object, str]]) -> None:
    for _, remark in remarks:
        _log.warn("The resolver {remark}", remark=remark)

"""What other servers are found, reached and judged with, under one configuration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from twisted.internet.interfaces import IReactorFromThreads, IReactorTCP

from mailext.config.model import Configuration
from mailext.config.relaying import (
    client_settings,
    pool_settings,
    relay_name_servers,
    routing_settings,
    trust_roots,
)
from mailext.delivery.relay.patience import HostPatience, PatientConnector
from mailext.interfaces import IBindingAuthenticator, IMXAuthenticator, IRememberingResolver
from mailext.net.client.connector import Connector, dialler
from mailext.net.client.pool import ConnectionPool
from mailext.net.dns.cache import DnsCache
from mailext.net.dns.exchange import NameServers
from mailext.net.dns.resolver import Resolver
from mailext.net.https import HttpsClient
from mailext.net.sts_policy_host import PolicyHosts
from mailext.per_turn import IThreadsReactor
from mailext.queue.clock import QueueClock
from mailext.routing import Router
from mailext.threads import BoundedThreads, RunInThread
from mailext.trust.dane import DaneAuthenticator
from mailext.trust.dnssec import DnssecAuthenticator
from mailext.trust.mta_sts.authenticator import StsAuthenticator
from mailext.trust.mta_sts.means import StsPolicyStore
from mailext.trust.mta_sts.policies import StsPolicies
from mailext.trust.pkix import PkixAuthenticator
from mailext.trust.together import JointAuthenticator

__all__ = ["IRelayReactor", "NextHops", "dns_threads", "make_next_hops"]

# A look-up waits for the network, and one name server that is silent holds up
# nobody who asks another.
_DNS_THREADS = 32
_LOOKUPS_WAITING = 1000


class IRelayReactor(IThreadsReactor, IReactorTCP):
    """What relaying asks of a reactor."""


@dataclass(frozen=True, slots=True)
class NextHops:
    """
    :param sts_policies: the MTA-STS policies of other domains.
    :param authenticator: by all that is known and published.
    :param unasking: by what is known without asking anybody.
    """

    resolver: IRememberingResolver
    router: Router
    pool: ConnectionPool
    sts_policies: StsPolicies
    authenticator: IBindingAuthenticator
    unasking: IMXAuthenticator


def dns_threads(reactor: IReactorFromThreads) -> BoundedThreads:
    """The threads that wait for name servers."""
    return BoundedThreads(reactor, "mailext-dns", _DNS_THREADS, _LOOKUPS_WAITING)


def make_next_hops(
    configuration: Configuration,
    reactor: IRelayReactor,
    run: RunInThread,
    clock: QueueClock,
    random: Random,
    *,
    own_addresses: Iterable[str],
    sts_store: StsPolicyStore,
    patience: HostPatience,
) -> NextHops:
    """
    :param run: calls what waits for name servers.
    :param random: shuffles hosts of equal preference.
    :param own_addresses: the addresses that lead back to this server.
    :param sts_store: remembers MTA-STS policies.
    :param patience: remembers which hosts did not answer.
    :raise ValueError: if the configuration cannot be used after all.
    """
    relay = configuration.relay
    settings = client_settings(configuration)
    roots = trust_roots(relay)
    dial = dialler(reactor, settings.timeouts.connect)
    resolver = Resolver(NameServers(relay_name_servers(relay)).ask, run, DnsCache(clock.steady), reactor)
    policy_hosts = PolicyHosts(HttpsClient(reactor, dial, resolver, roots), relay.mta_sts_port)
    sts_policies = StsPolicies(resolver, policy_hosts.fetch, sts_store, reactor)
    connector = PatientConnector(Connector(dial, settings, roots, reactor), patience)
    known = JointAuthenticator([PkixAuthenticator(), DnssecAuthenticator()])
    published = [DaneAuthenticator(resolver, clock.wall), StsAuthenticator(sts_policies)]
    return NextHops(
        resolver=resolver,
        router=Router(resolver, routing_settings(configuration, own_addresses), random),
        pool=ConnectionPool(connector, reactor, pool_settings(relay)),
        sts_policies=sts_policies,
        authenticator=JointAuthenticator([*published, known]),
        unasking=known,
    )

"""A survey of our own domains by a program that does nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from time import monotonic

from mailext.config.model import Configuration
from mailext.config.relaying import client_settings, relay_name_servers, trust_roots
from mailext.net.client.connector import dialler
from mailext.net.dns.cache import DnsCache
from mailext.net.dns.exchange import NameServers
from mailext.net.dns.resolver import Resolver
from mailext.net.https import HttpsClient
from mailext.net.sts_policy_host import PolicyHosts
from mailext.publishing.survey import Finding, survey
from mailext.publishing.wanted import Publication
from mailext.service.next_hops import IRelayReactor, dns_threads

__all__ = ["survey_own_domains"]


async def survey_own_domains(
    reactor: IRelayReactor, configuration: Configuration, published: Iterable[Publication]
) -> dict[str, list[Finding]]:
    """
    Look at our domains as those who send to them do.

    :return: what was found, by domain.
    :raise ValueError: if the configuration cannot be used after all.
    """
    relay = configuration.relay
    threads = dns_threads(reactor)
    resolver = Resolver(NameServers(relay_name_servers(relay)).ask, threads.run, DnsCache(monotonic), reactor)
    dial = dialler(reactor, client_settings(configuration).timeouts.connect)
    client = HttpsClient(reactor, dial, resolver, trust_roots(relay))
    fetch = PolicyHosts(client, relay.mta_sts_port).fetch
    now = datetime.fromtimestamp(reactor.seconds(), UTC)
    threads.startService()
    try:
        return {each.domain: await survey(each, resolver, fetch, now) for each in published}
    finally:
        threads.stopService()

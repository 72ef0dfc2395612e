"""A survey of a domain by a program that does nothing else."""

from __future__ import annotations

from random import SystemRandom
from time import monotonic

from mailext.config.model import Configuration
from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.patience import HostPatience
from mailext.delivery.relay.survey import DomainSurvey, survey
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.clock import QueueClock
from mailext.service.next_hops import IRelayReactor, dns_threads, make_next_hops
from mailext.trust.mta_sts.memory import MemoryStsPolicyStore

__all__ = ["survey_once"]


async def survey_once(reactor: IRelayReactor, configuration: Configuration, domain: str) -> DomainSurvey:
    """
    Connect to every host of a domain as the relay would, without a message.

    :raise ValueError: if the configuration cannot be used after all.
    """
    clock = QueueClock(reactor, monotonic)
    threads = dns_threads(reactor)
    patience = HostPatience(DestinationBackoff(clock.steady))
    hops = make_next_hops(
        configuration,
        reactor,
        threads.run,
        clock,
        SystemRandom(),
        # Its listeners are another process's: by its name it is known still.
        own_addresses=(),
        sts_store=MemoryStsPolicyStore(),
        patience=patience,
    )
    means = RelayMeans(
        router=hops.router,
        connector=hops.pool,
        authenticator=hops.authenticator,
        unasking=hops.unasking,
        backoff=DestinationBackoff(clock.steady),
        patience=patience,
        steady=clock.steady,
    )
    threads.startService()
    try:
        return await survey(means, domain)
    finally:
        await hops.pool.close()
        threads.stopService()

"""What brings TLS reports to other domains, out of a configuration."""

from __future__ import annotations

from mailext.config.model import Configuration
from mailext.config.relaying import trust_roots
from mailext.interfaces import IDeliveryTarget, IResolver
from mailext.net.client.connector import dialler
from mailext.net.https import HttpsClient
from mailext.net.report_posting import ReportPosting
from mailext.service.next_hops import IRelayReactor
from mailext.tlsrpt.courier import Courier

__all__ = ["make_courier"]

# For the connection to one address of a receiver of reports, in seconds.
_CONNECT = 30.0


def make_courier(
    configuration: Configuration, resolver: IResolver, target: IDeliveryTarget, reactor: IRelayReactor
) -> Courier:
    """
    :param resolver: finds out where reports are wanted.
    :param target: where those go that are mail: the queue.
    :raise ValueError: if the configuration cannot be used after all.
    """
    dial = dialler(reactor, _CONNECT)
    client = HttpsClient(reactor, dial, resolver, trust_roots(configuration.relay))
    return Courier(resolver, target, ReportPosting(client), reactor.seconds)

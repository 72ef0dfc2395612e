"""The watch on a site: what it counts, and who answers for it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from twisted.internet.interfaces import IProtocolFactory, IReactorTime
from twisted.logger import LogPublisher

from mailext.publishing.policy_web import within_bounds
from mailext.service.site import Site
from mailext.watching.figures import Figures
from mailext.watching.moment import Connections, Moment
from mailext.watching.web import watching_site

__all__ = ["Watching"]


class Watching:
    """
    :param site: is watched.
    :param events: gives the log events that are counted.
    :ivar factory: what stands behind the listener ``metrics``.
    """

    def __init__(self, site: Site, clock: IReactorTime, events: LogPublisher) -> None:
        self._events = events
        registry = CollectorRegistry()
        self._figures = Figures(registry)
        registry.register(Connections(site.counts))
        ProcessCollector(registry=registry)
        configuration = site.configuration
        moment = Moment(registry, configuration.state_dir, lambda: site.configuration.tls.certificate)
        web = watching_site(clock, registry, moment, site.store.queue_admin.figures, site.store.probe)
        self.factory: IProtocolFactory = within_bounds(web, clock)

    def start(self) -> None:
        """Begin to count."""
        self._events.addObserver(self._figures)

    def stop(self) -> None:
        """End."""
        self._events.removeObserver(self._figures)

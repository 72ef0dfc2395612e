"""An open site behind its listeners, from the first connection to the last."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorUNIX
from twisted.logger import LogPublisher

from mailext.config.model import Configuration
from mailext.control.server import ControlFactory, ControlService
from mailext.net.tls import ServerContextFactory
from mailext.service.certificates import CertificateWatch
from mailext.service.clock_watch import ClockWatch
from mailext.service.descriptors import warn_if_short
from mailext.service.doors import MailFactory, open_doors
from mailext.service.draining import drain
from mailext.service.listeners import Listeners
from mailext.service.own_addresses import own_addresses
from mailext.service.site import ISiteReactor, Site
from mailext.service.watching import Watching
from mailext.service.workforce import Workforce
from mailext.workers.crew import ICrewReactor

__all__ = ["IServerReactor", "Serving"]


class IServerReactor(ISiteReactor, ICrewReactor, IReactorCore, IReactorUNIX):
    """What a server asks of a reactor."""


class Serving:
    """
    Opens the site, and puts its doors behind the listeners.

    :param configuration: to begin with.
    :param listeners: are bound already.
    :param workforce: takes connections, too.
    :param random: :class:`random.SystemRandom` in a server.
    :param events: gives the log events, which are counted if somebody may ask
        for the figures.
    :raise mailext.storage.errors.StoreError: if another process owns the
        state directory, or it cannot be used.
    :raise OSError: if a file cannot be made or opened.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: IServerReactor,
        listeners: Listeners,
        workforce: Workforce,
        *,
        random: Random,
        events: LogPublisher,
    ) -> None:
        self._reactor = reactor
        self._listeners = listeners
        self._workforce = workforce
        self._events = events
        self._site = Site(
            configuration,
            reactor,
            random,
            self._end_sessions,
            self._own_addresses,
            counts=workforce.counts(configuration),
            tell_workers=workforce.tell,
        )
        self._doors = open_doors(configuration, self._site, reactor)
        # Connections that began before a reload keep their factory.
        self._factories: list[MailFactory] = list(self._doors.mail.values())
        self._clock_watch = ClockWatch(reactor)
        self._certificates = CertificateWatch(reactor, self._tls)
        self._watching = Watching(self._site, reactor, events) if configuration.listen.metrics else None
        self._control = ControlService(
            reactor,
            configuration.state_dir,
            ControlFactory(self._site.dispatcher, lambda: self._site.configuration.limits.message_size),
        )

    def _end_sessions(self, account: str) -> None:
        for factory in self._factories:
            factory.end_sessions(account)
        self._workforce.end_sessions(account)

    def _own_addresses(self, configuration: Configuration) -> frozenset[str]:
        bound = self._listeners.addresses("mx") + self._workforce.addresses("mx")
        return frozenset(own_addresses(bound, configuration.relay.port))

    def _tls(self) -> ServerContextFactory | None:
        return self._doors.tls

    def start(self) -> None:
        """
        Begin to serve.

        :raise mailext.control.server.ControlSocketInUseError: if somebody
            answers on the control socket.
        """
        warn_if_short(self._site.configuration)
        self._control.startService()
        self._site.start()
        self._certificates.start()
        self._clock_watch.start()
        if self._watching is not None:
            self._watching.start()
            self._listeners.serve({"metrics": self._watching.factory})
        self._listeners.serve(self._doors.outermost)
        self._workforce.start(self._site, lambda: self._doors, self._events)

    def serving(self) -> Deferred[None]:
        """:return: a Deferred that fires when every process of the server serves."""
        return self._workforce.serving()

    def configure(self, configuration: Configuration) -> None:
        """
        Go on with another configuration. Where it cannot be used, nothing
        changes.

        :raise ValueError: if a plugin or a certificate cannot be used after all.
        """
        doors = open_doors(configuration, self._site, self._reactor)
        self._site.configure(configuration)
        warn_if_short(configuration)
        self._doors = doors
        self._factories = [each for each in self._factories if each.has_connections]
        self._factories += doors.mail.values()
        self._listeners.serve(doors.outermost)
        self._workforce.configure(configuration, doors)

    def stop(self) -> Deferred[None]:
        """
        Take no new connections, let transactions come to their end, and close.

        :return: a Deferred that fires when nothing is under way any more.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._certificates.stop()
        ended = self._workforce.stop()
        await self._listeners.stop()
        await self._control.stopService()
        await drain(self._factories, self._reactor)
        # What workers have under way comes to the site.
        await ended
        await self._site.stop()
        if self._watching is not None:
            self._watching.stop()
        self._clock_watch.stop()

"""The worker processes of a site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorCore
from twisted.logger import LogEvent, LogPublisher

from mailext.config.model import Configuration, LogThreshold
from mailext.counts import ConnectionCounts, SharedDescriptors
from mailext.net.factory import SMTPFactory
from mailext.service.descriptors import most_connections
from mailext.service.doors import Doors
from mailext.service.draining import GRACE
from mailext.service.listeners import Listeners
from mailext.service.site import Site
from mailext.values import Mailbox
from mailext.workers.counting import ConnectionNews, TellingCounts
from mailext.workers.crew import Crew, ICrewReactor
from mailext.workers.desk import Desk, Judges
from mailext.workers.messages import Begin, EndSessions, NewConfiguration, Terms
from mailext.workers.ports import BindingReactor, shared_endpoints

__all__ = ["Workforce"]

# What a worker needs beside that to stop.
_LAST_STEPS = 10.0


class Workforce:
    """
    The workers, none where there is nothing for them to listen on.

    :param configuration: says how many, and where they listen.
    """

    def __init__(self, reactor: ICrewReactor, configuration: Configuration) -> None:
        endpoints = configuration.listen.endpoints()
        self._reactor = reactor
        self._endpoints = shared_endpoints(endpoints) if configuration.workers else {}
        self._binding = BindingReactor(configuration.workers)
        self._listeners = Listeners(cast("IReactorCore", self._binding), self._endpoints)
        self._crew = Crew(reactor)

    def leaves(self, endpoints: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The endpoints that are left to the main process, of each listener that has any."""
        return {
            name: tuple(each for each in strings if each not in self._endpoints.get(name, ()))
            for name, strings in endpoints.items()
            if strings
        }

    def bind(self) -> None:
        """
        Bind what the workers listen on.

        :raise mailext.service.listeners.ListenError: if that cannot be done.
        """
        self._listeners.bind()

    def addresses(self, name: str) -> list[IAddress]:
        """Where they listen, by the name of a listener."""
        return self._listeners.addresses(name)

    def tell(self, message: object) -> None:
        """Tell all of them."""
        self._crew.tell(message)

    def counts(self, configuration: Configuration) -> Mapping[str, ConnectionCounts]:
        """The counts of connections of each listener, of which the workers hear as far as they share it."""
        descriptors = SharedDescriptors(most_connections())
        return {
            name: TellingCounts(name, descriptors, self._crew.mention)
            if name in self._endpoints
            else ConnectionCounts(descriptors)
            for name in configuration.listeners
        }

    def start(self, site: Site, doors: Callable[[], Doors], events: LogPublisher) -> None:
        """
        Start the processes.

        :param site: what they share.
        :param doors: gives who judges their sessions.
        :param events: takes their log events.
        """
        shared = _Shared(site, doors, events)

        def begin() -> Begin:
            return Begin(
                self._terms(site.configuration, doors()),
                self._endpoints,
                site.addresses.accounts,
                site.store.scram_secret,
                site.scram.texts,
                site.store.identity_keys,
                {name: site.counts[name].by_address() for name in self._endpoints},
            )

        def desk(tell_others: ConnectionNews) -> Desk:
            return Desk(shared, self._reactor, tell_others)

        self._crew.start(zip(*self._binding.sockets, strict=True), begin, desk)

    def configure(self, configuration: Configuration, doors: Doors) -> None:
        """Go on with another configuration."""
        self._crew.configure(NewConfiguration(self._terms(configuration, doors)))

    def end_sessions(self, account: str) -> None:
        """End the sessions of an account."""
        self.tell(EndSessions(account))

    def serving(self) -> Deferred[None]:
        """:return: a Deferred that fires when all of them listen."""
        return Deferred.fromCoroutine(self._crew.serving())

    def stop(self) -> Deferred[None]:
        """
        Have them take no new connections, let transactions come to their end,
        and end.

        :return: a Deferred that fires when they have.
        """
        return Deferred.fromCoroutine(self._crew.stop(GRACE + _LAST_STEPS))

    def _terms(self, configuration: Configuration, doors: Doors) -> Terms:
        # Metrics count what is not written, too.
        least = LogThreshold.INFO if configuration.listen.metrics else configuration.log_level
        if configuration.log_level is LogThreshold.DEBUG:
            least = LogThreshold.DEBUG
        credentials = {
            name: tuple(_portal(doors, name).listCredentialsInterfaces()) for name in self._endpoints
        }
        return Terms(configuration, credentials, least.value)


class _Shared:
    """A :class:`~mailext.workers.desk.MainProcess`."""

    def __init__(self, site: Site, doors: Callable[[], Doors], events: LogPublisher) -> None:
        self.counts = site.counts
        self.queue = site.queue
        self._site = site
        self._doors = doors
        self._events = events

    def judges(self, listener: str) -> Judges:
        """See :meth:`~mailext.workers.desk.MainProcess.judges`."""
        doors = self._doors()
        settings = _smtp(doors, listener).settings
        assert settings is not None
        assert settings.login is not None
        return Judges(_portal(doors, listener), settings.login, settings.policies, settings.policy_timeout)

    def count_queue(self) -> Deferred[int]:
        """See :meth:`~mailext.workers.desk.MainProcess.count_queue`."""
        return self._site.store.queue_admin.count()

    def arrived(self, account: Mailbox) -> None:
        """See :meth:`~mailext.workers.desk.MainProcess.arrived`."""
        self._site.mailboxes.arrived(account)

    def log(self, event: LogEvent) -> None:
        """See :meth:`~mailext.workers.desk.MainProcess.log`."""
        self._events(event)


def _smtp(doors: Doors, listener: str) -> SMTPFactory:
    factory = doors.mail[listener]
    assert isinstance(factory, SMTPFactory)
    return factory


def _portal(doors: Doors, listener: str) -> Portal:
    return cast("Portal", _smtp(doors, listener).portal)

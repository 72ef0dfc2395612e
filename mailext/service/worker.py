"""What a worker process does: SMTP before a site that is in the main process."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Any, cast

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorSocket

from mailext.accounts.addresses import AddressBook
from mailext.accounts.portal import ChainedPortal
from mailext.accounts.scram import ScramVerifiers
from mailext.clientid.dispositions import Dispositions
from mailext.config.model import Configuration, Listener
from mailext.control.addresses import address_book
from mailext.counts import SharedDescriptors
from mailext.interfaces import IDeliveryPolicy
from mailext.net.factory import SMTPFactory
from mailext.net.tls import ServerContextFactory
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.shortcut import ShortcutTarget
from mailext.service.certificates import CertificateWatch
from mailext.service.clock_watch import ClockWatch
from mailext.service.descriptors import most_connections
from mailext.service.doors import in_tls, make_tls
from mailext.service.draining import drain
from mailext.service.listeners import Listeners
from mailext.service.local_delivery import ILocalReactor
from mailext.service.logging_in import LoggingIn, challengers_for
from mailext.service.logins import account_named
from mailext.service.mailbox_delivery import MailboxDelivery
from mailext.service.room import StateRoom
from mailext.service.smtp import smtp_factory
from mailext.values import Mailbox
from mailext.workers.channel import Channel, Handlers
from mailext.workers.counting import ElsewhereConnections, TellingCounts
from mailext.workers.crew import FIRST_SOCKET
from mailext.workers.log_events import EventSender
from mailext.workers.logins import DistantLoginJudge
from mailext.workers.messages import (
    Begin,
    ConnectionBegun,
    ConnectionEnded,
    CountQueue,
    Drain,
    EndSessions,
    LetterArrived,
    NewAddresses,
    NewConfiguration,
    NewVerifiers,
    Ping,
    Terms,
)
from mailext.workers.policies import DistantPolicies
from mailext.workers.ports import AdoptingReactor
from mailext.workers.queue import DistantQueue

__all__ = ["IWorkerReactor", "Worker"]

# What an answer of the main process takes on its way, in seconds, when there is
# much to do.
_ON_ITS_WAY = 5.0


class IWorkerReactor(ILocalReactor, IReactorSocket, IReactorCore):
    """What a worker asks of a reactor."""


class Worker:
    """
    The worker, from the first thing that it is told on.

    :param random: :class:`random.SystemRandom` in a server.
    :param lost: called when the main process is gone.
    :ivar channel: to the main process.
    :ivar log: sends log events there.
    """

    def __init__(self, reactor: IWorkerReactor, random: Random, lost: Callable[[], object]) -> None:
        self._reactor = reactor
        self._random = random
        self._handlers: dict[type[object], Callable[[Any], object]] = {Begin: self._begin}
        self.channel = Channel(reactor, self._handlers, lost)
        self.log = EventSender(reactor, self.channel.tell)

    def _begin(self, begin: Begin) -> None:
        site = _Site(begin, self._reactor, self.channel, self._random)
        front = _Front(begin, self._reactor, site, self.log)
        self._handlers |= front.handlers
        front.start()


class _Site:
    """What a site is to the doors of SMTP, in a worker: a :class:`~mailext.service.smtp.ReceivingSite`."""

    def __init__(self, begin: Begin, reactor: IWorkerReactor, channel: Channel, random: Random) -> None:
        configuration = begin.terms.configuration
        # Names are to be unique, not secret.
        names = Random(random.getrandbits(256))  # noqa: S311 - see above
        self.channel = channel
        self.keys = begin.keys
        self.scram = ScramVerifiers(begin.scram_secret, begin.verifiers)
        self._configuration = configuration
        self._accounts = begin.accounts
        self._book = address_book(configuration, begin.accounts)
        descriptors = SharedDescriptors(most_connections())
        self.counts = {name: TellingCounts(name, descriptors, channel.tell) for name in begin.connections}
        self.elsewhere = ElsewhereConnections(self.counts)
        for listener, addresses in begin.connections.items():
            for address, number in addresses.items():
                for _ in range(number):
                    self.elsewhere.begun(ConnectionBegun(listener, address))
        self.room = StateRoom(configuration.state_dir, lambda: channel.ask(CountQueue()), reactor)
        self.ids = QueueIds(reactor.seconds, names)
        self.delivery = MailboxDelivery(configuration, reactor, self.addresses, names, self._arrived)
        queue = DistantQueue(channel, self.ids, QueueClock(reactor, monotonic))
        self.intake = ShortcutTarget(queue, self.delivery.target, self.delivery.has_shortcut)

    def addresses(self) -> AddressBook:
        """The address book as it is now."""
        return self._book

    def take_accounts(self, accounts: tuple[str, ...]) -> None:
        """Accounts have come or gone."""
        self._accounts = accounts
        self._book = address_book(self._configuration, accounts)

    def configure(self, configuration: Configuration) -> None:
        """See :meth:`mailext.service.site.Site.configure`."""
        self.delivery.configure(configuration)
        self._configuration = configuration
        self._book = address_book(configuration, self._accounts)

    def _arrived(self, account: Mailbox) -> None:
        self.channel.tell(LetterArrived(account))


class _Judging:
    """A :class:`~mailext.service.judging.Judging` that asks the main process."""

    def __init__(self, terms: Terms, site: _Site) -> None:
        self._terms = terms
        self._site = site

    def logging_in(self, listener: Listener, realm: IRealm) -> LoggingIn:
        """See :meth:`mailext.service.judging.Judging.logging_in`."""
        site = self._site
        portal = ChainedPortal(realm)
        dispositions = Dispositions.from_names(listener.clientid.types)
        return LoggingIn(
            portal,
            dispositions,
            DistantLoginJudge(site.channel, portal, dispositions, site.keys),
            challengers_for(
                self._terms.credentials[listener.name],
                self._terms.configuration,
                site.scram,
                lambda username: account_named(site.addresses(), username),
            ),
        )

    def policies(self, listener: Listener) -> tuple[IDeliveryPolicy, ...]:
        """See :meth:`mailext.service.judging.Judging.policies`."""
        return (DistantPolicies(self._site.channel),) if listener.keys.policies else ()

    def policy_timeout(self, listener: Listener) -> float:
        """See :meth:`mailext.service.judging.Judging.policy_timeout`."""
        # For each of them the main process waits so long.
        return self._terms.configuration.policy_timeout * len(listener.keys.policies) + _ON_ITS_WAY


class _Front:
    """
    A worker's doors behind its sockets; see :class:`mailext.service.serving.Serving`.

    :ivar handlers: what is done with what the main process says.
    """

    def __init__(self, begin: Begin, reactor: IWorkerReactor, site: _Site, log: EventSender) -> None:
        self.handlers: Handlers = {
            Ping: lambda _: None,
            NewConfiguration: lambda said: self._configure(said.terms),
            NewAddresses: lambda said: site.take_accounts(said.accounts),
            NewVerifiers: lambda said: site.scram.replace(said.verifiers),
            ConnectionBegun: site.elsewhere.begun,
            ConnectionEnded: site.elsewhere.ended,
            EndSessions: lambda said: self._end_sessions(said.account),
            Drain: lambda _: Deferred.fromCoroutine(self._stop()),
        }
        self._site = site
        self._log = log
        self._reactor = reactor
        self._listeners = Listeners(_adopting(begin, reactor), begin.endpoints)
        self._tls: ServerContextFactory | None = None
        self._factories: list[SMTPFactory] = []
        self._open(begin.terms)
        self._certificates = CertificateWatch(reactor, lambda: self._tls)
        self._clock_watch = ClockWatch(reactor)

    def start(self) -> None:
        """Begin to serve."""
        self._site.delivery.start()
        self._certificates.start()
        self._clock_watch.start()
        self._listeners.bind()

    def _configure(self, terms: Terms) -> None:
        self._open(terms)
        self._site.configure(terms.configuration)

    def _end_sessions(self, account: str) -> None:
        for factory in self._factories:
            factory.end_sessions(account)

    async def _stop(self) -> None:
        self._certificates.stop()
        await self._listeners.stop()
        await drain(self._factories, self._reactor)
        await self._site.delivery.stop()
        self._clock_watch.stop()

    def _open(self, terms: Terms) -> None:
        configuration = terms.configuration
        self._log.configure(terms.least)
        tls = make_tls(configuration.tls)
        judging = _Judging(terms, self._site)
        mail = {
            name: smtp_factory(
                configuration, configuration.listeners[name], self._site, self._reactor, tls, judging=judging
            )
            for name in self._site.counts
        }
        self._tls = tls
        self._factories = [each for each in self._factories if each.has_connections]
        self._factories += mail.values()
        self._listeners.serve(in_tls(mail, tls))


def _adopting(begin: Begin, reactor: IWorkerReactor) -> IReactorCore:
    number = sum(map(len, begin.endpoints.values()))
    return cast("IReactorCore", AdoptingReactor(reactor, range(FIRST_SOCKET, FIRST_SOCKET + number)))

"""What stands in for a site in a worker process, and for those who judge its sessions."""

from __future__ import annotations

from random import Random
from time import monotonic

from twisted.cred.portal import IRealm

from mailext.accounts.addresses import AddressBook
from mailext.accounts.portal import ChainedPortal
from mailext.accounts.scram import ScramVerifiers
from mailext.clientid.dispositions import Dispositions
from mailext.config.model import Configuration, Listener
from mailext.control.addresses import address_book
from mailext.counts import SharedDescriptors
from mailext.interfaces import IDeliveryPolicy
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.shortcut import ShortcutTarget
from mailext.service.descriptors import most_connections
from mailext.service.local_delivery import ILocalReactor
from mailext.service.logging_in import LoggingIn, account_named, challengers_for
from mailext.service.mailbox_delivery import MailboxDelivery
from mailext.service.room import StateRoom
from mailext.values import Mailbox
from mailext.workers.channel import Channel
from mailext.workers.counting import ElsewhereConnections, TellingCounts
from mailext.workers.logins import DistantLoginJudge
from mailext.workers.messages import (
    Begin,
    ConnectionBegun,
    CountQueue,
    LetterArrived,
    Terms,
)
from mailext.workers.policies import DistantPolicies
from mailext.workers.queue import DistantQueue

__all__ = ["WorkerJudging", "WorkerSite"]

# What an answer of the main process takes on its way, in seconds, when there is
# much to do.
_ON_ITS_WAY = 5.0
# A mailbox's sync, in seconds: the queue is further away than in the main
# process, which has to do there what several do here.
_QUICK_SYNC = 0.005


class WorkerSite:
    """
    A :class:`~mailext.service.smtp.ReceivingSite` whose state is in the main
    process.

    :param begin: what is known at the start.
    :param random: :class:`random.SystemRandom` in a server.
    :raise ValueError: if the configuration cannot be used after all.

    :ivar channel: to the main process.
    :ivar keys: what log lines name identities by.
    :ivar scram: the verifiers of the accounts.
    :ivar counts: the connections of each listener.
    :ivar elsewhere: those of them to other processes.
    :ivar room: whether there is room for another message.
    :ivar ids: makes queue ids.
    :ivar delivery: to the mailboxes of this host.
    :ivar intake: where mail goes: into the queue, or past it.
    """

    def __init__(self, begin: Begin, reactor: ILocalReactor, channel: Channel, random: Random) -> None:
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
        self.counts = {name: TellingCounts(name, descriptors, channel.mention) for name in begin.connections}
        self.elsewhere = ElsewhereConnections(self.counts)
        for listener, addresses in begin.connections.items():
            for address, number in addresses.items():
                for _ in range(number):
                    self.elsewhere.begun(ConnectionBegun(listener, address))
        self.room = StateRoom(configuration.state_dir, lambda: channel.ask(CountQueue()), reactor)
        self.ids = QueueIds(reactor.seconds, names)
        self.delivery = MailboxDelivery(
            configuration, reactor, self.addresses, names, quick=_QUICK_SYNC, arrived=self._arrived
        )
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


class WorkerJudging:
    """A :class:`~mailext.service.judging.Judging` that asks the main process."""

    def __init__(self, terms: Terms, site: WorkerSite) -> None:
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

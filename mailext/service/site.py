"""What stands behind the listeners while the state directory is open."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from time import monotonic

from twisted.internet.defer import Deferred

from mailext.access.store import Mailboxes
from mailext.accounts.checker import AccountsChecker
from mailext.accounts.passwords import Passwords
from mailext.accounts.scram import ScramVerifiers
from mailext.config.model import Configuration, Relay
from mailext.config.reporting import reporting_rules
from mailext.control.addresses import CurrentAddresses
from mailext.control.desk import make_dispatcher
from mailext.control.offline import take_snapshot
from mailext.counts import ConnectionCounts
from mailext.delivery.local import JointDispatch
from mailext.delivery.names import MessageNames, account_folder
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.manager import QueueManager
from mailext.queue.reporting import ReportFailures
from mailext.queue.schedule import RetrySchedule
from mailext.queue.shortcut import ShortcutTarget
from mailext.queue.target import QueueTarget
from mailext.requiretls.support import KnownSupport
from mailext.service.holder_mail import HolderMail
from mailext.service.local_delivery import ILocalReactor
from mailext.service.login_digests import LoginDigests
from mailext.service.logins import LoginKeeping, PruningTimer, registry_limits
from mailext.service.mailbox_delivery import MailboxDelivery
from mailext.service.relaying import Relaying
from mailext.service.revoked_elsewhere import RevokedElsewhere
from mailext.service.room import StateRoom
from mailext.service.tls_reporting import make_courier
from mailext.storage.own_counters import OwnCounterStore
from mailext.storage.shared_counters import open_shared_counters
from mailext.storage.shared_directory import counters_of
from mailext.storage.store import open_store
from mailext.threads import BoundedThreads
from mailext.tlsrpt.collecting import ResultCollector
from mailext.tlsrpt.reporter import TlsReporter
from mailext.workers.messages import NewAddresses, NewVerifiers

__all__ = ["ISiteReactor", "Site"]

# Argon2 keeps a processor busy; more threads than processors only wait.
_HASHINGS_WAITING = 200
# A mailbox waits for its disk.
_ACCESS_THREADS = 8
# Each session of IMAP or POP3 waits for one command.
_ACCESSES_WAITING = 5000
# A mailbox's sync, in seconds.
_QUICK_SYNC = 0.002
# Messages that are attempted at one time: each may wait for a host that is slow,
# and has no more in memory than the beginning of its content.
_ATTEMPTS = 1000


class ISiteReactor(ILocalReactor):
    """What a site asks of a reactor."""


class Site:
    """
    A state directory that is open, and what works on it.

    :param configuration: says where it is, and who has an account.
    :param random: :class:`random.SystemRandom` in a server.
    :param end_sessions: called with an account whose sessions are to end.
    :param own_addresses: gives the addresses that lead back to this server,
        under a configuration.
    :param counts: the connections of each listener.
    :param tell_workers: called with what all worker processes are to know.
    :raise mailext.storage.errors.StoreError: if another process owns the
        directory, or it cannot be used.
    :raise OSError: if a file cannot be made or opened.

    :ivar store: the store.
    :ivar addresses: the address book.
    :ivar accounts: the credentials checker of the built-in accounts.
    :ivar mailboxes: the mailboxes of the accounts, for IMAP and POP3.
    :ivar access_threads: where these are worked on.
    :ivar scram: the verifiers of the accounts, for SCRAM-SHA-256.
    :ivar queue: the queue as a delivery target.
    :ivar ids: makes queue ids.
    :ivar room: whether there is room for another message.
    :ivar intake: where mail from outside goes: into the queue, or past it.
    :ivar dispatcher: answers the operator.
    :ivar counts: as given.
    :ivar support: which destinations keep the promise of REQUIRETLS.
    :ivar counters: what identity checkers count, and attack mode.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: ISiteReactor,
        random: Random,
        end_sessions: Callable[[str], object],
        own_addresses: Callable[[Configuration], frozenset[str]],
        *,
        counts: Mapping[str, ConnectionCounts],
        tell_workers: Callable[[object], object],
    ) -> None:
        self.configuration = configuration
        snapshot = take_snapshot(configuration)
        self.store = open_store(configuration.state_dir, reactor, configuration.shared_dir)
        self.addresses = CurrentAddresses(
            self.store.accounts,
            configuration,
            snapshot.addresses,
            changed=lambda accounts: tell_workers(NewAddresses(accounts)),
        )
        self.room = StateRoom(configuration.state_dir, self.store.queue_admin.count, reactor)
        self._hashing = BoundedThreads(reactor, "mailext-hashing", os.cpu_count() or 1, _HASHINGS_WAITING)
        self.access_threads = BoundedThreads(reactor, "mailext-access", _ACCESS_THREADS, _ACCESSES_WAITING)
        passwords = Passwords(reactor, self._hashing.run, random)
        self.accounts = AccountsChecker(
            self.store.accounts, passwords, self.addresses, self.store.app_passwords, reactor
        )
        self.counts = counts
        self.scram = ScramVerifiers(
            self.store.scram_secret,
            snapshot.scram_verifiers,
            changed=lambda verifiers: tell_workers(NewVerifiers(verifiers)),
        )
        self.counters = (
            OwnCounterStore(reactor, self.store.attack_modes, snapshot.attack_modes)
            if configuration.shared_dir is None
            else open_shared_counters(counters_of(configuration.shared_dir), reactor)
        )

        def log_out(account: str) -> None:
            passwords.forget(account)
            end_sessions(account)

        clock = QueueClock(reactor, monotonic)
        # Names are to be unique, not secret; the system's randomness is slow.
        names = Random(random.getrandbits(256))  # noqa: S311 - see above
        self.mailboxes = Mailboxes(
            partial(account_folder, configuration.state_dir / "mail"),
            MessageNames(reactor, configuration.hostname, names),
            self.access_threads.run,
            reactor,
        )
        self._delivery = MailboxDelivery(
            configuration,
            reactor,
            self.addresses,
            names,
            quick=_QUICK_SYNC,
            arrived=self.mailboxes.arrived,
        )
        self.support = KnownSupport(self.store.requiretls_support, reactor.seconds)
        self._results = ResultCollector(self.store.tls_results, reactor)
        self._relaying = Relaying(
            configuration,
            reactor,
            clock,
            names,
            addresses=self.addresses,
            own_addresses=own_addresses,
            results=self._results,
            sts_store=self.store.sts_policies,
            support=self.support,
        )
        self.ids = QueueIds(reactor.seconds, names)
        self._manager = QueueManager(
            self.store.queue,
            self._delivery.target,
            _schedule(configuration.relay),
            clock,
            names,
            aftermath=ReportFailures(
                self.store.queue,
                lambda: self.queue,
                lambda: self.configuration.hostname,
                self.ids,
                clock,
                lambda: self.configuration.relay.give_up_after,
            ),
            dispatch=JointDispatch((self._relaying.dispatch, self._delivery.dispatch)),
            concurrency=_ATTEMPTS,
        )
        self.queue = QueueTarget(self.store.queue, self.ids, clock, self._manager)
        self.intake = ShortcutTarget(self.queue, self._delivery.target, self._delivery.has_shortcut)
        self._make_courier = partial(make_courier, target=self.queue, reactor=reactor)
        self._reporter = TlsReporter(
            self.store.tls_results,
            self._results,
            self._make_courier(configuration, self._relaying.resolver),
            reactor,
            random=names,
            rules=reporting_rules(configuration.tlsrpt),
        )
        self.store.limit(registry_limits(configuration.identities))
        self._pruning = PruningTimer(reactor, self.store.pruning.prune)
        self._revoked_elsewhere = RevokedElsewhere(self.store.revocations, reactor, log_out)
        self._digests = LoginDigests(self.store.logins, self.store.digest_mark, reactor)
        self.dispatcher = make_dispatcher(
            self.store,
            passwords,
            self.addresses,
            self.queue,
            self.counters,
            scram=self.scram,
            configuration=lambda: self.configuration,
            log_out=log_out,
            abandon=self._manager.abandon,
            forget_destinations=self._relaying.forget,
            flush_tls_results=self._results.flush,
        )

    def start(self) -> None:
        """Begin to work."""
        self._hashing.startService()
        self._delivery.start()
        self.access_threads.startService()
        self._relaying.start()
        self.support.load()
        self._manager.start()
        self._pruning.start()
        self.counters.start()
        if self.configuration.shared_dir is not None:
            self._revoked_elsewhere.start()
        self._digest_logins(self.configuration)
        self._reporter.start()

    def configure(self, configuration: Configuration) -> None:
        """
        Go on with another configuration. Its state directory is the same.

        :raise ValueError: if it cannot be used after all; then nothing changes.
        """
        rules = reporting_rules(configuration.tlsrpt)
        self._relaying.configure(configuration)
        self._delivery.configure(configuration)
        self._reporter.configure(self._make_courier(configuration, self._relaying.resolver), rules)
        self.store.limit(registry_limits(configuration.identities))
        self.configuration = configuration
        self.addresses.configure(configuration)
        self._digest_logins(configuration)
        self._manager.reschedule(_schedule(configuration.relay))

    def login_keeping(self, configuration: Configuration) -> LoginKeeping:
        """
        What becomes of logins under a configuration.

        :raise ValueError: if its database of places cannot be used after all.
        """
        mail = self._holder_mail(configuration)
        return LoginKeeping.under(configuration, self.store, mail, self._delivery.in_thread, self.addresses)

    def _holder_mail(self, configuration: Configuration) -> HolderMail:
        return HolderMail(self.queue, self.addresses, configuration.hostname)

    def _digest_logins(self, configuration: Configuration) -> None:
        self._digests.configure(configuration.identities.user_log_mail, self._holder_mail(configuration))

    def stop(self) -> Deferred[None]:
        """
        Finish what is under way, and close the state directory.

        :return: a Deferred that fires when that is done.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._pruning.stop()
        self._digests.stop()
        self._revoked_elsewhere.stop()
        self._reporter.stop()
        await self._manager.stop()
        await self._relaying.stop()
        await self._delivery.stop()
        await self._results.flush()
        self.access_threads.stopService()
        self._hashing.stopService()
        await self.counters.close()
        await self.store.close()


def _schedule(relay: Relay) -> RetrySchedule:
    return RetrySchedule(relay.retry, relay.give_up_after)

"""Delivery to the mailboxes of this host, in whichever process it happens."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import monotonic

from twisted.internet.defer import Deferred

from mailext.accounts.addresses import AddressBook
from mailext.batches import Batches
from mailext.config.model import Configuration
from mailext.delivery.local import LocalDispatch
from mailext.delivery.maildir import MaildirTarget
from mailext.delivery.maildrop import Letter, LetterFile, Maildrops
from mailext.service.local_delivery import ILocalReactor, LocalDelivery
from mailext.threads import BoundedThreads, RunInThread
from mailext.values import Mailbox

__all__ = ["MailboxDelivery"]

# A mailbox waits for its disk.
_THREADS = 8
_WAITING = 200


class MailboxDelivery:
    """
    Delivers to Maildirs, and knows which addresses are left to them.

    :param addresses: gives the address book.
    :param names: what names of messages are made with.
    :param quick: where a mailbox's sync takes longer, in seconds, the queue is
        quicker: there messages share one.
    :param arrived: called with an account when a letter is in its Maildir.
    :raise ValueError: if the configuration cannot be used after all.

    :ivar target: the Maildirs.
    :ivar in_thread: where files are worked on.
    """

    def __init__(
        self,
        configuration: Configuration,
        reactor: ILocalReactor,
        addresses: Callable[[], AddressBook],
        names: Random,
        *,
        quick: float,
        arrived: Callable[[Mailbox], object],
    ) -> None:
        self._quick = quick
        self._arrived = arrived
        self._threads = BoundedThreads(reactor, "mailext-mailbox", _THREADS, _WAITING)
        self._maildrops = Maildrops(configuration.state_dir / "mail", monotonic)
        self._letters = Batches(
            reactor, "mailext-maildrop", self._maildrops.put, threads=4, size=50, waiting=5000
        )
        self.in_thread: RunInThread = self._threads.run
        self.target = MaildirTarget(
            self._put,
            self._maildrops.begin,
            configuration.state_dir,
            addresses,
            self.in_thread,
            clock=reactor,
            hostname=configuration.hostname,
            random=names,
        )
        self._local = LocalDelivery(configuration, reactor, addresses, self.target, self.in_thread)

    @property
    def dispatch(self) -> LocalDispatch:
        """Tells the queue who does not go to the Maildirs."""
        return self._local.dispatch

    def has_shortcut(self, address: Mailbox) -> bool:
        """Whether a message for this address may go past the queue."""
        # While a disk hangs, no sync ends that could tell how slow it is.
        is_quick = self._letters.keeps_up and self._maildrops.sync_seconds < self._quick
        return is_quick and self.dispatch.leaves(address)

    def start(self) -> None:
        """Begin to work."""
        self._threads.startService()
        self._letters.startService()

    def configure(self, configuration: Configuration) -> None:
        """See :meth:`LocalDelivery.configure`."""
        self._local.configure(configuration)

    def stop(self) -> Deferred[None]:
        """
        Finish what is under way.

        :return: a Deferred that fires when that is done.
        """
        return self._local.stop().addCallback(self._stopped)

    def _stopped(self, _: None) -> None:
        self._threads.stopService()
        self._letters.stopService()

    def _put(self, letter: Letter | LetterFile) -> Deferred[Exception | None]:
        """Put a letter into its Maildir, and tell the sessions that look at it."""

        def put(trouble: Exception | None) -> Exception | None:
            if trouble is None:
                self._arrived(letter.account)
            return trouble

        return self._letters.do(letter).addCallback(put)

"""Messages of the server's own to the holders of accounts, through the queue."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.delivery.expansion import expand
from mailext.message.headers import HeaderSection
from mailext.queue.target import QueueTarget
from mailext.values import Envelope, Mailbox, MailOptions, Outcome, Recipient
from mailext.wire.grammar import parse_mailbox

__all__ = ["HolderMail"]


class HolderMail:
    """
    :param queue: takes them.
    :param addresses: gives the address book: only accounts that have a mailbox
        here are written to.
    :param hostname: the name of this server.

    :ivar hostname: the same.
    """

    def __init__(self, queue: QueueTarget, addresses: Callable[[], AddressBook], hostname: str) -> None:
        self._queue = queue
        self._addresses = addresses
        self.hostname = hostname

    def unique(self) -> str:
        """:return: what no other message has in its ``Message-ID``."""
        return self._queue.ids()

    def holder_of(self, account: str) -> Mailbox | None:
        """:return: where to write to; None: nowhere here."""
        try:
            mailbox = parse_mailbox(account)
        except ValueError:
            return None
        return mailbox if self._addresses().resolve(mailbox).kind is AddressKind.LOCAL else None

    def send(self, holder: Mailbox, headers: HeaderSection, body: bytes) -> Deferred[Outcome]:
        """
        Put a message into the queue.

        :param holder: from :meth:`holder_of`.
        :return: a Deferred of what became of it.
        """
        recipients = expand(self._addresses(), [Recipient(holder)]).recipients
        envelope = Envelope(None, recipients, MailOptions(smtputf8=not holder.is_ascii))
        delivery = self._queue.startDelivery(envelope, headers)
        delivery.write(body)
        return delivery.commit().addCallback(lambda outcomes: next(iter(outcomes.values())))

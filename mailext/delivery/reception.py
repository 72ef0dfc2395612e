"""
The server's own delivery objects, one for each transaction.

Anybody may bring mail for the accounts of this server. Mail for other servers
is taken from accounts, and from networks that the operator trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.mail.interfaces import IMessageSMTP
from twisted.mail.smtp import Address, SMTPBadRcpt, SMTPBadSender, SMTPServerError, User
from zope.interface import implementer

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.accounts.canonical import canonical_mailbox
from mailext.delivery.expansion import Expansion, expand
from mailext.delivery.final_fields import LOOP, mailboxes_been_in
from mailext.interfaces import IDelivery, IDeliveryTarget, IEnvelopeAwareDelivery
from mailext.message.headers import HeaderSection
from mailext.message.submission import complete
from mailext.message.trace import received
from mailext.values import Envelope, Mailbox, MailOptions, Outcome, RcptOptions, SessionView, TlsDemand
from mailext.wire.grammar import mailbox_of
from mailext.wire.replies import Reply

__all__ = [
    "ExchangeDelivery",
    "Reception",
    "RelayCheck",
    "SenderCheck",
    "SubmissionDelivery",
    "always_room",
    "any_sender",
    "relays_for_nobody",
]

#: Says whether an account may use an address as its reverse-path.
SenderCheck = Callable[[AddressBook, Mailbox, Mailbox], bool]

#: Says whether a client that has not logged in may send to other servers.
RelayCheck = Callable[[SessionView], bool]


def any_sender(book: AddressBook, account: Mailbox, sender: Mailbox) -> bool:  # noqa: ARG001 - a sender check's signature
    """The sender check that lets every account send as anybody."""
    return True


def always_room(octets: int) -> Reply | None:  # noqa: ARG001 - as any question about room
    """The answer where room is never short."""
    return None


def relays_for_nobody(session: SessionView) -> bool:  # noqa: ARG001 - a relay check's signature
    """The relay check that wants a login of everybody."""
    return False


@dataclass(frozen=True, slots=True)
class Reception:
    """
    What delivery objects need to know of their server.

    :param addresses: gives the address book as it is now.
    :param target_for: the delivery target, the queue, for the messages of a
        session.
    :param hostname: this server's name in trace fields and message ids.
    :param clock: its ``seconds()`` is the wall clock.
    :param unique: makes the part of a message id before its ``@``.
    :param sender_check: whose addresses an account sends as;
        :func:`any_sender` for no check.
    :param relay_check: for whom mail is relayed without a login.
    :param room: what MAIL is answered if there is no room for a message of so
        many octets, 0 where it does not say; None if there is.
    """

    addresses: Callable[[], AddressBook]
    target_for: Callable[[SessionView], IDeliveryTarget]
    hostname: str
    clock: IReactorTime
    unique: Callable[[], str]
    sender_check: SenderCheck = AddressBook.owns
    relay_check: RelayCheck = relays_for_nobody
    room: Callable[[int], Reply | None] = always_room

    def now(self) -> datetime:
        """The date for header fields."""
        return datetime.fromtimestamp(self.clock.seconds(), UTC)


@implementer(IEnvelopeAwareDelivery, IDeliveryTarget)
class ExchangeDelivery:
    """
    Mail from anywhere: an MX, or LMTP. It is for the accounts of this server,
    unless the client is one to relay for.

    The ESMTP protocol calls ``beginTransaction`` first, and each
    ``validateTo`` right behind its ``recipientOptions``.

    :param reception: the server.
    """

    _session: SessionView
    _options = MailOptions()
    _recipient: Mailbox

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        # One snapshot for the whole transaction: what RCPT was told holds.
        self._book = reception.addresses()

    def beginTransaction(self, options: MailOptions, session: SessionView) -> None:
        """See :meth:`mailext.interfaces.IEnvelopeAwareDelivery.beginTransaction`."""
        self._options = options
        self._session = session

    def validateFrom(self, helo: tuple[bytes, bytes], origin: Address) -> Address:  # noqa: ARG002 - Twisted's signature
        """
        Any sender will do.

        :raise SMTPServerError: if there is no room for another message.
        """
        refusal = self._reception.room(self._options.size or 0)
        if refusal is not None:
            raise SMTPServerError(refusal.code, f"{refusal.enhanced} {' '.join(refusal.lines)}")
        return origin

    def recipientOptions(self, recipient: Mailbox, options: RcptOptions) -> None:  # noqa: ARG002 - the interface asks for it
        """See :meth:`mailext.interfaces.IEnvelopeAwareDelivery.recipientOptions`."""
        self._recipient = recipient

    def validateTo(self, user: User) -> Callable[[], IMessageSMTP]:
        """
        :raise SMTPBadRcpt: if the address leads nowhere, or elsewhere and the
            client is none to relay for.
        """
        kind = self._book.resolve(self._recipient).kind
        if kind is AddressKind.REMOTE and not self._relays():
            raise SMTPBadRcpt(user, 550, "5.7.1 Relaying denied")
        if kind is AddressKind.UNKNOWN:
            raise SMTPBadRcpt(user, 550, "5.1.1 No such recipient here")
        return _only_whole_messages

    def _relays(self) -> bool:
        return self._reception.relay_check(self._session)

    def messageTagged(self, demand: TlsDemand) -> None:
        """The envelope carries the demand too."""

    def receivedHeader(
        self,
        helo: tuple[bytes, bytes],  # noqa: ARG002 - the session knows it too
        origin: Address,  # noqa: ARG002 - Twisted's signature
        recipients: Sequence[User],
    ) -> bytes:
        """See :func:`mailext.message.trace.received`."""
        return received(
            self._session,
            by=self._reception.hostname,
            recipient=mailbox_of(bytes(recipients[0].dest)) if len(recipients) == 1 else None,
            smtputf8=self._options.smtputf8,
            date=self._reception.now(),
        )

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        """
        See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`.

        :raise SMTPServerError: if the message has been in every mailbox that it
            is for. Taken, it would be reported on, to whoever its reverse-path
            names.
        """
        expansion = expand(self._book, envelope.recipients)
        if self._all_loop(headers, expansion):
            raise SMTPServerError(LOOP.code, f"{LOOP.enhanced} {LOOP.text}")
        # R8, RFC 8689 section 4.1: every copy has the demand of the message.
        envelope = replace(envelope, recipients=expansion.recipients)
        target = self._reception.target_for(self._session)
        delivery = target.startDelivery(envelope, self._prepared(headers))
        if isinstance(delivery, Deferred):
            return delivery.addCallback(_ExpandedDelivery, expansion)
        return _ExpandedDelivery(delivery, expansion)

    def _all_loop(self, headers: HeaderSection, expansion: Expansion) -> bool:
        been_in = mailboxes_been_in(headers)
        return bool(been_in) and all(
            self._book.resolve(recipient.address).kind is AddressKind.LOCAL
            and canonical_mailbox(recipient.address) in been_in
            for recipient in expansion.recipients
        )

    def _prepared(self, headers: HeaderSection) -> HeaderSection:
        """What becomes of the header section on its way: here nothing."""
        return headers


class SubmissionDelivery(ExchangeDelivery):
    """
    Mail that an account submits (RFC 6409).

    :param account: who has logged in, as a canonical address.
    """

    def __init__(self, reception: Reception, account: Mailbox) -> None:
        super().__init__(reception)
        self._account = account

    def validateFrom(self, helo: tuple[bytes, bytes], origin: Address) -> Address:
        """
        :raise SMTPServerError: if there is no room for another message.
        :raise SMTPBadSender: if the account may not send as this address. The
            null reverse-path is nobody's: notifications have it (RFC 8098).
        """
        super().validateFrom(helo, origin)
        if not bytes(origin):
            return origin
        sender = mailbox_of(bytes(origin))
        if sender is None or not self._reception.sender_check(self._book, self._account, sender):
            raise SMTPBadSender(origin, 553, "5.7.1 Not an address of this account")
        return origin

    def _relays(self) -> bool:
        return True

    def _prepared(self, headers: HeaderSection) -> HeaderSection:
        return complete(
            headers,
            date=self._reception.now(),
            unique=self._reception.unique(),
            hostname=self._reception.hostname,
        )


@implementer(IDelivery)
class _ExpandedDelivery:
    """A delivery to mailboxes that answers for the addresses that led to them."""

    def __init__(self, delivery: IDelivery, expansion: Expansion) -> None:
        self._delivery = delivery
        self._expansion = expansion
        self.write = delivery.write
        self.abort = delivery.abort

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        return self._delivery.commit().addCallback(self._expansion.outcomes)


def _only_whole_messages() -> NoReturn:
    # Only a protocol that does not know IDeliveryTarget comes here.
    raise SMTPServerError(451, "4.3.5 This delivery takes whole messages only")

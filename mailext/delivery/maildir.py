"""
Mailboxes as a delivery target: a Maildir for each account.

A message is kept octet by octet as it was accepted, with canonical CRLF line
ends: its size is the one that IMAP and POP3 tell, nothing is converted on its
way out again, and what was signed stays what it was. All work on files is done
in threads, for one message in the order of its parts.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.accounts.addresses import AddressBook
from mailext.accounts.canonical import canonical_mailbox
from mailext.delivery.final_fields import LOOP, FinalFields
from mailext.delivery.maildrop import Letter, LetterFile
from mailext.delivery.names import MessageNames
from mailext.delivery.spool import BodySpool
from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.threads import RunInThread
from mailext.values import Envelope, Mailbox, Outcome, Recipient

__all__ = ["MaildirTarget"]

_log = Logger()

_DELIVERED = Outcome(250, "2.0.0", "Delivered to the mailbox")
_NO_ACCOUNT = Outcome(550, "5.1.1", "No such account")
# Trouble with storage is temporary, whatever it is.
_TROUBLE = Outcome(451, "4.3.0", "Local error in processing")
_TROUBLE_BY_ERRNO = {
    errno.ENOSPC: Outcome(452, "4.3.1", "Insufficient system storage"),
    errno.EDQUOT: Outcome(452, "4.2.2", "Mailbox full"),
}

# So much of a body is collected in the reactor's thread.
_PART = 256 * 1024

#: Puts a letter into its Maildir. The Deferred is of what kept it from being
#: there for sure, None for nothing.
PutLetter = Callable[[Letter | LetterFile], Deferred[Exception | None]]

#: Writes a letter of which there is more to come; it blocks.
BeginLetter = Callable[[Letter], LetterFile]


@dataclass(frozen=True, slots=True)
class _Disk:
    """What every delivery works with."""

    put: PutLetter
    begin: BeginLetter
    spools: Path
    in_thread: RunInThread
    names: Callable[[], str]
    clock: IReactorTime


@implementer(IDeliveryTarget)
class MaildirTarget:
    """
    Delivers to the accounts of this server.

    :param put: puts letters into Maildirs: :meth:`mailext.delivery.maildrop.Maildrops.put` of what has
        come together, in a thread.
    :param begin: :meth:`mailext.delivery.maildrop.Maildrops.begin`.
    :param spools: where bodies are kept on their way.
    :param addresses: gives the address book: which accounts there are now.
    :param in_thread: where files are worked on.
    :param clock: its ``seconds()`` is the wall clock.
    :param hostname: this host's name, for the names of messages.
    :param random: for these too; :class:`random.SystemRandom` in a server.
    """

    def __init__(
        self,
        put: PutLetter,
        begin: BeginLetter,
        spools: Path,
        addresses: Callable[[], AddressBook],
        in_thread: RunInThread,
        *,
        clock: IReactorTime,
        hostname: str,
        random: Random,
    ) -> None:
        self._addresses = addresses
        self._disk = _Disk(put, begin, spools, in_thread, MessageNames(clock, hostname, random), clock)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        book = self._addresses()
        fields = FinalFields(envelope.reverse_path, headers)
        delivery = _MaildirDelivery(self._disk, fields)
        for recipient in envelope.recipients:
            if not book.has_account(recipient.address):
                delivery.refuse(recipient, _NO_ACCOUNT)
            elif fields.have_been_in(recipient.address):
                delivery.refuse(recipient, LOOP)
            else:
                delivery.accept(recipient)
        return delivery


@implementer(IDelivery)
class _MaildirDelivery:
    """One message on its way into one Maildir or several."""

    def __init__(self, disk: _Disk, fields: FinalFields) -> None:
        self._disk = disk
        self._fields = fields
        self._recipients: dict[Mailbox, Recipient] = {}
        self._outcomes: dict[Mailbox, Outcome] = {}
        # Of one recipient the body goes into the mailbox's own file.
        self._letter: LetterFile | None = None
        self._spool = BodySpool(disk.spools)
        self._parts: list[bytes] = []
        self._collected = 0
        self._in_order = DeferredLock()
        self._trouble: Outcome | None = None

    def accept(self, recipient: Recipient) -> None:
        """The message is to be delivered to this recipient."""
        self._recipients[recipient.address] = recipient

    def refuse(self, recipient: Recipient, outcome: Outcome) -> None:
        """The message is not to be delivered to this recipient."""
        self._outcomes[recipient.address] = outcome

    def write(self, data: bytes) -> Deferred[None] | None:
        """See :meth:`mailext.interfaces.IDelivery.write`."""
        self._parts.append(data)
        self._collected += len(data)
        return None if self._collected < _PART else self._in_order.run(self._spool_parts)

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        if self._in_order.locked:
            return self._in_order.run(lambda: Deferred.fromCoroutine(self._deliver()))
        return Deferred.fromCoroutine(self._deliver())

    def abort(self) -> None:
        """See :meth:`mailext.interfaces.IDelivery.abort`."""
        closed = self._in_order.run(self._disk.in_thread, self._close)
        closed.addErrback(lambda failure: _log.failure("A message's file could not be closed", failure))

    def _spool_parts(self) -> Deferred[None]:
        parts = self._take_parts()
        if self._trouble or not self._recipients:
            return succeed(None)
        return self._disk.in_thread(self._spooling(), parts).addErrback(self._spooling_failed)

    def _spooling(self) -> Callable[[list[bytes]], None]:
        if len(self._recipients) > 1:
            return self._spool.extend
        if self._letter is not None:
            return self._letter.extend
        (recipient,) = self._recipients.values()
        return partial(self._begin, self._letter_for(recipient))

    def _begin(self, letter: Letter, parts: list[bytes]) -> None:
        self._letter = self._disk.begin(letter)
        self._letter.extend(parts)

    def _close(self) -> None:
        self._spool.close()
        if self._letter is not None:
            self._letter.discard()

    def _take_parts(self) -> list[bytes]:
        parts, self._parts, self._collected = self._parts, [], 0
        return parts

    def _spooling_failed(self, failure: Failure) -> None:
        self._trouble = _outcome_of(failure.value)

    async def _deliver(self) -> Mapping[Mailbox, Outcome]:
        if self._trouble is not None:
            self.abort()
            return self._outcomes | dict.fromkeys(self._recipients, self._trouble)
        placed = {address: self._put(letter) for address, letter in self._letters(self._take_parts())}
        for address, outcome in placed.items():
            self._outcomes[address] = await outcome
        self._spool.close()
        return self._outcomes

    def _letters(self, end: list[bytes]) -> Iterator[tuple[Mailbox, Letter | LetterFile]]:
        if self._letter is not None:
            self._letter.end(end)
            yield from zip(self._recipients, [self._letter], strict=True)
            return
        self._spool.end(end)
        for address, recipient in self._recipients.items():
            yield address, self._letter_for(recipient)

    def _letter_for(self, recipient: Recipient) -> Letter:
        return Letter(
            canonical_mailbox(recipient.address),
            self._disk.names(),
            bytes(self._fields.of(recipient)),
            self._spool,
            self._disk.clock.seconds(),
        )

    def _put(self, letter: Letter | LetterFile) -> Deferred[Outcome]:
        return self._disk.put(letter).addCallbacks(_outcome_of, self._not_put)

    def _not_put(self, failure: Failure) -> Outcome:
        # Trouble with one mailbox is not the others'.
        failure.trap(Exception)
        if self._letter is not None:
            self.abort()
        return _outcome_of(failure.value)


def _outcome_of(trouble: BaseException | None) -> Outcome:
    if trouble is None:
        return _DELIVERED
    failure = Failure(trouble)
    _log.failure("A message could not be put into a mailbox", failure)
    if isinstance(trouble, OSError):
        return _TROUBLE_BY_ERRNO.get(trouble.errno or 0, _TROUBLE)
    return _TROUBLE

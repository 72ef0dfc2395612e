"""What an operator sends: messages put straight into the queue."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypedDict

from attrs import frozen

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.control.requests import RequestRefusedError, SendMessage
from mailext.delivery.expansion import expand
from mailext.message.headers import HeaderSection, tls_demand
from mailext.message.sendmail import author_in, canonical, with_author
from mailext.message.submission import complete, with_needs, with_tls_optional
from mailext.queue.target import QueueTarget
from mailext.values import Envelope, Mailbox, MailOptions, Outcome, RcptOptions, Recipient, TlsDemand
from mailext.wire.grammar import parse_mailbox

__all__ = ["SentJson", "SentRecipientJson", "SubmissionOperations", "sent_as_json"]


class SentRecipientJson(TypedDict):
    """What became of one recipient of a message that was sent."""

    address: str
    accepted: bool
    reply: str


class SentJson(TypedDict):
    """
    A message that was sent: what the queue, or the server, said of it; empty
    where that is not the same for all recipients.
    """

    reply: str
    recipients: list[SentRecipientJson]


def sent_as_json(outcomes: Mapping[Mailbox, Outcome]) -> SentJson:
    """
    :param outcomes: one for each recipient.
    """
    replies = {str(outcome) for outcome in outcomes.values()}
    return SentJson(
        reply=replies.pop() if len(replies) == 1 else "",
        recipients=[
            SentRecipientJson(address=str(address), accepted=outcome.delivered, reply=str(outcome))
            for address, outcome in outcomes.items()
        ],
    )


@frozen
class SubmissionOperations:
    """
    :param target: the queue.
    :param addresses: gives the address book.
    :param hostname: gives the server's name, for message ids.
    :param unique: makes the part of a message id before its ``@``.
    :param message_size: gives the largest message, in octets.
    """

    target: QueueTarget
    addresses: Callable[[], AddressBook]
    hostname: Callable[[], str]
    unique: Callable[[], str]
    message_size: Callable[[], int]

    async def send(self, request: SendMessage) -> SentJson:
        """:raise RequestRefusedError: if an address or the message cannot be used; nothing is then sent."""
        headers, body = HeaderSection.parse(self._content(request.content))
        try:
            demand = TlsDemand.of_word(request.requiretls)
        except ValueError as error:
            raise RequestRefusedError(str(error)) from error
        if demand is TlsDemand.OPTIONAL:
            headers = with_tls_optional(headers)
        author = self._mailbox(author_in(headers) or request.sender or "postmaster")
        try:
            headers = with_author(headers, author, request.full_name)
        except ValueError as error:
            raise RequestRefusedError(f"not a name: {request.full_name!r}") from error
        envelope = Envelope(
            self._reverse_path(request.sender, author),
            self._recipients(request.recipients, RcptOptions(frozenset(request.notify))),
            MailOptions(ret=request.ret, envid=request.envid, requiretls=demand is TlsDemand.REQUIRE),
            # R6, RFC 8689 section 4.1: the field cannot weaken what was asked for.
            max(demand, tls_demand(headers)),
        )
        envelope = with_needs(envelope, bytes(headers) + body)
        date = datetime.fromtimestamp(self.target.clock.wall(), UTC)
        headers = complete(headers, date=date, unique=self.unique(), hostname=self.hostname())
        delivery = self.target.startDelivery(envelope, headers)
        delivery.write(body)
        outcomes = await delivery.commit()
        outcome = next(iter(outcomes.values()))
        if not outcome.delivered:
            raise RequestRefusedError(str(outcome))
        return sent_as_json(outcomes)

    def _content(self, encoded: str) -> bytes:
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise RequestRefusedError("the content is not base64") from error
        lines = canonical(content)
        if len(lines) > self.message_size():
            raise RequestRefusedError(f"the message is larger than {self.message_size()} octets")
        return lines

    def _mailbox(self, address: str) -> Mailbox:
        try:
            return parse_mailbox(address) if "@" in address else self.addresses().account_named(address)
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {address!r}") from error

    def _reverse_path(self, sender: str | None, author: Mailbox) -> Mailbox | None:
        if sender is None:
            return author
        return self._mailbox(sender) if sender else None

    def _recipients(self, addresses: Iterable[str], options: RcptOptions) -> tuple[Recipient, ...]:
        recipients = [Recipient(self._mailbox(address), options) for address in addresses]
        if not recipients:
            raise RequestRefusedError("no recipient")
        book = self.addresses()
        for recipient in recipients:
            if book.resolve(recipient.address).kind is AddressKind.UNKNOWN:
                raise RequestRefusedError(f"there is no {recipient.address} here")
        return expand(book, recipients).recipients

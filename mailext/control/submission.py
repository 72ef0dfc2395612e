"""What an operator sends: messages put straight into the queue."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import getaddresses
from typing import TypedDict

from attrs import frozen

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.control.requests import RequestRefusedError, SendMessage
from mailext.delivery.expansion import expand
from mailext.message.headers import HeaderSection, tls_demand
from mailext.message.submission import complete, with_tls_optional
from mailext.queue.target import QueueTarget
from mailext.values import Envelope, HeaderField, Mailbox, MailOptions, Recipient, TlsDemand
from mailext.wire.grammar import parse_mailbox

__all__ = ["SentJson", "SubmissionOperations"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_DEMANDS = {demand.name.lower(): demand for demand in TlsDemand}


class SentJson(TypedDict):
    """A message that was sent: what the queue said of it."""

    reply: str


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
        demand = _DEMANDS.get(request.requiretls)
        if demand is None:
            raise RequestRefusedError(f"requiretls is one of {', '.join(_DEMANDS)}")
        if demand is TlsDemand.OPTIONAL:
            headers = with_tls_optional(headers)
        author = self._author(headers)
        if not headers.count(b"from"):
            headers = headers.with_on_top(HeaderField("From", str(author)))
        envelope = Envelope(
            author if request.sender is None else self._sender(request.sender),
            self._recipients(request.recipients),
            MailOptions(requiretls=demand is TlsDemand.REQUIRE),
            # R6, RFC 8689 section 4.1: the field cannot weaken what was asked for.
            max(demand, tls_demand(headers)),
        )
        date = datetime.fromtimestamp(self.target.clock.wall(), UTC)
        headers = complete(headers, date=date, unique=self.unique(), hostname=self.hostname())
        delivery = self.target.startDelivery(envelope, headers)
        delivery.write(body)
        outcome = next(iter((await delivery.commit()).values()))
        if not outcome.delivered:
            raise RequestRefusedError(str(outcome))
        return SentJson(reply=str(outcome))

    def _content(self, encoded: str) -> bytes:
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestRefusedError("the content is not base64") from error
        canonical = _LINE_END.sub(b"\r\n", content)
        if len(canonical) > self.message_size():
            raise RequestRefusedError(f"the message is larger than {self.message_size()} octets")
        return canonical if canonical.endswith(b"\r\n") else canonical + b"\r\n"

    def _author(self, headers: HeaderSection) -> Mailbox:
        named = [address for _, address in getaddresses(headers.values(b"from")) if address]
        return self._mailbox(named[0] if named else "postmaster")

    def _sender(self, address: str) -> Mailbox | None:
        return self._mailbox(address) if address else None

    def _mailbox(self, address: str) -> Mailbox:
        try:
            return parse_mailbox(address) if "@" in address else self.addresses().account_named(address)
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {address!r}") from error

    def _recipients(self, addresses: Iterable[str]) -> tuple[Recipient, ...]:
        recipients = [Recipient(self._mailbox(address)) for address in addresses]
        if not recipients:
            raise RequestRefusedError("no recipient")
        book = self.addresses()
        for recipient in recipients:
            kind = book.resolve(recipient.address).kind
            if kind is AddressKind.REMOTE:
                raise RequestRefusedError(
                    f"{recipient.address} is not delivered here, and this version does not relay"
                )
            if kind is AddressKind.UNKNOWN:
                raise RequestRefusedError(f"there is no {recipient.address} here")
        return expand(book, recipients).recipients

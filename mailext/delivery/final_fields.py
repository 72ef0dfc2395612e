"""The header fields of a message where it ends: its trace, and what finds a loop."""

from __future__ import annotations

import contextlib

from mailext.accounts.canonical import canonical_mailbox
from mailext.message.headers import HeaderSection
from mailext.message.trace import delivered_to, original_to, return_path
from mailext.values import Mailbox, Outcome, Recipient
from mailext.wire.grammar import parse_mailbox

__all__ = ["LOOP", "FinalFields", "mailboxes_been_in"]

#: Of a recipient that the message has been at before.
LOOP = Outcome(554, "5.4.6", "Mail loop: the message has been in this mailbox before")


class FinalFields:
    """
    The header section of a message that is delivered here.

    :param headers: as the queue has them.
    """

    def __init__(self, reverse_path: Mailbox | None, headers: HeaderSection) -> None:
        self._return_path = return_path(reverse_path)
        # RFC 5321 section 4.4: the final delivery's own is the only one.
        self._headers = headers.without([self._return_path.name])
        self._been_in = mailboxes_been_in(headers)

    def have_been_in(self, address: Mailbox) -> bool:
        """Whether the message was delivered to this address before."""
        return canonical_mailbox(address) in self._been_in

    def of(self, recipient: Recipient) -> HeaderSection:
        """The header section for one recipient."""
        fields = [self._return_path]
        if recipient.original:
            fields.append(original_to(recipient.original))
        fields.append(delivered_to(canonical_mailbox(recipient.address)))
        return self._headers.with_on_top(*fields)


def mailboxes_been_in(headers: HeaderSection) -> set[Mailbox]:
    """To which canonical addresses a message was delivered before, as it says itself."""
    been_in = set()
    for value in headers.values(b"delivered-to"):
        # What others wrote there need not be an address of ours, or any.
        with contextlib.suppress(ValueError):
            been_in.add(canonical_mailbox(parse_mailbox(value)))
    return been_in

"""Recipients and the mailboxes they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mailext.accounts.addresses import AddressBook, AddressKind, Resolution
from mailext.values import Mailbox, Outcome, Recipient

__all__ = ["Expansion", "expand"]


@dataclass(frozen=True, slots=True)
class Expansion:
    """
    The recipients of an envelope, aliases expanded.

    :param recipients: one for each mailbox, whichever ways lead to it.
    :param mailboxes: for each address that was given, where it leads.
    """

    recipients: tuple[Recipient, ...]
    mailboxes: Mapping[Mailbox, tuple[Mailbox, ...]]

    def outcomes(self, reached: Mapping[Mailbox, Outcome]) -> Mapping[Mailbox, Outcome]:
        """
        What became of the addresses that were given.

        :param reached: what became of each mailbox.
        :return: for each given address the worst of its mailboxes' outcomes.
        """
        return {
            given: max((reached[mailbox] for mailbox in mailboxes), key=lambda outcome: outcome.code)
            for given, mailboxes in self.mailboxes.items()
        }


def expand(book: AddressBook, recipients: Iterable[Recipient]) -> Expansion:
    """
    :param recipients: as the client named them. One that is remote is its own
        mailbox; one that leads nowhere is left out.
    """
    expanded: dict[Mailbox, Recipient] = {}
    mailboxes: dict[Mailbox, tuple[Mailbox, ...]] = {}
    for recipient in recipients:
        given = recipient.address
        reached = _mailboxes(book.resolve(given), given)
        if reached:
            mailboxes[given] = reached
        for mailbox in reached:
            leads_elsewhere = mailbox != given
            expanded.setdefault(
                mailbox,
                replace(recipient, address=mailbox, original=given) if leads_elsewhere else recipient,
            )
    return Expansion(tuple(expanded.values()), mailboxes)


def _mailboxes(resolution: Resolution, given: Mailbox) -> tuple[Mailbox, ...]:
    if resolution.kind is AddressKind.REMOTE:
        return (given,)
    return resolution.accounts + resolution.elsewhere

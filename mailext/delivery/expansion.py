"""Recipients and the accounts they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mailext.accounts.addresses import AddressBook
from mailext.values import Mailbox, Outcome, Recipient

__all__ = ["Expansion", "expand"]


@dataclass(frozen=True, slots=True)
class Expansion:
    """
    The recipients of an envelope, aliases expanded.

    :param recipients: one for each account, whichever ways lead to it.
    :param accounts: for each address that was given, where it leads.
    """

    recipients: tuple[Recipient, ...]
    accounts: Mapping[Mailbox, tuple[Mailbox, ...]]

    def outcomes(self, reached: Mapping[Mailbox, Outcome]) -> Mapping[Mailbox, Outcome]:
        """
        What became of the addresses that were given.

        :param reached: what became of each account.
        :return: for each given address the worst of its accounts' outcomes.
        """
        return {
            given: max((reached[account] for account in accounts), key=lambda outcome: outcome.code)
            for given, accounts in self.accounts.items()
        }


def expand(book: AddressBook, recipients: Iterable[Recipient]) -> Expansion:
    """
    :param recipients: as the client named them; each must be local, or it is
        left out.
    """
    expanded: dict[Mailbox, Recipient] = {}
    accounts: dict[Mailbox, tuple[Mailbox, ...]] = {}
    for recipient in recipients:
        given = recipient.address
        reached = book.resolve(given).accounts
        if reached:
            accounts[given] = reached
        for account in reached:
            original = None if account == given else given
            expanded.setdefault(account, replace(recipient, address=account, original=original))
    return Expansion(tuple(expanded.values()), accounts)

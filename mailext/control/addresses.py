"""The address book as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredLock

from mailext.accounts.addresses import AddressBook
from mailext.accounts.strings import OUR_ACCOUNTS
from mailext.config.model import Configuration
from mailext.control.requests import RequestRefusedError

__all__ = ["AccountList", "CurrentAddresses", "address_book"]


class AccountList(Protocol):
    """Where the accounts are."""

    def addresses(self) -> Deferred[list[str]]:
        """:return: a Deferred of the addresses of all, the oldest first."""


class CurrentAddresses:
    """
    Holds the address book, and makes another one when accounts or the
    configuration change.

    :param accounts: where the accounts are.
    :param configuration: has domains and aliases.
    :param addresses: of the accounts as they are now.
    :param changed: called with the addresses of the accounts when some have
        come or gone.
    """

    def __init__(
        self,
        accounts: AccountList,
        configuration: Configuration,
        addresses: Sequence[str],
        changed: Callable[[tuple[str, ...]], object] = lambda _: None,
    ) -> None:
        self._accounts = accounts
        self._changed = changed
        self._addresses = tuple(addresses)
        # Of two readings the later one must also be the last to be put up.
        self._lock = DeferredLock()
        self.configure(configuration)

    def __call__(self) -> AddressBook:
        """The address book."""
        return self._book

    def existing_account(self, name: str) -> str:
        """
        The account that an operator names, which is to be there.

        :raise RequestRefusedError: if it is not. Where others than the built-in
            accounts may log in, nobody knows whether it is.
        """
        try:
            named = self._book.account_named(name)
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {name!r}") from error
        if self._are_all_built_in() and not self._book.has_account(named):
            raise RequestRefusedError(
                f"there is no account {named}: mailext account list says which there are"
            )
        return str(named)

    def _are_all_built_in(self) -> bool:
        listeners = self._configuration.listeners.values()
        return all(string == OUR_ACCOUNTS for listener in listeners for string in listener.keys.auth)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The addresses of the accounts, the oldest first."""
        return self._addresses

    def configure(self, configuration: Configuration) -> None:
        """Take up other domains and aliases."""
        self._configuration = configuration
        self._make()

    def refresh(self) -> Deferred[None]:
        """
        Accounts have come or gone.

        :return: a Deferred that fires when the book knows of it.
        """
        return self._lock.run(lambda: self._accounts.addresses().addCallback(self._replace))

    def _replace(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._make()
        self._changed(self._addresses)

    def _make(self) -> None:
        self._book = address_book(self._configuration, self._addresses)


def address_book(configuration: Configuration, addresses: Sequence[str] = ()) -> AddressBook:
    """
    :param addresses: of the accounts.
    """
    return AddressBook(
        configuration.domains,
        addresses,
        configuration.aliases,
        configuration.addresses.subaddress_delimiter,
        configuration.programs,
    )

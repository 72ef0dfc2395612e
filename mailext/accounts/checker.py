"""The credentials checker of our own accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.accounts.addresses import AddressBook
from mailext.accounts.passwords import Passwords

__all__ = ["AccountSource", "AccountsChecker"]


class AccountSource(Protocol):
    """Where accounts are kept."""

    def get_hash(self, address: str) -> Deferred[str | None]:
        """
        :param address: a canonical address.
        :return: a Deferred of its password's hash, None if there is no such
            account.
        """


@implementer(ICredentialsChecker)
class AccountsChecker:
    """
    Checks a user name and a password against the accounts. The avatar id is
    the account's canonical address, as UTF-8.

    :param addresses: gives the address book, which says what a user name
        without ``@`` means.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(
        self, accounts: AccountSource, passwords: Passwords, addresses: Callable[[], AddressBook]
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._addresses = addresses

    def requestAvatarId(self, credentials: IUsernamePassword) -> Deferred[bytes | tuple[()]]:
        return Deferred.fromCoroutine(self._authenticate(credentials))

    async def _authenticate(self, credentials: IUsernamePassword) -> bytes | tuple[()]:
        account, stored = "", None
        try:
            account = str(self._addresses().account_named(credentials.username.decode("utf-8")))
        except ValueError:
            # No account can have this name, which must cost as much as any.
            pass
        else:
            stored = await self._accounts.get_hash(account)
        if not await self._passwords.verify(account, stored, credentials.password):
            raise UnauthorizedLogin
        return account.encode()

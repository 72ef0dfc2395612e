"""The credentials checker of our own accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.accounts.addresses import AddressBook
from mailext.accounts.app_passwords import AppPasswordSource, app_password_digest
from mailext.accounts.passwords import Passwords
from mailext.accounts.scram import IScramLogin
from mailext.interfaces import IClientIdentified

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
    Checks a user name and a password against the accounts; of an exchange by
    SCRAM it sees the result. The avatar id is the account's canonical address,
    as UTF-8.

    :param addresses: gives the address book, which says what a user name
        without ``@`` means.
    :param app_passwords: passwords that stand beside the account's own; of
        these the client's identity may decide.
    :param clock: its ``seconds()`` is the wall clock.
    """

    credentialInterfaces = (IUsernamePassword, IScramLogin)

    def __init__(
        self,
        accounts: AccountSource,
        passwords: Passwords,
        addresses: Callable[[], AddressBook],
        app_passwords: AppPasswordSource,
        clock: IReactorTime,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._addresses = addresses
        self._app_passwords = app_passwords
        self._clock = clock

    def requestAvatarId(self, credentials: IUsernamePassword | IScramLogin) -> Deferred[bytes | tuple[()]]:
        if IScramLogin.providedBy(credentials):
            if not credentials.proved:
                return fail(UnauthorizedLogin())
            return succeed(credentials.account.encode())
        return Deferred.fromCoroutine(self._authenticate(credentials))

    async def _authenticate(self, credentials: IUsernamePassword) -> bytes | tuple[()]:
        account, stored = "", None
        try:
            account = str(self._addresses().account_named(credentials.username.decode("utf-8")))
        except ValueError:
            # No account can have this name, which must cost as much as any.
            pass
        else:
            if await self._is_app_password(account, credentials):
                return account.encode()
            stored = await self._accounts.get_hash(account)
        if not await self._passwords.verify(account, stored, credentials.password):
            raise UnauthorizedLogin
        return account.encode()

    async def _is_app_password(self, account: str, credentials: IUsernamePassword) -> bool:
        digest = app_password_digest(credentials.password)
        if digest is None:
            return False
        identity = credentials.clientIdentity if IClientIdentified.providedBy(credentials) else None
        return await self._app_passwords.admits(account, digest, identity, self._clock.seconds())

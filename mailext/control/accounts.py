"""What an operator does with accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from attrs import frozen

from mailext.accounts.passwords import Passwords
from mailext.control.addresses import CurrentAddresses
from mailext.control.requests import (
    AddAccount,
    ListAccounts,
    RemoveAccount,
    RequestRefusedError,
    SetPassword,
)
from mailext.storage.accounts import AccountExistsError, SqlAccountStore
from mailext.storage.app_passwords import SqlAppPasswords
from mailext.storage.identity_admin import IdentityAdmin

__all__ = ["AccountJson", "AccountOperations"]


class AccountJson(TypedDict):
    """An account: its canonical address."""

    address: str


@frozen
class AccountOperations:
    """
    :param store: the accounts.
    :param passwords: hashes passwords.
    :param addresses: is told of accounts that come and go.
    :param log_out: called with an account whose caches are to be emptied and
        whose sessions are to end.
    :param identities: what is known of an account's devices.
    :param app_passwords: the passwords that stand beside the account's own.
    """

    store: SqlAccountStore
    passwords: Passwords
    addresses: CurrentAddresses
    log_out: Callable[[str], object]
    identities: IdentityAdmin
    app_passwords: SqlAppPasswords

    async def add(self, request: AddAccount) -> AccountJson:
        """:raise RequestRefusedError: if there is one, or the address or the password cannot be one."""
        address = self._address(request.address)
        hashed = await self._hash(request.password)
        try:
            await self.store.add(address, hashed)
        except AccountExistsError as error:
            raise RequestRefusedError(str(error)) from error
        await self.addresses.refresh()
        return AccountJson(address=address)

    async def set_password(self, request: SetPassword) -> AccountJson:
        """:raise RequestRefusedError: if there is no such account, or the password cannot be one."""
        address = self._address(request.address)
        hashed = await self._hash(request.password)
        self._require(address, found=await self.store.set_password_hash(address, hashed))
        self.log_out(address)
        return AccountJson(address=address)

    async def remove(self, request: RemoveAccount) -> AccountJson:
        """:raise RequestRefusedError: if there is no such account."""
        address = self._address(request.address)
        self._require(address, found=await self.store.remove(address))
        # Whoever has the address next has other devices.
        await self.identities.forget(address, None)
        await self.app_passwords.revoke(address, None)
        self.log_out(address)
        await self.addresses.refresh()
        return AccountJson(address=address)

    async def list(self, request: ListAccounts) -> list[AccountJson]:  # noqa: ARG002 - it asks for all
        """The oldest account first."""
        return [AccountJson(address=address) for address in await self.store.addresses()]

    def _address(self, name: str) -> str:
        try:
            return str(self.addresses().account_named(name))
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {name!r}") from error

    async def _hash(self, password: str) -> str:
        # RFC 4616 section 2: NUL ends it in PLAIN.
        if not password or "\0" in password:
            raise RequestRefusedError("a password is not empty and has no NUL in it")
        return await self.passwords.hash(password.encode())

    @staticmethod
    def _require(address: str, *, found: bool) -> None:
        if not found:
            raise RequestRefusedError(f"there is no account {address}")

"""What an operator does with accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from attrs import frozen

from mailext.accounts.passwords import Passwords
from mailext.accounts.scram import ScramVerifiers
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
    :param scram: is told of verifiers that come and go.
    """

    store: SqlAccountStore
    passwords: Passwords
    addresses: CurrentAddresses
    log_out: Callable[[str], object]
    identities: IdentityAdmin
    app_passwords: SqlAppPasswords
    scram: ScramVerifiers

    async def add(self, request: AddAccount) -> AccountJson:
        """:raise RequestRefusedError: if there is one, or the address or the password cannot be one."""
        address = self._address(request.address)
        hashed = await self._hash(request.password)
        verifier = await self._verifier(request)
        try:
            await self.store.add(address, hashed, verifier)
        except AccountExistsError as error:
            raise RequestRefusedError(str(error)) from error
        await self.addresses.refresh()
        await self._refresh_scram()
        return AccountJson(address=address)

    async def set_password(self, request: SetPassword) -> AccountJson:
        """:raise RequestRefusedError: if there is no such account, or the password cannot be one."""
        address = self._address(request.address)
        hashed = await self._hash(request.password)
        verifier = await self._verifier(request)
        self._require(address, found=await self.store.set_password_hash(address, hashed, verifier))
        self.log_out(address)
        await self._refresh_scram()
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
        await self._refresh_scram()
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

    async def _verifier(self, request: AddAccount | SetPassword) -> str | None:
        if not request.scram:
            return None
        try:
            return await self.passwords.scram_verifier(request.password)
        except ValueError as error:
            raise RequestRefusedError(f"SCRAM does not take this password: {error}") from error

    async def _refresh_scram(self) -> None:
        self.scram.replace(await self.store.scram_verifiers())

    @staticmethod
    def _require(address: str, *, found: bool) -> None:
        if not found:
            raise RequestRefusedError(f"there is no account {address}")

"""What an operator does with app passwords."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from attrs import frozen

from mailext.accounts.app_passwords import app_password_digest, make_app_password
from mailext.control.addresses import CurrentAddresses
from mailext.control.app_password_requests import AddAppPassword, ListAppPasswords, RevokeAppPassword
from mailext.control.as_json import rfc3339
from mailext.control.requests import RequestRefusedError
from mailext.storage.app_passwords import AppPassword, AppPasswordExistsError, Binding, SqlAppPasswords
from mailext.storage.identity_admin import IdentityAdmin, NoSuchIdentityError

__all__ = ["AppPasswordJson", "AppPasswordOperations", "MadeAppPasswordJson"]

_LONGEST_NAME = 100


class AppPasswordJson(TypedDict):
    """
    One app password. Times are RFC 3339 in UTC. ``device`` is null where any
    client may use it, and empty where the first device that uses it is to be
    its only one.
    """

    account: str
    name: str
    device: str | None
    created: str
    lastUsed: str | None


class MadeAppPasswordJson(AppPasswordJson):
    """One that was made just now, with itself: it is not kept, and never shown again."""

    password: str


@frozen
class AppPasswordOperations:
    """
    :param app_passwords: the app passwords.
    :param identities: the devices that they can be for.
    :param addresses: says which account a name means.
    :param now: the wall clock, seconds since the epoch.
    :param random_below: gives unguessable numbers; :func:`secrets.randbelow`.
    :param log_out: called with an account whose sessions are to end.
    """

    app_passwords: SqlAppPasswords
    identities: IdentityAdmin
    addresses: CurrentAddresses
    now: Callable[[], float]
    random_below: Callable[[int], int]
    log_out: Callable[[str], object]

    async def add(self, request: AddAppPassword) -> MadeAppPasswordJson:
        """:raise RequestRefusedError: if there is no such account or device, or the name cannot be used."""
        account = self._account(request.address)
        if not 0 < len(request.name) <= _LONGEST_NAME or not request.name.isprintable():
            raise RequestRefusedError(f"a name has 1 to {_LONGEST_NAME} characters, all printable")
        binding = await self._binding(account, request.identity_id)
        password = make_app_password(self.random_below)
        digest = app_password_digest(password.encode())
        assert digest is not None
        try:
            await self.app_passwords.add(account, request.name, digest, binding, self.now())
        except AppPasswordExistsError as error:
            raise RequestRefusedError(str(error)) from error
        made = await self.app_passwords.of_account(account)
        [mine] = (each for each in made if each.name == request.name)
        return MadeAppPasswordJson(**_as_json(mine), password=password)

    async def list(self, request: ListAppPasswords) -> Sequence[AppPasswordJson]:
        """The oldest first."""
        account = self._account(request.address)
        return [_as_json(each) for each in await self.app_passwords.of_account(account)]

    async def revoke(self, request: RevokeAppPassword) -> AppPasswordJson:
        """:raise RequestRefusedError: if there is no such app password."""
        account = self._account(request.address)
        found = [each for each in await self.app_passwords.of_account(account) if each.name == request.name]
        if not found or not await self.app_passwords.revoke(account, request.name):
            raise RequestRefusedError(f"{account} has no app password {request.name!r}")
        self.log_out(account)
        return _as_json(found[0])

    async def _binding(self, account: str, identity_id: str | None) -> Binding | None:
        if identity_id is None:
            return None
        if not identity_id:
            return Binding()
        try:
            return Binding((await self.identities.show(account, identity_id)).hash)
        except NoSuchIdentityError as error:
            raise RequestRefusedError(str(error)) from error

    def _account(self, name: str) -> str:
        try:
            address = self.addresses().account_named(name)
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {name!r}") from error
        if not self.addresses().has_account(address):
            raise RequestRefusedError(f"there is no account {address}")
        return str(address)


def _as_json(password: AppPassword) -> AppPasswordJson:
    return AppPasswordJson(
        account=password.account,
        name=password.name,
        device=password.device if password.bound else None,
        created=rfc3339(password.created),
        lastUsed=None if password.last_used is None else rfc3339(password.last_used),
    )

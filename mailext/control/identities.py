"""What an operator does with client identities."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from attrs import frozen

from mailext.clientid.entries import LoginEntry
from mailext.control.addresses import CurrentAddresses
from mailext.control.as_json import rfc3339
from mailext.control.identity_import import read_export
from mailext.control.identity_json import (
    ExportedIdentityJson,
    ExportJson,
    ForgottenJson,
    IdentityJson,
    ImportedJson,
    LoginJson,
    ShownIdentityJson,
    identity_as_json,
    login_as_json,
    place_as_json,
)
from mailext.control.identity_requests import (
    ApproveIdentity,
    ExportIdentities,
    ForgetIdentities,
    ImportIdentities,
    LabelIdentity,
    ListIdentities,
    ListLogins,
    RevokeIdentity,
    ShowIdentity,
)
from mailext.control.requests import RequestRefusedError
from mailext.storage.identity_admin import HeldIdentity, IdentityAdmin, NoSuchIdentityError
from mailext.storage.logins import SqlLoginLog
from mailext.values import IdentityRecord

__all__ = ["IdentityOperations"]

T = TypeVar("T")

# More than an operator reads.
_MOST = 10_000
_MOST_LOGINS = 100_000
_LATEST_LOGINS = 20
_LONGEST_LABEL = 100


@frozen
class IdentityOperations:
    """
    :param admin: the identities.
    :param logins: the attempts to log in.
    :param addresses: says which account a name means.
    :param now: the wall clock, seconds since the epoch.
    :param log_out: called with an account whose caches are to be emptied and
        whose sessions are to end.
    """

    admin: IdentityAdmin
    logins: SqlLoginLog
    addresses: CurrentAddresses
    now: Callable[[], float]
    log_out: Callable[[str], object]

    async def list(self, request: ListIdentities) -> list[IdentityJson]:
        """:raise RequestRefusedError: if the address cannot be one; so do all the others."""
        account = None if request.address is None else await self._account(request.address)
        return [self._as_json(record) for record in await self.admin.records(account, _MOST)]

    async def show(self, request: ShowIdentity) -> ShownIdentityJson:
        """:raise RequestRefusedError: if there is no such identity; so do those that change one."""
        account = await self._account(request.address)
        held = await _found(self.admin.show(account, request.identity_id))
        record = held.record
        entries = await self.logins.of_identity(account, record.id, _LATEST_LOGINS)
        return ShownIdentityJson(
            **self._as_json(record),
            places=[place_as_json(each) for each in held.places],
            logins=[login_as_json(entry, record.label) for entry in entries],
        )

    async def label(self, request: LabelIdentity) -> IdentityJson:
        """:raise RequestRefusedError: if the label cannot be one, too."""
        if len(request.label) > _LONGEST_LABEL or not request.label.isprintable():
            raise RequestRefusedError(f"a label has at most {_LONGEST_LABEL} characters, all printable")
        account = await self._account(request.address)
        return self._as_json(await _found(self.admin.label(account, request.identity_id, request.label)))

    async def approve(self, request: ApproveIdentity) -> IdentityJson:
        """Take an identity on."""
        account = await self._account(request.address)
        return self._as_json(await _found(self.admin.approve(account, request.identity_id)))

    async def revoke(self, request: RevokeIdentity) -> IdentityJson:
        """Revoke an identity, and end the account's sessions."""
        account = await self._account(request.address)
        until = None if request.seconds is None else self.now() + request.seconds
        record = await _found(self.admin.revoke(account, request.identity_id, until))
        self.log_out(account)
        return self._as_json(record)

    async def forget(self, request: ForgetIdentities) -> ForgottenJson:
        """Forget an identity, or all."""
        account = await self._account(request.address)
        forgotten = await _found(self.admin.forget(account, request.identity_id))
        return ForgottenJson(account=account, identities=forgotten.identities, logins=forgotten.logins)

    async def log(self, request: ListLogins) -> Sequence[LoginJson]:
        """The latest logins of an account."""
        account = await self._account(request.address)
        limit = max(0, min(request.limit, _MOST_LOGINS))
        read = self.logins.of_account if request.everything else self.logins.of_holder
        return await self._logins(account, await read(account, limit))

    async def export(self, request: ExportIdentities) -> ExportJson:
        """What is held of an account, for its holder or for another server."""
        account = await self._account(request.address)
        held = await _found(self.admin.held(account, request.identity_id))
        if request.identity_id is None:
            entries = await self.logins.of_account(account, _MOST_LOGINS)
        else:
            entries = await self.logins.of_identity(account, held[0].record.id, _MOST_LOGINS)
        return ExportJson(
            account=account,
            exported=rfc3339(self.now()),
            keys=[*self.admin.key_names],
            identities=[self._exported(each) for each in held],
            logins=[*await self._logins(account, entries)],
        )

    async def import_(self, request: ImportIdentities) -> ImportedJson:
        """:raise RequestRefusedError: if it is no export, or was made with other keys."""
        imported = read_export(request.content, self.admin.key_names)
        # An address that can be none would never be found again.
        await self._account(imported.account)
        added = await self.admin.add(imported.identities)
        known = len(imported.identities) - added
        return ImportedJson(account=imported.account, added=added, known=known)

    async def _account(self, name: str) -> str:
        # A foreign credentials checker may have accounts that are no addresses.
        if await self.admin.records(name, 1):
            return name
        try:
            return str(self.addresses().account_named(name))
        except ValueError as error:
            raise RequestRefusedError(f"not an address: {name!r}") from error

    def _as_json(self, record: IdentityRecord) -> IdentityJson:
        return identity_as_json(record, self.now())

    def _exported(self, held: HeldIdentity) -> ExportedIdentityJson:
        return ExportedIdentityJson(
            **self._as_json(held.record),
            hash=held.hash,
            places=[place_as_json(each) for each in held.places],
        )

    async def _logins(self, account: str, entries: Iterable[LoginEntry]) -> Sequence[LoginJson]:
        labels = {record.id: record.label for record in await self.admin.records(account, _MOST)}
        return [login_as_json(entry, labels.get(entry.clientid, "")) for entry in entries]


async def _found(asked: Awaitable[T]) -> T:
    try:
        return await asked
    except NoSuchIdentityError as error:
        raise RequestRefusedError(str(error)) from error

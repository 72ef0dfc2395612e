"""
What a replay is made of: attempts, identities and licences as they are kept.

Unlike the JSON forms that programs are shown, these hold everything, and are
read back by the same version of this program alone.
"""

from __future__ import annotations

from typing import TypedDict

from attrs import frozen
from cattrs.preconf.json import make_converter

from mailext.clientid.entries import LoginEntry
from mailext.control.replay_requests import ReadAttempts, ReadIdentities, ReadLicences
from mailext.storage.identity_admin import IdentityAdmin
from mailext.storage.licences import SqlLicenceRegistry
from mailext.storage.logins import SqlLoginLog
from mailext.values import IdentityRecord, Licence

__all__ = ["AttemptsPage", "ReplayOperations", "read_entry", "read_identity", "read_licence"]

_converter = make_converter()


class AttemptsPage(TypedDict):
    """Some attempts, and the number of the last one; of none the number that was given."""

    last: int
    entries: list[object]


@frozen
class ReplayOperations:
    """
    :param admin: the identities.
    :param logins: the attempts to log in.
    :param licences: the licences.
    """

    admin: IdentityAdmin
    logins: SqlLoginLog
    licences: SqlLicenceRegistry

    async def attempts(self, request: ReadAttempts) -> AttemptsPage:
        """In their order."""
        page = await self.logins.page(request.after, request.limit)
        return AttemptsPage(
            last=page[-1][0] if page else request.after,
            entries=[_converter.unstructure(each) for _, each in page if each.time >= request.since],
        )

    async def identities(self, request: ReadIdentities) -> list[object]:
        """By account and id."""
        records = await self.admin.page((request.after_account, request.after_id), request.limit)
        return [_converter.unstructure(each) for each in records]

    async def all_licences(self, request: ReadLicences) -> list[object]:  # noqa: ARG002 - it says all
        """The oldest first."""
        return [_converter.unstructure(each) for each in await self.licences.licences()]


def read_entry(value: object) -> LoginEntry:
    """What :meth:`ReplayOperations.attempts` wrote."""
    return _converter.structure(value, LoginEntry)


def read_identity(value: object) -> IdentityRecord:
    """What :meth:`ReplayOperations.identities` wrote."""
    return _converter.structure(value, IdentityRecord)


def read_licence(value: object) -> Licence:
    """What :meth:`ReplayOperations.all_licences` wrote."""
    return _converter.structure(value, Licence)

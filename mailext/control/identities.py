"""What an operator asks about client identities."""

from __future__ import annotations

from typing import TypedDict

from attrs import frozen

from mailext.control.addresses import CurrentAddresses
from mailext.control.as_json import rfc3339
from mailext.control.requests import ListIdentities, RequestRefusedError
from mailext.storage.identity_admin import IdentityAdmin
from mailext.values import IdentityRecord

__all__ = ["IdentityJson", "IdentityOperations"]


# More than an operator reads; what is exported has no end.
_MOST = 10_000


class IdentityJson(TypedDict):
    """One identity of one account. Times are RFC 3339 in UTC."""

    id: str
    account: str
    type: str
    label: str
    status: str
    firstSeen: str
    lastSeen: str
    count: int


@frozen
class IdentityOperations:
    """
    :param admin: the identities.
    :param addresses: says which account a name means.
    """

    admin: IdentityAdmin
    addresses: CurrentAddresses

    async def list(self, request: ListIdentities) -> list[IdentityJson]:
        """:raise RequestRefusedError: if the address cannot be one."""
        account = None
        if request.address is not None:
            try:
                account = str(self.addresses().account_named(request.address))
            except ValueError as error:
                raise RequestRefusedError(f"not an address: {request.address!r}") from error
        return [_as_json(record) for record in await self.admin.records(account, _MOST)]


def _as_json(record: IdentityRecord) -> IdentityJson:
    return IdentityJson(
        id=record.id,
        account=record.account,
        type=record.type,
        label=record.label,
        status=record.status,
        firstSeen=rfc3339(record.first_seen),
        lastSeen=rfc3339(record.last_seen),
        count=record.count,
    )

"""What an operator does with licences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypedDict

from attrs import frozen

from mailext.control.addresses import CurrentAddresses
from mailext.control.as_json import rfc3339
from mailext.control.licence_requests import AddLicence, ListLicences, RevokeLicence
from mailext.control.requests import RequestRefusedError
from mailext.storage.licences import LicenceExistsError, SqlLicenceRegistry
from mailext.values import Licence
from mailext.wire.grammar import GrammarError, parse_client_identity

__all__ = ["LicenceJson", "LicenceOperations"]

_LONGEST_LABEL = 100


class LicenceJson(TypedDict):
    """One licence. Times are RFC 3339 in UTC; null is any account, for ever, never used."""

    id: str
    type: str
    account: str | None
    label: str
    state: str
    validFrom: str
    validUntil: str | None
    lastUsed: str | None


@frozen
class LicenceOperations:
    """
    :param licences: the licences.
    :param addresses: says which account a name means.
    :param now: the wall clock, seconds since the epoch.
    """

    licences: SqlLicenceRegistry
    addresses: CurrentAddresses
    now: Callable[[], float]

    async def add(self, request: AddLicence) -> LicenceJson:
        """:raise RequestRefusedError: if type, token, account, label or times cannot be."""
        try:
            identity = parse_client_identity(f"{request.type} {request.token}".encode())
        except GrammarError as error:
            # C5, C6, draft-storey-smtp-client-id-13 section 5.
            raise RequestRefusedError(
                "a type has 1 to 16 letters, digits and hyphens, a token 1 to 128 visible ASCII characters"
            ) from error
        if len(request.label) > _LONGEST_LABEL or not request.label.isprintable():
            raise RequestRefusedError(f"a label has at most {_LONGEST_LABEL} characters, all printable")
        valid_from = self.now() if request.valid_from is None else _moment(request.valid_from)
        valid_until = None if request.valid_until is None else _moment(request.valid_until)
        if valid_until is not None and valid_until <= valid_from:
            raise RequestRefusedError("it would end before it begins")
        account = None if request.address is None else self.addresses.existing_account(request.address)
        try:
            made = await self.licences.add(
                identity,
                account=account,
                label=request.label,
                valid_from=valid_from,
                valid_until=valid_until,
            )
        except LicenceExistsError as error:
            raise RequestRefusedError(str(error)) from error
        return self._as_json(made)

    async def list(self, request: ListLicences) -> Sequence[LicenceJson]:  # noqa: ARG002 - it says all
        """The oldest first."""
        return [self._as_json(each) for each in await self.licences.licences()]

    async def revoke(self, request: RevokeLicence) -> LicenceJson:
        """:raise RequestRefusedError: if there is no such licence."""
        revoked = await self.licences.revoke(request.licence_id)
        if revoked is None:
            raise RequestRefusedError(f"there is no licence {request.licence_id}")
        return self._as_json(revoked)

    def _as_json(self, licence: Licence) -> LicenceJson:
        return LicenceJson(
            id=licence.id,
            type=licence.type,
            account=licence.account,
            label=licence.label,
            state=self._state(licence),
            validFrom=rfc3339(licence.valid_from),
            validUntil=None if licence.valid_until is None else rfc3339(licence.valid_until),
            lastUsed=None if licence.last_used is None else rfc3339(licence.last_used),
        )

    def _state(self, licence: Licence) -> str:
        if licence.revoked:
            return "revoked"
        if licence.in_force(self.now()):
            return "in-force"
        return "future" if self.now() < licence.valid_from else "ended"


def _moment(text: str) -> float:
    """:raise RequestRefusedError: if it is no date or time; without an offset it is of UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestRefusedError(f"neither a date nor a time (RFC 3339): {text!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

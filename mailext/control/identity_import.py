"""Reads what ``identity export`` has written."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime

from attrs import frozen
from cattrs import BaseValidationError, Converter

from mailext.control.requests import RequestRefusedError
from mailext.storage.identity_admin import HeldIdentity
from mailext.storage.identity_keys import ID_DIGITS
from mailext.values import IdentityRecord, IdentityStatus, Place, Protocol

__all__ = ["Imported", "read_export"]

_HASH = re.compile(r"[0-9a-f]{32}")


@frozen
class Imported:
    """What an export holds, as far as it is taken up: logins are not."""

    account: str
    identities: tuple[HeldIdentity, ...]


@frozen
class _Identity:
    hash: str
    type: str
    label: str
    status: IdentityStatus
    firstSeen: datetime
    lastSeen: datetime
    count: int
    failures: int
    refusals: int
    address: str
    network: str
    country: str
    protocols: list[Protocol]
    revokedUntil: datetime | None


@frozen
class _Export:
    account: str
    keys: list[str]
    identities: list[_Identity]


_converter = Converter()
_converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))


def read_export(content: str, known_keys: Collection[str]) -> Imported:
    """
    :param content: as JSON.
    :param known_keys: the names of the keys that identities are hashed with
        here.
    :raise RequestRefusedError: if it is no export, or was made with other keys.
    """
    try:
        export = _converter.structure(json.loads(content), _Export)
        identities = tuple(_held(each, export.account) for each in export.identities)
    except (ValueError, RecursionError, OverflowError, BaseValidationError) as error:
        raise RequestRefusedError("not what identity export writes") from error
    if not set(export.keys) <= set(known_keys):
        raise RequestRefusedError(
            "its hashes were made with other keys, so no identity would be known again: "
            "identity.key of that server is needed here too"
        )
    return Imported(export.account, identities)


def _held(given: _Identity, account: str) -> HeldIdentity:
    if not _HASH.fullmatch(given.hash):
        raise ValueError("not a hash")
    record = IdentityRecord(
        id=given.hash[:ID_DIGITS],
        account=account,
        type=given.type,
        label=given.label,
        status=given.status,
        first_seen=given.firstSeen.timestamp(),
        last_seen=given.lastSeen.timestamp(),
        count=given.count,
        failures=given.failures,
        refusals=given.refusals,
        place=Place(given.address, given.network, given.country) if given.address else None,
        protocols=frozenset(given.protocols),
        revoked_until=given.revokedUntil.timestamp() if given.revokedUntil else None,
    )
    return HeldIdentity(given.hash, record)

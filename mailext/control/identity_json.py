"""Identities and logins, as programs see them: the JSON forms of ``mailext identity``."""

from __future__ import annotations

from typing import TypedDict

from mailext.clientid.entries import LoginEntry
from mailext.control.as_json import rfc3339
from mailext.values import IdentityRecord, IdentityStatus, SeenPlace

__all__ = [
    "ExportJson",
    "ExportedIdentityJson",
    "ForgottenJson",
    "IdentityJson",
    "ImportedJson",
    "LoginJson",
    "PlaceJson",
    "ShownIdentityJson",
    "identity_as_json",
    "login_as_json",
    "place_as_json",
]


class IdentityJson(TypedDict):
    """
    One identity of one account. Times are RFC 3339 in UTC. What is not known
    is empty; ``revokedUntil`` is null where the status says all.
    """

    id: str
    account: str
    type: str
    label: str
    status: str
    firstSeen: str
    lastSeen: str
    count: int
    failures: int
    refusals: int
    address: str
    network: str
    country: str
    protocols: list[str]
    revokedUntil: str | None


class PlaceJson(TypedDict):
    """A network that an identity was used in."""

    network: str
    address: str
    country: str
    lastSeen: str
    count: int


class LoginJson(TypedDict):
    """One attempt to log in."""

    time: str
    account: str
    outcome: str
    proved: bool
    reason: str
    id: str
    type: str
    label: str
    protocol: str
    listener: str
    mechanism: str
    address: str
    network: str
    country: str


class ShownIdentityJson(IdentityJson):
    """One identity with its networks, and its latest logins, the latest first."""

    places: list[PlaceJson]
    logins: list[LoginJson]


class ExportedIdentityJson(IdentityJson):
    """One identity with its networks, and all that it takes to know it again."""

    hash: str
    places: list[PlaceJson]


class ExportJson(TypedDict):
    """
    What is held of an account.

    :ivar keys: names of the keys of the hashes.
    """

    account: str
    exported: str
    keys: list[str]
    identities: list[ExportedIdentityJson]
    logins: list[LoginJson]


class ForgottenJson(TypedDict):
    """How much was forgotten."""

    account: str
    identities: int
    logins: int


class ImportedJson(TypedDict):
    """How many identities were taken up, and how many were known already."""

    account: str
    added: int
    known: int


def identity_as_json(record: IdentityRecord, now: float) -> IdentityJson:
    """What ``identity list`` tells of an identity."""
    place = record.place
    is_revoked = record.is_revoked(now)
    is_for_a_time = is_revoked and record.status is not IdentityStatus.REVOKED
    assert not is_for_a_time or record.revoked_until is not None
    return IdentityJson(
        id=record.id,
        account=record.account,
        type=record.type,
        label=record.label,
        status=(IdentityStatus.REVOKED if is_revoked else record.status).value,
        firstSeen=rfc3339(record.first_seen),
        lastSeen=rfc3339(record.last_seen),
        count=record.count,
        failures=record.failures,
        refusals=record.refusals,
        address=place.address if place else "",
        network=place.network if place else "",
        country=place.country if place else "",
        protocols=sorted(record.protocols),
        revokedUntil=rfc3339(record.revoked_until) if is_for_a_time and record.revoked_until else None,
    )


def place_as_json(seen: SeenPlace) -> PlaceJson:
    """What is told of a place."""
    return PlaceJson(
        network=seen.place.network,
        address=seen.place.address,
        country=seen.place.country,
        lastSeen=rfc3339(seen.when),
        count=seen.count,
    )


def login_as_json(entry: LoginEntry, label: str) -> LoginJson:
    """What ``identity log`` tells of a login."""
    return LoginJson(
        time=rfc3339(entry.time),
        account=entry.account,
        outcome=entry.outcome.value,
        proved=entry.proved,
        reason=entry.reason,
        id=entry.clientid,
        type=entry.type,
        label=label,
        protocol=entry.protocol.value,
        listener=entry.listener,
        mechanism=entry.mechanism,
        address=entry.place.address,
        network=entry.place.network,
        country=entry.place.country,
    )

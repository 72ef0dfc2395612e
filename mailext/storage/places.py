"""
Where identities were used, as functions on a connection.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, delete, select, update

from mailext.storage.schema import identity_place
from mailext.values import Place, SeenPlace

__all__ = [
    "add_place",
    "forget_places",
    "place_of",
    "place_values",
    "places",
    "places_of_account",
    "rewrite_place_hash",
]

# Networks of one identity that are kept: enough for a day of travelling.
_MOST = 20


def place_values(place: Place | None) -> dict[str, object]:
    """A place as the columns of a row."""
    columns = ("address", "network", "country", "latitude", "longitude")
    return {name: getattr(place, name) if place is not None else None for name in columns}


def place_of(row: RowMapping) -> Place | None:
    """The place that a row tells of."""
    if row["address"] is None:
        return None
    return Place(row["address"], row["network"], row["country"] or "", row["latitude"], row["longitude"])


def add_place(connection: Connection, identity_hash: str, account: str, place: Place, when: float) -> None:
    """
    Note a login from a place. If the identity is known in too many networks,
    the one that was not seen for longest is forgotten.
    """
    mine = identity_place.c.hash == identity_hash
    seen = {"account": account, "last_seen": when, **place_values(place)}
    known = connection.execute(
        update(identity_place)
        .where(mine, identity_place.c.network == place.network)
        .values(seen | {"count": identity_place.c.count + 1})
    )
    if known.rowcount:
        return
    connection.execute(identity_place.insert().values(hash=identity_hash, count=1, **seen))
    surplus = (
        select(identity_place.c.network)
        .where(mine)
        .order_by(identity_place.c.last_seen.desc())
        .limit(_MOST)
        .offset(_MOST)
    )
    connection.execute(delete(identity_place).where(mine, identity_place.c.network.in_(surplus)))


def places(connection: Connection, hashes: Collection[str], since: float) -> tuple[SeenPlace, ...]:
    """Where an identity was used, the latest first."""
    rows = connection.execute(
        select(identity_place)
        .where(identity_place.c.hash.in_(hashes), identity_place.c.last_seen >= since)
        .order_by(identity_place.c.last_seen.desc())
        .limit(_MOST)
    ).mappings()
    return tuple(_seen(row) for row in rows)


def places_of_account(connection: Connection, identity_hash: str, account: str) -> tuple[SeenPlace, ...]:
    """Where an identity was used, and this account was the latest that was used there."""
    rows = connection.execute(
        select(identity_place)
        .where(identity_place.c.hash == identity_hash, identity_place.c.account == account)
        .order_by(identity_place.c.last_seen.desc())
    ).mappings()
    return tuple(_seen(row) for row in rows)


def rewrite_place_hash(connection: Connection, old: str, new: str) -> None:
    """The identity has another hash from now on."""
    known = select(identity_place.c.network).where(identity_place.c.hash == new)
    connection.execute(
        update(identity_place)
        .where(identity_place.c.hash == old, identity_place.c.network.not_in(known))
        .values(hash=new)
    )
    connection.execute(delete(identity_place).where(identity_place.c.hash == old))


def forget_places(connection: Connection, account: str, hashes: Collection[str]) -> None:
    """Forget where an account was used with these identities."""
    mine = identity_place.c.hash.in_(hashes), identity_place.c.account == account
    connection.execute(delete(identity_place).where(*mine))


def _seen(row: RowMapping) -> SeenPlace:
    place = place_of(row)
    assert place is not None
    return SeenPlace(place, row["account"], row["last_seen"], row["count"])

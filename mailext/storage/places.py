"""
Where identities were used, as functions on a connection.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, RowMapping, bindparam, case, delete, select, update

from mailext.storage.schema import identity_place
from mailext.values import Place, SeenPlace

__all__ = [
    "PLACE_COLUMNS",
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


#: The columns of a row that say where.
PLACE_COLUMNS = ("address", "network", "country", "latitude", "longitude")

# Statements that every login executes are made once.
_MINE = identity_place.c.hash == bindparam("its_hash")
_SEEN = (
    update(identity_place)
    .where(_MINE, identity_place.c.network == bindparam("its_network"))
    .values(
        address=bindparam("address"),
        country=bindparam("country"),
        latitude=bindparam("latitude"),
        longitude=bindparam("longitude"),
        account=bindparam("its_account"),
        last_seen=bindparam("when"),
        # What another account did there is not this one's history.
        count=case(
            (identity_place.c.account == bindparam("its_account"), identity_place.c.count + 1), else_=1
        ),
    )
)
_INSERT = identity_place.insert()
_SURPLUS = delete(identity_place).where(
    _MINE,
    identity_place.c.network.in_(
        select(identity_place.c.network)
        .where(_MINE)
        .order_by(identity_place.c.last_seen.desc())
        .limit(_MOST)
        .offset(_MOST)
    ),
)


def place_values(place: Place | None) -> dict[str, object]:
    """A place as the columns of a row."""
    if place is None:
        return dict.fromkeys(PLACE_COLUMNS)
    return {
        "address": place.address,
        "network": place.network,
        "country": place.country,
        "latitude": place.latitude,
        "longitude": place.longitude,
    }


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
    where = {name: value for name, value in place_values(place).items() if name != "network"}
    whose = {"its_hash": identity_hash, "its_network": place.network, "its_account": account, "when": when}
    if connection.execute(_SEEN, whose | where).rowcount:
        return
    row = {"hash": identity_hash, "account": account, "last_seen": when, "count": 1, **place_values(place)}
    connection.execute(_INSERT, row)
    connection.execute(_SURPLUS, {"its_hash": identity_hash})


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

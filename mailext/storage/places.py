"""
Where identities were used, as functions on a connection.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    RowMapping,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)

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
]

# Networks of one identity and account that are kept: enough for a day of travelling.
_MOST = 20
# Of one identity in all: it may be a whole company's.
_MOST_OF_ALL = 500


#: The columns of a row that say where.
PLACE_COLUMNS = ("address", "network", "country", "latitude", "longitude")

# Statements that every login executes are made once.
_OF_IDENTITY = identity_place.c.hash == bindparam("its_hash")
_MINE = _OF_IDENTITY & (identity_place.c.account == bindparam("its_account"))
_SEEN = (
    update(identity_place)
    .where(_MINE, identity_place.c.network == bindparam("its_network"))
    .values(
        address=bindparam("address"),
        country=bindparam("country"),
        latitude=bindparam("latitude"),
        longitude=bindparam("longitude"),
        last_seen=bindparam("when"),
        count=identity_place.c.count + 1,
    )
)
_INSERT = identity_place.insert()


def _forget_surplus(which: ColumnElement[bool], keep: int) -> Delete:
    key = identity_place.c.account, identity_place.c.network
    surplus = select(*key).where(which).order_by(identity_place.c.last_seen.desc()).limit(keep).offset(keep)
    return delete(identity_place).where(_OF_IDENTITY, tuple_(*key).in_(surplus))


_FORGET_OF_ACCOUNT = _forget_surplus(_MINE, _MOST)
_FORGET_OF_ALL = _forget_surplus(_OF_IDENTITY, _MOST_OF_ALL)


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
    Note a login from a place. If the account's identity is known in too many
    networks, the one that was not seen for longest is forgotten; so it is if the
    identity is known in too many, whatever the account.
    """
    where = {name: value for name, value in place_values(place).items() if name != "network"}
    whose = {"its_hash": identity_hash, "its_network": place.network, "its_account": account, "when": when}
    if connection.execute(_SEEN, whose | where).rowcount:
        return
    row = {"hash": identity_hash, "account": account, "last_seen": when, "count": 1, **place_values(place)}
    connection.execute(_INSERT, row)
    connection.execute(_FORGET_OF_ACCOUNT, {"its_hash": identity_hash, "its_account": account})
    connection.execute(_FORGET_OF_ALL, {"its_hash": identity_hash})


def places(connection: Connection, hashes: Collection[str], since: float) -> tuple[SeenPlace, ...]:
    """Where an identity was used, of each network the latest login, the latest first."""
    known = _latest_first(connection, identity_place.c.hash.in_(hashes), identity_place.c.last_seen >= since)
    of_network: dict[str, RowMapping] = {}
    for row in known:
        of_network.setdefault(row["network"], row)
    return tuple(_seen(row) for row in islice(of_network.values(), _MOST))


def places_of_account(connection: Connection, identity_hash: str, account: str) -> tuple[SeenPlace, ...]:
    """Where an account was used with an identity, the latest first."""
    mine = identity_place.c.hash == identity_hash, identity_place.c.account == account
    return tuple(_seen(row) for row in _latest_first(connection, *mine))


def forget_places(connection: Connection, account: str, hashes: Collection[str]) -> None:
    """Forget where an account was used with these identities."""
    mine = identity_place.c.hash.in_(hashes), identity_place.c.account == account
    connection.execute(delete(identity_place).where(*mine))


def _latest_first(connection: Connection, *which: ColumnElement[bool]) -> Sequence[RowMapping]:
    statement = select(identity_place).where(*which).order_by(identity_place.c.last_seen.desc())
    return connection.execute(statement).mappings().all()


def _seen(row: RowMapping) -> SeenPlace:
    place = place_of(row)
    assert place is not None
    return SeenPlace(place, row["account"], row["last_seen"], row["count"])

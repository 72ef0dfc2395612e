"""
What a process has known of identities by itself goes over to all that share a
directory, when it begins to share it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, MetaData, Table, delete, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from mailext.storage.engine import Database
from mailext.storage.errors import StoreError
from mailext.storage.merging import merge_identities, merge_licences, merge_places, rows_to_insert
from mailext.storage.schema import (
    app_password_device,
    holder_digest,
    identity,
    identity_alert,
    identity_place,
    identity_stranger,
    licence,
    login,
)

__all__ = ["holds_hashes", "take_over"]

_TABLES = (identity, identity_place, identity_stranger, identity_alert, licence, login)
_MERGES = {identity: merge_identities, identity_place: merge_places, licence: merge_licences}
_OWN = "own"
_own_metadata = MetaData()
_own_tables = {table: table.to_metadata(_own_metadata, schema=_OWN) for table in _TABLES}
_own_digest = holder_digest.to_metadata(_own_metadata, schema=_OWN)


def holds_hashes(own: Database) -> bool:
    """Whether anything in the database of a state directory is known by its hash, and so by its key."""
    hashed = (table for table in (*_TABLES, app_password_device) if "hash" in table.c)
    with own.reader.connect() as connection:
        return any(_has_rows(connection, table) for table in hashed)


def take_over(shared: Database, own: Path) -> None:
    """
    Move what the database of a state directory holds of identities, licences
    and logins into the shared one.

    A process that dies between the commits of the two leaves what it was to
    take along in both: then some logins count twice, and nothing is lost.

    :param own: that database; nobody else writes to it.
    :raise StoreError: if it cannot be done; then nothing is changed.
    """
    try:
        with shared.writer.connect() as connection:
            # Not through SQLAlchemy, which would begin a transaction before.
            driver = connection.connection.cursor()
            driver.execute(f"ATTACH DATABASE ? AS {_OWN}", (str(own),))
            try:
                _move(connection)
                connection.commit()
            finally:
                connection.rollback()
                driver.execute(f"DETACH DATABASE {_OWN}")
    except DBAPIError as error:
        raise StoreError(f"{own}: {error.orig}") from error


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.scalar(select(literal(1)).select_from(table).limit(1)) is not None


def _move(connection: Connection) -> None:
    for table, merge in _MERGES.items():
        connection.execute(merge(rows_to_insert(_own_tables[table], table)))
    for table in (identity_stranger, identity_alert):
        rows = rows_to_insert(_own_tables[table], table)
        put_in = insert(table).from_select(rows.selected_columns.keys(), rows)
        connection.execute(put_in.on_conflict_do_nothing())
    _move_logins(connection)
    for table in _own_tables.values():
        connection.execute(delete(table))


def _move_logins(connection: Connection) -> None:
    """They get other numbers, and so does the one up to which holders were sent their logs."""
    own = _own_tables[login]
    rows = rows_to_insert(own, login).order_by(own.c.number)
    connection.execute(insert(login).from_select(rows.selected_columns.keys(), rows))
    unsent = select(func.count()).where(own.c.number > _own_digest.c.number)
    latest = select(func.coalesce(func.max(login.c.number), 0))
    connection.execute(update(_own_digest).values(number=latest.scalar_subquery() - unsent.scalar_subquery()))

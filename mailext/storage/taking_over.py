"""
What a process has known of identities by itself goes over to all that share a
directory: once, with the first start that finds something.

Where two have known the same, the stricter decision holds: who was refused by
one must not be let in because another had not heard of it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    case,
    delete,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from mailext.storage.engine import Database
from mailext.storage.errors import StoreError
from mailext.storage.schema import (
    app_password_device,
    identity,
    identity_alert,
    identity_place,
    identity_stranger,
    licence,
    login,
)
from mailext.values import IdentityStatus

__all__ = ["holds_hashes", "take_over"]

_TABLES = (identity, identity_place, identity_stranger, identity_alert, licence, login)
_OWN = "own"
_own_metadata = MetaData()
_own_tables = {table: table.to_metadata(_own_metadata, schema=_OWN) for table in _TABLES}

# What was decided, the strictest last.
_DECISIONS = (
    IdentityStatus.OBSERVED,
    IdentityStatus.PENDING,
    IdentityStatus.ENROLLED,
    IdentityStatus.APPROVED,
    IdentityStatus.REVOKED,
)


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
                if any(_has_rows(connection, table) for table in _own_tables.values()):
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
    _merge_identities(connection)
    _merge_licences(connection)
    for table in (identity_place, identity_stranger, identity_alert, login):
        columns = _columns_without_number(table)
        known = select(*(_own_tables[table].c[name] for name in columns)).where(true())
        if "number" in table.c:
            known = known.order_by(_own_tables[table].c.number)
        connection.execute(insert(table).from_select(columns, known).on_conflict_do_nothing())
    for table in _own_tables.values():
        connection.execute(delete(table))


def _columns_without_number(table: Table) -> list[str]:
    """Numbers are given anew."""
    return [column.name for column in table.columns if column.name != "number"]


def _merge_identities(connection: Connection) -> None:
    columns = _columns_without_number(identity)
    # SQLite takes ON for a join's where there is no WHERE.
    merged = insert(identity).from_select(columns, select(_own_tables[identity]).where(true()))
    other, here = merged.excluded, identity.c
    connection.execute(
        merged.on_conflict_do_update(
            index_elements=[here.account, here.hash],
            set_={
                "status": case(
                    (_strictness(other.status) > _strictness(here.status), other.status), else_=here.status
                ),
                "label": case((here.label == "", other.label), else_=here.label),
                "first_seen": func.min(here.first_seen, other.first_seen),
                "last_seen": func.max(here.last_seen, other.last_seen),
                "count": here.count + other.count,
                "failures": here.failures + other.failures,
                "refusals": here.refusals + other.refusals,
                "protocols": here.protocols.op("|")(other.protocols),
                "revoked_until": _later(here.revoked_until, other.revoked_until),
            },
        )
    )


def _merge_licences(connection: Connection) -> None:
    columns = _columns_without_number(licence)
    known = select(*(_own_tables[licence].c[name] for name in columns)).where(true())
    merged = insert(licence).from_select(columns, known.order_by(_own_tables[licence].c.number))
    other, here = merged.excluded, licence.c
    connection.execute(
        merged.on_conflict_do_update(
            index_elements=[here.hash],
            set_={
                "revoked": here.revoked | other.revoked,
                "last_used": _later(here.last_used, other.last_used),
            },
        )
    )


def _strictness(status: ColumnElement[str]) -> ColumnElement[int]:
    ranks = {each.value: rank for rank, each in enumerate(_DECISIONS)}
    return case(ranks, value=status, else_=literal(0, Integer))


def _later(
    one: ColumnElement[float | None], other: ColumnElement[float | None]
) -> ColumnElement[float | None]:
    """The later of two times, of which one or both may be null."""
    return func.coalesce(func.max(one, other), one, other)

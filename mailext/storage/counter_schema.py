"""
The tables of what several server processes count together.

They are in a file of their own, without history: whoever finds tables of
another version makes them anew.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Double, Index, Integer, MetaData, String, Table

from mailext.storage.schema import attack_mode

__all__ = ["alarm", "attack_mode_here", "make_tables", "member", "place", "process", "rate"]

_VERSION = 1

_metadata = MetaData()

#: How often something happened: in the window since then, and in the one before.
rate = Table(
    "rate",
    _metadata,
    Column("name", String, primary_key=True),
    Column("window", Double, primary_key=True),
    Column("since", Double, nullable=False),
    Column("current", Integer, nullable=False),
    Column("previous", Integer, nullable=False),
    Column("added", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: What counts once, and when it was seen last.
member = Table(
    "member",
    _metadata,
    Column("name", String, primary_key=True),
    Column("window", Double, primary_key=True),
    Column("member", String, primary_key=True),
    Column("seen", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: Who counts, and when it last said that it is alive.
process = Table(
    "process",
    _metadata,
    Column("id", String, primary_key=True),
    Column("alive", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: The sessions of each process, under each name that they take a place under.
place = Table(
    "place",
    _metadata,
    Column("name", String, primary_key=True),
    Column("process", String, primary_key=True),
    Column("session", String, primary_key=True),
    Index(None, "process", "session"),
    sqlite_with_rowid=False,
)

#: Until when logins are restricted.
alarm = Table(
    "alarm",
    _metadata,
    Column("scope", String, primary_key=True),
    Column("until", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: As in a state directory.
attack_mode_here = attack_mode.to_metadata(_metadata)


def make_tables(connection: Connection) -> None:
    """Make those that are missing; all of them if they are of another version."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if version != _VERSION:
        _metadata.drop_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")
    _metadata.create_all(connection)

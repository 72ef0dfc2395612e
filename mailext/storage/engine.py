"""SQLite as the store wants it."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from mailext.storage.errors import StoreError
from mailext.storage.upgrade import upgrade_schema

__all__ = ["DATABASE_NAME", "Database", "connect", "open_database"]

#: The database's file name within the state directory.
DATABASE_NAME = "mailext.sqlite"

# How long a connection waits for a lock, in seconds: of a state directory nobody
# but a backup or an operator's shell can hold one, of a shared one other
# processes do.
_BUSY_TIMEOUT = 10.0

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
)


@dataclass(frozen=True, slots=True)
class Database:
    """
    An open database.

    :param writer: transactions here take the write lock when they begin.
    :param reader: transactions here see one state and change nothing.
    """

    writer: Engine
    reader: Engine

    def dispose(self) -> None:
        """Close the connections that nobody uses."""
        self.reader.dispose()
        self.writer.dispose()


def open_database(directory: Path, name: str = DATABASE_NAME) -> Database:
    """
    Open the database of a directory, made and migrated as needed.

    :param directory: the caller holds a lock of it.
    :param name: the database's file name there.
    :raise SchemaTooNewError: if it was written by a newer version.
    :raise StoreError: if it cannot be used.
    :raise OSError: if its file cannot be made or opened.
    """
    path = directory / name
    # SQLite gives its journals the mode of the database.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)
    # A commit returns when it is on stable storage.
    database = connect(path, "FULL")
    try:
        with database.writer.begin() as connection:
            upgrade_schema(connection)
    except DBAPIError as error:
        database.dispose()
        raise StoreError(f"{path}: {error.orig}") from error
    except BaseException:
        database.dispose()
        raise
    return database


def connect(path: Path, synchronous: str) -> Database:
    """
    :param path: a database, whatever its tables.
    :param synchronous: how SQLite brings it to stable storage.
    """
    pragmas = (*_PRAGMAS, f"PRAGMA synchronous = {synchronous}")
    return Database(
        writer=_engine(path, "BEGIN IMMEDIATE", pragmas),
        reader=_engine(path, "BEGIN", (*pragmas, "PRAGMA query_only = ON")),
    )


def _engine(path: Path, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # The driver is to begin no transactions of its own.
        connect_args={"isolation_level": None, "timeout": _BUSY_TIMEOUT},
        # Errors are logged, and nobody's mail or password hash with them.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine

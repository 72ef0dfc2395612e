"""The migrations make what the schema says, and go no further than they know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from mailext.storage.engine import DATABASE_NAME, open_database
from mailext.storage.errors import SchemaTooNewError
from mailext.storage.schema import metadata
from mailext.storage.store import open_store_offline
from tests.support import success_result_of


def test_the_migrated_schema_is_the_one_of_the_tables(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    with database.writer.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        migrated = inspect(connection)
        for table in metadata.sorted_tables:
            assert migrated.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
            foreign_keys = migrated.get_foreign_keys(table.name)
            assert [key["options"] for key in foreign_keys] == [{"ondelete": "CASCADE"}] * len(
                table.foreign_keys
            )
            assert {column["name"]: column["nullable"] for column in migrated.get_columns(table.name)} == {
                column.name: column.nullable for column in table.columns
            }
    database.dispose()


def test_the_migrated_tables_are_made_as_the_schema_would_make_them(tmp_path: Path) -> None:
    """WITHOUT ROWID and AUTOINCREMENT are not compared by Alembic."""
    for name in ("migrated", "made"):
        (tmp_path / name).mkdir()
    open_database(tmp_path / "migrated").dispose()
    made = open_database(tmp_path / "made")
    metadata.drop_all(made.writer)
    metadata.create_all(made.writer)
    made.dispose()

    def options(folder: str) -> dict[str, tuple[bool, bool]]:
        with sqlite3.connect(tmp_path / folder / DATABASE_NAME) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE TABLE%'")
            return {name: ("WITHOUT ROWID" in sql, "AUTOINCREMENT" in sql) for name, sql in rows}

    assert options("migrated") == options("made")


def test_places_of_before_are_those_of_their_account(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        connection.executescript(
            """
            CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
            INSERT INTO alembic_version VALUES ('0012');
            CREATE TABLE identity_place (
                hash VARCHAR NOT NULL, network VARCHAR NOT NULL, address VARCHAR NOT NULL,
                country VARCHAR NOT NULL, latitude DOUBLE, longitude DOUBLE, account VARCHAR NOT NULL,
                last_seen DOUBLE NOT NULL, count INTEGER NOT NULL,
                CONSTRAINT pk_identity_place PRIMARY KEY (hash, network)
            ) WITHOUT ROWID;
            INSERT INTO identity_place VALUES ('ab', '192.0.2.0/24', '192.0.2.1', 'DE', 1, 2, 'ann', 3, 4);
            """
        )
    open_database(tmp_path).dispose()
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        kept = connection.execute(
            "SELECT hash, account, network, latitude, last_seen, count FROM identity_place"
        )
        assert kept.fetchall() == [("ab", "ann", "192.0.2.0/24", 1.0, 3.0, 4)]


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_database(tmp_path).dispose()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        [(current,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError, match=rf"revision 9999, .* up to {current}"):
        open_store_offline(tmp_path)
    # The refusal left the directory free.
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (current,))
    success_result_of(open_store_offline(tmp_path).close())


def test_commits_are_synchronised_and_references_kept(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    for engine in (database.writer, database.reader):
        with engine.connect() as connection:
            told = {
                pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
                for pragma in ("journal_mode", "synchronous", "foreign_keys")
            }
            assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.dispose()

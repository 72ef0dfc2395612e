"""Brings a database to the schema of this version."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from mailext.storage.errors import SchemaTooNewError

__all__ = ["upgrade_schema"]


def upgrade_schema(connection: Connection) -> None:
    """
    Run the revisions that the database has not seen, in the connection's
    transaction.

    :raise SchemaTooNewError: if the database is of a revision unknown here.
    """
    config = Config()
    config.set_main_option("script_location", "mailext.storage:migrations")
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise SchemaTooNewError(
            f"the database is of revision {current}, this version of mailext knows "
            f"revisions up to {max(known)}: install the version that wrote it"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

"""Runs the revisions on the connection that :mod:`mailext.storage.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from mailext.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can undo changes of its schema, though Alembic does not rely on it.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

"""
Licences, and attack mode as it was set by hand.

Revision: 0007, after 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "licence",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("hash", sa.String, nullable=False, unique=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("account", sa.String),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("valid_from", sa.Double, nullable=False),
        sa.Column("valid_until", sa.Double),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("last_used", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attack_mode",
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("mode", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )

"""
Which accounts had an identity revoked, for other processes.

Revision: 0012, after 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "revocation",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("process", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )

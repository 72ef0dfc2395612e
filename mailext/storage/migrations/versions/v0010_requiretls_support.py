"""
Which destinations keep the promise of REQUIRETLS.

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "requiretls_support",
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("destination", name="pk_requiretls_support"),
        sqlite_with_rowid=False,
    )

"""
The MTA-STS policies that were fetched.

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "sts_policy",
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("policy_id", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("max_age", sa.Integer, nullable=False),
        sa.Column("mx", sa.String, nullable=False),
        sa.Column("fetched", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("refresh_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_sts_policy"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sts_policy_expires", "sts_policy", ["expires"])
    op.create_index("ix_sts_policy_refresh_at", "sts_policy", ["refresh_at"])

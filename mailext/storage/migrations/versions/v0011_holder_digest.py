"""
Up to which login the holders of accounts were sent their logs.

Revision: 0011, after 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "holder_digest",
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_holder_digest"),
    )

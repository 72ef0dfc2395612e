"""
When each recipient is due, and whether its last attempt was in doubt.

Revision: 0003, after 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "recipient", sa.Column("next_attempt", sa.Double, nullable=False, server_default=sa.text("0"))
    )
    op.add_column("recipient", sa.Column("in_doubt", sa.Boolean, nullable=False, server_default=sa.false()))

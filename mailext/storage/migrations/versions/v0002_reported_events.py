"""
Which events of a recipient were reported.

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("recipient", sa.Column("reported", sa.String, nullable=False, server_default=sa.text("''")))

"""
Where an identity was used is kept of each account: the key has the account in it.

Revision: 0013, after 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.rename_table("identity_place", "identity_place_0012")
    op.create_table(
        "identity_place",
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("network", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("country", sa.String, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hash", "account", "network", name="pk_identity_place"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO identity_place"
        " (hash, account, network, address, country, latitude, longitude, last_seen, count)"
        " SELECT hash, account, network, address, country, latitude, longitude, last_seen, count"
        " FROM identity_place_0012"
    )
    op.drop_table("identity_place_0012")

"""
What the registry of identities knows, and the log of logins.

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("failures", "refusals", "protocols"):
        op.add_column("identity", sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")))
    for name in ("address", "network", "country"):
        op.add_column("identity", sa.Column(name, sa.String))
    for name in ("latitude", "longitude", "revoked_until"):
        op.add_column("identity", sa.Column(name, sa.Double))
    # 128 bits are enough to tell devices apart, and half the room.
    op.execute("UPDATE identity SET hash = substr(hash, 1, 32)")
    op.create_index("ix_identity_hash", "identity", ["hash"])
    op.create_table(
        "identity_place",
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("network", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("country", sa.String, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hash", "network", name="pk_identity_place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity_stranger",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("network", sa.String, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_identity_stranger"),
        sa.UniqueConstraint("account", "hash", name="uq_identity_stranger_account_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_identity_stranger_network", "identity_stranger", ["network"])
    op.create_table(
        "identity_alert",
        sa.Column("account", sa.String, nullable=False),
        sa.Column("clientid", sa.String, nullable=False),
        sa.Column("succeeded", sa.Boolean, nullable=False),
        sa.Column("sent", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account", "clientid", "succeeded", name="pk_identity_alert"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "login",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("proved", sa.Boolean, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("protocol", sa.String, nullable=False),
        sa.Column("listener", sa.String, nullable=False),
        sa.Column("mechanism", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("network", sa.String, nullable=False),
        sa.Column("country", sa.String, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("clientid", sa.String, nullable=False),
        sa.Column("authenticate", sa.Boolean, nullable=False),
        sa.Column("user_log", sa.Boolean, nullable=False),
        sa.Column("repeated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_login"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_login_account", "login", ["account"])
    op.create_index("ix_login_proved", "login", ["proved"])

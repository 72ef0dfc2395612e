"""
Queue, accounts and identities.

Revision: 0001, the first
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.String, nullable=False),
        sa.Column("arrived", sa.Double, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("clientid", sa.String, nullable=False),
        sa.Column("sender_local_part", sa.String),
        sa.Column("sender_domain", sa.String),
        sa.Column("declared_size", sa.BigInteger),
        sa.Column("body", sa.String),
        sa.Column("smtputf8", sa.Boolean, nullable=False),
        sa.Column("auth", sa.String),
        sa.Column("ret", sa.String),
        sa.Column("envid", sa.String),
        sa.Column("requiretls", sa.Boolean, nullable=False),
        sa.Column("tls_demand", sa.Integer, nullable=False),
        sa.Column("next_attempt", sa.Double, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("hold", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_message_hold_next_attempt", "message", ["hold", "next_attempt"])
    op.create_table(
        "recipient",
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("local_part", sa.String, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("original_local_part", sa.String),
        sa.Column("original_domain", sa.String),
        sa.Column("notify", sa.String, nullable=False),
        sa.Column("orcpt", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_reply", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "position", name="pk_recipient"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name="fk_recipient_message", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "content",
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_content"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name="fk_content_message", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "account",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_account"),
        sa.UniqueConstraint("address", name="uq_account_address"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "identity",
        sa.Column("account", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("first_seen", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account", "hash", name="pk_identity"),
        sqlite_with_rowid=False,
    )

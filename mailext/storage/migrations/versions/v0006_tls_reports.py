"""
TLS reports: what is counted, and what was sent.

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "tls_policy",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("policy_domain", sa.String, nullable=False),
        sa.Column("strings", sa.String, nullable=False),
        sa.Column("mx_hosts", sa.String, nullable=False),
        sa.Column("successes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", "key", name="pk_tls_policy"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tls_failure",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("mx_host", sa.String, nullable=False),
        sa.Column("helo", sa.String, nullable=False),
        sa.Column("receiving_ip", sa.String, nullable=False),
        sa.Column("sending_ip", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("sessions", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", "policy", "key", name="pk_tls_failure"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tls_report",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("began", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("said", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("day", "domain", name="pk_tls_report"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tls_report_state_due", "tls_report", ["state", "due"])

"""
The tables.

What is said here and what the migrations make is the same; a test compares
them. Nothing here is peculiar to SQLite but for hints that others ignore.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

__all__ = [
    "account",
    "app_password",
    "app_password_device",
    "attack_mode",
    "content",
    "holder_digest",
    "identity",
    "identity_alert",
    "identity_place",
    "identity_stranger",
    "licence",
    "login",
    "message",
    "metadata",
    "recipient",
    "revocation",
    "sts_policy",
    "tls_failure",
    "tls_policy",
    "tls_report",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

#: A queued message: its envelope, and when it is due. Times are seconds since
#: the epoch. A null ``sender_local_part`` is the null reverse-path.
message = Table(
    "message",
    metadata,
    Column("id", String, primary_key=True),
    Column("arrived", Double, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("clientid", String, nullable=False),
    Column("sender_local_part", String),
    Column("sender_domain", String),
    # The parameters of MAIL.
    Column("declared_size", BigInteger),
    Column("body", String),
    Column("smtputf8", Boolean, nullable=False),
    Column("auth", String),
    Column("ret", String),
    Column("envid", String),
    Column("requiretls", Boolean, nullable=False),
    # R4, RFC 8689 section 4.1: the tag survives the queue and a restart.
    Column("tls_demand", Integer, nullable=False),
    # What changes while it waits.
    Column("next_attempt", Double, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("hold", Boolean, nullable=False),
    Index(None, "hold", "next_attempt"),
    sqlite_with_rowid=False,
)

#: A recipient of a message, in the order of the envelope.
recipient = Table(
    "recipient",
    metadata,
    Column("message_id", ForeignKey(message.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("local_part", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("original_local_part", String),
    Column("original_domain", String),
    # The parameters of RCPT; NOTIFY as a list with commas, empty if not given.
    Column("notify", String, nullable=False),
    Column("orcpt", String),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_reply", String, nullable=False),
    # The events that were reported, as in NOTIFY.
    Column("reported", String, nullable=False, server_default=text("''")),
    # Zero: with the message.
    Column("next_attempt", Double, nullable=False, server_default=text("0")),
    Column("in_doubt", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)

#: Small contents. A table of their own, because every change of a row writes
#: the whole row. A message without a row here has its content in a file.
content = Table(
    "content",
    metadata,
    Column("message_id", ForeignKey(message.c.id, ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

#: Who may log in: the address, and what the password is verified with. The
#: numbers go up in the order in which accounts were made.
account = Table(
    "account",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("address", String, nullable=False, unique=True),
    Column("password_hash", String, nullable=False),
    # For SCRAM-SHA-256, in the form of RFC 5803; of those that have chosen it.
    Column("scram_verifier", String),
    sqlite_autoincrement=True,
)

#: App passwords. ``bound``: good for one device alone, that of the next table.
app_password = Table(
    "app_password",
    metadata,
    Column("account", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("bound", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("last_used", Double),
    sqlite_with_rowid=False,
)

#: The device of a bound app password; none yet, if the first one that uses it
#: is to be it. C22, draft-storey-smtp-client-id-13 section 7: apart from the
#: passwords.
app_password_device = Table(
    "app_password_device",
    metadata,
    Column("account", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False),
    sqlite_with_rowid=False,
)

#: The client identities that an account was used with. C22,
#: draft-storey-smtp-client-id-13 section 7: apart from the accounts, and known
#: by a keyed hash alone. One row, however often it is seen.
identity = Table(
    "identity",
    metadata,
    Column("account", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("label", String, nullable=False),
    Column("status", String, nullable=False),
    Column("first_seen", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    # A bit for each, see mailext.storage.identity_rows.
    Column("protocols", Integer, nullable=False, server_default=text("0")),
    # Where it was seen last; a null address: nobody knows.
    Column("address", String),
    Column("network", String),
    Column("country", String),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("revoked_until", Double),
    Index(None, "hash"),
    sqlite_with_rowid=False,
)

#: The networks that an identity logged in from, a few of each account that it
#: was used with.
identity_place = Table(
    "identity_place",
    metadata,
    Column("hash", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("network", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("country", String, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("last_seen", Double, nullable=False),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: Identities that were presented with wrong credentials at an account that
#: does not know them. The numbers go up, so that the oldest go first.
identity_stranger = Table(
    "identity_stranger",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("network", String, nullable=False),
    Column("last_seen", Double, nullable=False),
    UniqueConstraint("account", "hash"),
    Index(None, "network"),
    sqlite_autoincrement=True,
)

#: When an account's holder was sent a message about an identity.
identity_alert = Table(
    "identity_alert",
    metadata,
    Column("account", String, primary_key=True),
    Column("clientid", String, primary_key=True),
    Column("succeeded", Boolean, primary_key=True),
    Column("sent", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: Up to which login holders were sent their logs: one row, or none.
holder_digest = Table("holder_digest", metadata, Column("number", Integer, primary_key=True))

#: The attempts to log in, as the user's log and a replay need them. The numbers
#: go up, so that the oldest go first.
login = Table(
    "login",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("time", Double, nullable=False),
    Column("account", String, nullable=False),
    # Whether the password was right, whatever the outcome.
    Column("proved", Boolean, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("protocol", String, nullable=False),
    Column("listener", String, nullable=False),
    Column("mechanism", String, nullable=False),
    Column("address", String, nullable=False),
    Column("network", String, nullable=False),
    Column("country", String, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    # Of the identity, empty without one; the first digits of its hash.
    Column("type", String, nullable=False),
    Column("clientid", String, nullable=False),
    # C23: whether the type's flags let checkers see it, and the holder's log.
    Column("authenticate", Boolean, nullable=False),
    Column("user_log", Boolean, nullable=False),
    Column("repeated", Boolean, nullable=False),
    Index(None, "account"),
    Index(None, "proved"),
    sqlite_autoincrement=True,
)

#: The MTA-STS policies that were fetched. A row is kept until the policy has
#: expired. Of the patterns each stands on a line.
sts_policy = Table(
    "sts_policy",
    metadata,
    Column("domain", String, primary_key=True),
    Column("policy_id", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("max_age", Integer, nullable=False),
    Column("mx", String, nullable=False),
    Column("fetched", Double, nullable=False),
    Column("expires", Double, nullable=False),
    # To the day.
    Column("used", Double, nullable=False),
    Column("refresh_at", Double, nullable=False),
    Index(None, "expires"),
    Index(None, "refresh_at"),
    sqlite_with_rowid=False,
)

#: The policies that sessions were under (RFC 8460), by UTC day and by the
#: domain that a report would go to. The key stands for the policy.
tls_policy = Table(
    "tls_policy",
    metadata,
    Column("day", Date, primary_key=True),
    Column("domain", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("policy_domain", String, nullable=False),
    # Lists of strings, as JSON.
    Column("strings", String, nullable=False),
    Column("mx_hosts", String, nullable=False),
    # Sessions that complied.
    Column("successes", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: The sessions that did not comply with a policy, and how. The key stands for
#: how.
tls_failure = Table(
    "tls_failure",
    metadata,
    Column("day", Date, primary_key=True),
    Column("domain", String, primary_key=True),
    Column("policy", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("mx_host", String, nullable=False),
    Column("helo", String, nullable=False),
    Column("receiving_ip", String, nullable=False),
    Column("sending_ip", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("sessions", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: The reports about a day that are to be sent to domains, or were.
tls_report = Table(
    "tls_report",
    metadata,
    Column("day", Date, primary_key=True),
    Column("domain", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("due", Double, nullable=False),
    Column("began", Double),
    Column("attempts", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("said", String, nullable=False),
    Index(None, "state", "due"),
    sqlite_with_rowid=False,
)

#: The identities that the operator has set up: licence keys. Known by a keyed
#: hash alone; a null account: it is good for any. The numbers go up in the
#: order in which they were set up.
licence = Table(
    "licence",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("account", String),
    Column("label", String, nullable=False),
    Column("valid_from", Double, nullable=False),
    Column("valid_until", Double),
    Column("revoked", Boolean, nullable=False),
    Column("last_used", Double),
    sqlite_autoincrement=True,
)

#: When each destination was last seen to keep the promise of REQUIRETLS.
requiretls_support = Table(
    "requiretls_support",
    metadata,
    Column("destination", String, primary_key=True),
    Column("seen", Double, nullable=False),
    sqlite_with_rowid=False,
)

#: The accounts of which an identity was revoked, and by which process: others
#: end their sessions. The numbers go up; so many of the latest are kept.
revocation = Table(
    "revocation",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("account", String, nullable=False),
    Column("process", String, nullable=False),
    sqlite_autoincrement=True,
)

#: Where attack mode was set by hand.
attack_mode = Table(
    "attack_mode",
    metadata,
    Column("scope", String, primary_key=True),
    Column("mode", String, nullable=False),
    sqlite_with_rowid=False,
)

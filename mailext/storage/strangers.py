"""
Identities that were presented with wrong credentials at accounts that do not
know them (U12), as functions on a connection.

Whoever forges identities decides how many there are, so a bounded number is
kept of each account, of each network and of all; the oldest go first.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from mailext.storage.schema import identity_stranger
from mailext.values import IdentityChurn

__all__ = ["add_stranger", "churn", "forget_strangers_before"]

_MOST_OF_AN_ACCOUNT = 100
_MOST_OF_A_NETWORK = 200
_MOST = 100_000


def add_stranger(connection: Connection, account: str, identity_hash: str, network: str, when: float) -> None:
    """Note that an identity which the account does not know was presented."""
    known = connection.execute(
        update(identity_stranger)
        .where(identity_stranger.c.account == account, identity_stranger.c.hash == identity_hash)
        .values(network=network, last_seen=when)
    )
    if known.rowcount:
        return
    added = connection.execute(
        identity_stranger.insert()
        .values(account=account, hash=identity_hash, network=network, last_seen=when)
        .returning(identity_stranger.c.number)
    )
    _drop_oldest(connection, identity_stranger.c.account == account, _MOST_OF_AN_ACCOUNT)
    _drop_oldest(connection, identity_stranger.c.network == network, _MOST_OF_A_NETWORK)
    # Gaps in the numbers make it fewer: it is a bound.
    bound = identity_stranger.c.number <= added.scalar_one() - _MOST
    connection.execute(delete(identity_stranger).where(bound))


def churn(connection: Connection, account: str, network: str, since: float) -> IdentityChurn:
    """How many identities were presented that accounts do not know."""

    def count(which: ColumnElement[bool]) -> int:
        different = select(func.count(identity_stranger.c.hash.distinct()))
        return connection.scalar(different.where(which, identity_stranger.c.last_seen >= since)) or 0

    return IdentityChurn(
        account=count(identity_stranger.c.account == account),
        network=count(identity_stranger.c.network == network),
    )


def forget_strangers_before(connection: Connection, when: float) -> int:
    """:return: how many were forgotten."""
    return connection.execute(delete(identity_stranger).where(identity_stranger.c.last_seen < when)).rowcount


def _drop_oldest(connection: Connection, which: ColumnElement[bool], keep: int) -> None:
    surplus = (
        select(identity_stranger.c.number)
        .where(which)
        .order_by(identity_stranger.c.number.desc())
        .limit(keep)
        .offset(keep)
    )
    connection.execute(delete(identity_stranger).where(identity_stranger.c.number.in_(surplus)))

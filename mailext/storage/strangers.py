"""
Identities that were presented with wrong credentials at accounts that do not
know them (U12), as functions on a connection.

Whoever forges identities decides how many there are, so a bounded number is
kept of each account, of each network and of all; the oldest go first.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Delete, bindparam, delete, func, select, update

from mailext.storage.schema import identity_stranger
from mailext.values import IdentityChurn

__all__ = ["add_stranger", "churn"]

_MOST_OF_AN_ACCOUNT = 100
_MOST_OF_A_NETWORK = 200
_MOST = 100_000


# Statements that every guess executes are made once.
_SEEN = (
    update(identity_stranger)
    .where(
        identity_stranger.c.account == bindparam("its_account"),
        identity_stranger.c.hash == bindparam("its_hash"),
    )
    .values(network=bindparam("network"), last_seen=bindparam("when"))
)
_ADD = identity_stranger.insert().returning(identity_stranger.c.number)
# Gaps in the numbers make it fewer: it is a bound.
_FORGET_OLDEST = delete(identity_stranger).where(identity_stranger.c.number <= bindparam("last"))


def _forget_surplus(column: ColumnElement[str], keep: int) -> Delete:
    surplus = (
        select(identity_stranger.c.number)
        .where(column == bindparam("whose"))
        .order_by(identity_stranger.c.number.desc())
        .limit(keep)
        .offset(keep)
    )
    return delete(identity_stranger).where(identity_stranger.c.number.in_(surplus))


_FORGET_OF_ACCOUNT = _forget_surplus(identity_stranger.c.account, _MOST_OF_AN_ACCOUNT)
_FORGET_OF_NETWORK = _forget_surplus(identity_stranger.c.network, _MOST_OF_A_NETWORK)


def add_stranger(connection: Connection, account: str, identity_hash: str, network: str, when: float) -> None:
    """Note that an identity which the account does not know was presented."""
    seen = {"its_account": account, "its_hash": identity_hash, "network": network, "when": when}
    if connection.execute(_SEEN, seen).rowcount:
        return
    row = {"account": account, "hash": identity_hash, "network": network, "last_seen": when}
    number = connection.execute(_ADD, row).scalar_one()
    connection.execute(_FORGET_OF_ACCOUNT, {"whose": account})
    connection.execute(_FORGET_OF_NETWORK, {"whose": network})
    connection.execute(_FORGET_OLDEST, {"last": number - _MOST})


def churn(connection: Connection, account: str, network: str, since: float) -> IdentityChurn:
    """How many identities were presented that accounts do not know."""

    def count(which: ColumnElement[bool]) -> int:
        different = select(func.count(identity_stranger.c.hash.distinct()))
        return connection.scalar(different.where(which, identity_stranger.c.last_seen >= since)) or 0

    return IdentityChurn(
        account=count(identity_stranger.c.account == account),
        network=count(identity_stranger.c.network == network),
    )

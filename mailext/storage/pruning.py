"""
What is old goes: in small steps, so that nobody waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, literal, select, tuple_
from twisted.internet.defer import Deferred

from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.schema import identity, identity_alert, identity_place, identity_stranger, login
from mailext.storage.transactions import Transactions
from mailext.values import IdentityStatus

__all__ = ["RegistryPruning"]

# Rows looked at in one step, and steps that one sweep makes in a table: the next
# one goes on from there. A day's are enough for twenty million rows.
_STEP = 2000
_STEPS = 500
_DAY = 86400.0


class RegistryPruning:
    """
    Forgets identities, places and logins that were not seen for too long.
    Identities that were approved or revoked stay.

    :param transactions: what runs its operations.
    :param limits: how long things are kept.
    """

    def __init__(self, transactions: Transactions, limits: RegistryLimits | None = None) -> None:
        self._transactions = transactions
        self._limits = limits or RegistryLimits()
        # Up to where the last sweep has looked.
        self._reached: dict[Table, _Key | None] = {}

    def configure(self, limits: RegistryLimits) -> None:
        """Keep things so long from now on."""
        self._limits = limits

    def prune(self, now: float) -> Deferred[int]:
        """
        Forget what is too old, of so many rows of each table; the next call
        goes on with those behind them, and then from the beginning.

        :param now: wall clock, seconds since the epoch.
        :return: a Deferred of how many rows went.
        """
        return Deferred.fromCoroutine(self._prune(now))

    async def _prune(self, now: float) -> int:
        unseen = now - self._limits.keep
        old_login = now - self._limits.keep_logins
        unpinned = and_(
            identity.c.last_seen < unseen,
            identity.c.status.not_in((IdentityStatus.APPROVED, IdentityStatus.REVOKED)),
            identity.c.revoked_until.is_(None) | (identity.c.revoked_until < now),
        )
        gone = await self._sweep(identity, unpinned)
        gone += await self._sweep(identity_place, identity_place.c.last_seen < unseen)
        gone += await self._sweep(identity_stranger, identity_stranger.c.last_seen < old_login)
        gone += await self._sweep(identity_alert, identity_alert.c.sent < now - _DAY)
        gone += await self._sweep(login, login.c.time < old_login)
        return gone

    async def _sweep(self, table: Table, is_old: ColumnElement[bool]) -> int:
        """Walk on through a table by its primary key; reading mostly, for little is old."""
        gone = 0
        for _ in range(_STEPS):
            after = self._reached.get(table)
            step = await self._transactions.read(partial(_step, table=table, is_old=is_old, after=after))
            if step.old:
                gone += await self._transactions.write(
                    partial(_forget, table=table, is_old=is_old, keys=step.old)
                )
            self._reached[table] = step.last
            if step.last is None:
                break
        return gone


_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """
    :param old: the keys of what is old.
    :param last: the last key that was looked at; None: there are no more.
    """

    old: list[_Key]
    last: _Key | None


def _step(connection: Connection, table: Table, is_old: ColumnElement[bool], after: _Key | None) -> _Step:
    key = list(table.primary_key)
    statement = select(*key, is_old).order_by(*key).limit(_STEP)
    if after is not None:
        statement = statement.where(tuple_(*key) > tuple_(*map(literal, after)))
    rows = [tuple(row) for row in connection.execute(statement)]
    old = [row[:-1] for row in rows if row[-1]]
    return _Step(old, rows[-1][:-1] if len(rows) == _STEP else None)


def _forget(connection: Connection, table: Table, is_old: ColumnElement[bool], keys: list[_Key]) -> int:
    # Once more: it may have been seen since it was looked at.
    named = tuple_(*table.primary_key).in_(keys)
    return connection.execute(delete(table).where(named, is_old)).rowcount

"""Attack mode, as it was set by hand: it outlives the server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection, select
from twisted.internet.defer import Deferred

from mailext.storage.schema import attack_mode
from mailext.storage.transactions import Transactions
from mailext.values import AttackMode

__all__ = ["SqlAttackModes"]


class SqlAttackModes:
    """
    What was set, by the scope as :class:`mailext.clientid.attack.AttackScope`
    spells it.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def set(self, scope: str, mode: AttackMode) -> Deferred[None]:
        """
        :param mode: AUTO takes back what was set before.
        :return: a Deferred of None.
        """
        return self._transactions.write(partial(_set, scope=scope, mode=mode))

    def all(self) -> Deferred[Mapping[str, AttackMode]]:
        """:return: a Deferred of what was set, by scope."""
        return self._transactions.read(_all)


def _set(connection: Connection, scope: str, mode: AttackMode) -> None:
    connection.execute(attack_mode.delete().where(attack_mode.c.scope == scope))
    if mode is not AttackMode.AUTO:
        connection.execute(attack_mode.insert().values(scope=scope, mode=mode.value))


def _all(connection: Connection) -> Mapping[str, AttackMode]:
    rows = connection.execute(select(attack_mode).order_by(attack_mode.c.scope))
    return {row.scope: AttackMode(row.mode) for row in rows}

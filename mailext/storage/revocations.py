"""Of whose identities one was revoked: the sessions of these accounts end, in whatever process."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, func, select
from twisted.internet.defer import Deferred

from mailext.storage.schema import revocation
from mailext.storage.transactions import Transactions

__all__ = ["Revocations", "add_revocation"]

# Far more than come between two looks.
_KEPT = 10_000


class Revocations:
    """
    What other processes have revoked.

    :param transactions: what runs its operations.
    :param process: tells this process, which knows its own, from others.
    """

    def __init__(self, transactions: Transactions, process: str) -> None:
        self._transactions = transactions
        self._process = process

    def latest(self) -> Deferred[int]:
        """:return: a Deferred of the number of the latest one."""
        return self._transactions.read(_latest)

    def since(self, number: int) -> Deferred[list[tuple[int, str]]]:
        """
        :return: a Deferred of those that other processes have revoked since
            this one: number and account of each.
        """
        return self._transactions.read(partial(_since, number=number, process=self._process))


def add_revocation(connection: Connection, account: str, process: str) -> None:
    """Let other processes know that an identity of the account was revoked."""
    added = connection.execute(revocation.insert().values(account=account, process=process))
    (number,) = added.inserted_primary_key or (0,)
    connection.execute(delete(revocation).where(revocation.c.number <= number - _KEPT))


def _latest(connection: Connection) -> int:
    return connection.scalar(select(func.max(revocation.c.number))) or 0


def _since(connection: Connection, number: int, process: str) -> list[tuple[int, str]]:
    others = select(revocation.c.number, revocation.c.account).where(
        revocation.c.number > number, revocation.c.process != process
    )
    return [(row.number, row.account) for row in connection.execute(others.order_by(revocation.c.number))]

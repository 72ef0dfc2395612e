"""Up to which login the holders of accounts were sent their logs."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, select
from twisted.internet.defer import Deferred

from mailext.storage.schema import holder_digest
from mailext.storage.transactions import Transactions

__all__ = ["DigestMark"]


class DigestMark:
    """
    The number of the last login that was dealt with.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def get(self) -> Deferred[int | None]:
        """:return: a Deferred of the number; None: there is none yet."""
        return self._transactions.read(_get)

    def set(self, number: int) -> Deferred[None]:
        """:param number: the last login that was dealt with by now."""
        return self._transactions.write(partial(_set, number=number))

    def forget(self) -> Deferred[None]:
        """There is none any more."""
        return self._transactions.write(_forget)


def _get(connection: Connection) -> int | None:
    return connection.scalar(select(holder_digest.c.number))


def _set(connection: Connection, number: int) -> None:
    _forget(connection)
    connection.execute(holder_digest.insert().values(number=number))


def _forget(connection: Connection) -> None:
    connection.execute(delete(holder_digest))

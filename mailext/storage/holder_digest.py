"""Up to which login the holders of accounts were sent their logs."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, func, select
from twisted.internet.defer import Deferred

from mailext.storage.schema import holder_digest, login
from mailext.storage.transactions import Transactions

__all__ = ["DigestMark"]


class DigestMark:
    """
    The number of the last login that was dealt with.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def get(self) -> Deferred[int]:
        """
        :return: a Deferred of the number. The first time it is the latest
            login's: what was before is no news.
        """
        return self._transactions.write(_get)

    def set(self, number: int) -> Deferred[None]:
        """:param number: the last login that was dealt with by now."""
        return self._transactions.write(partial(_set, number=number))

    def forget(self) -> Deferred[None]:
        """The next time will be the first."""
        return self._transactions.write(_forget)


def _get(connection: Connection) -> int:
    number = connection.scalar(select(holder_digest.c.number))
    if number is None:
        number = connection.scalar(select(func.max(login.c.number))) or 0
        _set(connection, number)
    return number


def _set(connection: Connection, number: int) -> None:
    _forget(connection)
    connection.execute(holder_digest.insert().values(number=number))


def _forget(connection: Connection) -> None:
    connection.execute(delete(holder_digest))

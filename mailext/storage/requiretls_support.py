"""Which destinations keep the promise of REQUIRETLS, as deliveries have shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection, delete, select
from twisted.internet.defer import Deferred

from mailext.storage.schema import requiretls_support
from mailext.storage.transactions import Transactions

__all__ = ["SqlSupportStore"]

# What nobody has asked to forget.
_OLD = 30 * 86400.0


class SqlSupportStore:
    """
    A :class:`~mailext.requiretls.support.SupportStore` in a database.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> Deferred[Mapping[str, float]]:
        """See :meth:`SupportStore.all`."""
        return self._transactions.read(_all)

    def seen(self, destination: str, when: float) -> Deferred[None]:
        """See :meth:`SupportStore.seen`."""
        return self._transactions.write(partial(_seen, destination=destination, when=when))

    def forget(self, destination: str) -> Deferred[None]:
        """See :meth:`SupportStore.forget`."""
        return self._transactions.write(partial(_forget, destination=destination))


def _all(connection: Connection) -> Mapping[str, float]:
    return {row.destination: row.seen for row in connection.execute(select(requiretls_support))}


def _seen(connection: Connection, destination: str, when: float) -> None:
    connection.execute(delete(requiretls_support).where(requiretls_support.c.seen < when - _OLD))
    _forget(connection, destination)
    connection.execute(requiretls_support.insert().values(destination=destination, seen=when))


def _forget(connection: Connection, destination: str) -> None:
    connection.execute(delete(requiretls_support).where(requiretls_support.c.destination == destination))

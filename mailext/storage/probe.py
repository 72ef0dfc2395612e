"""Whether the store works: a change of no meaning that is committed, synchronised and read."""

from __future__ import annotations

from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from mailext.storage.errors import StoreError
from mailext.storage.transactions import Transactions

__all__ = ["probe"]

# SQLite keeps a number for the application in the database's header.
_READ = "PRAGMA user_version"
_GREATEST = 2**31 - 1


def probe(transactions: Transactions) -> Deferred[None]:
    """
    Try the way of every message: through the thread that writes and its sync,
    then back through one that reads.

    :return: a Deferred that fails if it is barred.
    """
    return Deferred.fromCoroutine(_probe(transactions))


async def _probe(transactions: Transactions) -> None:
    written = await transactions.write(_count)
    # Another probe may have counted on meanwhile.
    if await transactions.read(_number) < written:
        raise StoreError("a change was committed and cannot be read")


def _number(connection: Connection) -> int:
    return int(connection.exec_driver_sql(_READ).scalar_one())


def _count(connection: Connection) -> int:
    number = _number(connection) % _GREATEST + 1
    connection.exec_driver_sql(f"PRAGMA user_version = {number}")
    return number

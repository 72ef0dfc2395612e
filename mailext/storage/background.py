"""Transactions in the threads of a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from mailext.batches import Batches
from mailext.per_turn import IThreadsReactor
from mailext.storage.committer import Committer
from mailext.storage.engine import Database
from mailext.storage.errors import StoreClosedError
from mailext.storage.transactions import NO_FILES, BulkChange, FileChange

__all__ = ["BackgroundTransactions"]

T = TypeVar("T")

# Each reads what has come together through one connection, if it is not too much:
# one question may take long.
_READING_THREADS = 4
_READ_TOGETHER = 8
_WAITING_READS = 1000


class BackgroundTransactions:
    """
    Runs changes in the committer's thread, and questions beside them in a few
    threads of their own.

    :param reactor: in whose thread every Deferred fires.
    """

    def __init__(self, database: Database, reactor: IThreadsReactor) -> None:
        self._reader = database.reader
        self._closed = False
        self._committer = Committer(database.writer, reactor)
        self._reading: Batches[Callable[[Connection], object], object] = Batches(
            reactor,
            "mailext-readers",
            self._read,
            threads=_READING_THREADS,
            size=_READ_TOGETHER,
            waiting=_WAITING_READS,
        )
        self._reading.startService()

    def write(self, operation: Callable[[Connection], T], files: FileChange = NO_FILES) -> Deferred[T]:
        """See :meth:`mailext.storage.transactions.Transactions.write`."""
        return self._committer.write(operation, files)

    def change(self, change: BulkChange) -> Deferred[None]:
        """See :meth:`mailext.storage.transactions.Transactions.change`."""
        return self._committer.change(change)

    def read(self, operation: Callable[[Connection], T]) -> Deferred[T]:
        """See :meth:`mailext.storage.transactions.Transactions.read`."""
        if self._closed:
            return fail(StoreClosedError("the store is closed"))
        return cast("Deferred[T]", self._reading.do(operation))

    def close(self) -> Deferred[None]:
        """See :meth:`mailext.storage.transactions.Transactions.close`."""
        self._closed = True
        self._reading.stopService()
        return self._committer.close()

    def _read(self, operations: Sequence[Callable[[Connection], object]]) -> list[object]:
        with self._reader.connect() as connection:
            return [_answer(connection, operation) for operation in operations]


def _answer(connection: Connection, operation: Callable[[Connection], object]) -> object:
    try:
        return operation(connection)
    except Exception:  # noqa: BLE001 - told to whoever has asked
        connection.rollback()
        return Failure()

"""Transactions in the threads of a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail

from mailext.per_turn import IThreadsReactor
from mailext.storage.committer import Committer
from mailext.storage.engine import Database
from mailext.storage.errors import StoreClosedError
from mailext.storage.transactions import NO_FILES, BulkChange, FileChange
from mailext.threads import BoundedThreads

__all__ = ["BackgroundTransactions"]

T = TypeVar("T")

_READING_THREADS = 4
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
        self._threads = BoundedThreads(reactor, "mailext-readers", _READING_THREADS, _WAITING_READS)
        self._threads.startService()

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
        return self._threads.run(self._read, operation)

    def close(self) -> Deferred[None]:
        """See :meth:`mailext.storage.transactions.Transactions.close`."""
        self._closed = True
        self._threads.stopService()
        return self._committer.close()

    def _read(self, operation: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return operation(connection)

"""
How work gets done on the tables: the joint between what is done and who does it.

An operation is a function on a connection. It does its work and returns what
it found; it neither commits nor keeps the connection, and may be run a second
time if the transaction of the first had to be taken back. Operations that are
under way at the same time may be executed in any order: who needs an order
waits for the first one's Deferred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.sql.dml import UpdateBase
from twisted.internet.defer import Deferred, execute, succeed

from mailext.storage.engine import Database
from mailext.storage.prepared import Row, execute_many

__all__ = ["NO_FILES", "BulkChange", "DirectTransactions", "FileChange", "Transactions"]

T = TypeVar("T")


class FileChange(Protocol):
    """What a change does to files beside the database. Called in the thread that commits."""

    def prepare(self) -> None:
        """
        Before the transaction: bring to stable storage what it will name.

        :raise OSError: the change is then abandoned.
        """

    def committed(self) -> None:
        """The transaction is on stable storage."""

    def abandoned(self) -> None:
        """The transaction was taken back, or :meth:`prepare` failed."""


class _NoFiles:
    def prepare(self) -> None:
        """Nothing to prepare."""

    def committed(self) -> None:
        """Nothing to follow up."""

    def abandoned(self) -> None:
        """Nothing to take back."""


#: A change that has no files.
NO_FILES: FileChange = _NoFiles()


@dataclass(frozen=True, slots=True)
class BulkChange:
    """
    A change that can be executed together with others of its plan: each
    statement once, with the rows of all of them.

    :param plan: the statements. Plans are compared by identity: it is a
        constant of its module.
    :param rows: for each statement of the plan, its rows.
    """

    plan: tuple[UpdateBase, ...]
    rows: tuple[Sequence[Row], ...]
    files: FileChange = NO_FILES

    @classmethod
    def together(cls, changes: Sequence[BulkChange]) -> BulkChange:
        """What these changes of one plan do to the tables, as one change."""
        parts = zip(*(change.rows for change in changes), strict=True)
        return cls(changes[0].plan, tuple(list(chain.from_iterable(rows)) for rows in parts))

    def __call__(self, connection: Connection) -> None:
        """Execute the statements."""
        for statement, rows in zip(self.plan, self.rows, strict=True):
            if rows:
                execute_many(connection, statement, rows)


class Transactions(Protocol):
    """Runs operations, each as a transaction of its own as far as it can tell."""

    def write(self, operation: Callable[[Connection], T], files: FileChange = NO_FILES) -> Deferred[T]:
        """
        Run an operation that changes something.

        :param files: what it does to files.
        :return: a Deferred of what it returned, once that is on stable
            storage. It fails with what the operation raised, with what the
            database says, or with a
            :class:`~mailext.storage.errors.StoreError`; nothing is then changed.
        """

    def change(self, change: BulkChange) -> Deferred[None]:
        """Make a bulk change; otherwise like :meth:`write`."""

    def read(self, operation: Callable[[Connection], T]) -> Deferred[T]:
        """
        Run an operation that changes nothing.

        :return: a Deferred of what it returned.
        """

    def close(self) -> Deferred[None]:
        """
        Finish what was asked and take on nothing more. To be called once.

        :return: a Deferred that fires when all is done.
        """


class DirectTransactions:
    """
    Runs operations here and now: for commands, while no server runs. Every
    Deferred has fired when it is returned.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, operation: Callable[[Connection], T], files: FileChange = NO_FILES) -> Deferred[T]:
        """See :meth:`Transactions.write`."""
        return execute(self._write, operation, files)

    def change(self, change: BulkChange) -> Deferred[None]:
        """See :meth:`Transactions.change`."""
        return execute(self._write, change, change.files)

    def read(self, operation: Callable[[Connection], T]) -> Deferred[T]:
        """See :meth:`Transactions.read`."""
        return execute(self._read, operation)

    def close(self) -> Deferred[None]:
        """See :meth:`Transactions.close`."""
        return succeed(None)

    def _write(self, operation: Callable[[Connection], T], files: FileChange) -> T:
        try:
            files.prepare()
        except BaseException:
            files.abandoned()
            raise
        # If this fails, what became of the commit is unknown: a file that no
        # row names is removed when a server starts.
        with self._database.writer.begin() as connection:
            result = operation(connection)
        files.committed()
        return result

    def _read(self, operation: Callable[[Connection], T]) -> T:
        with self._database.reader.connect() as connection:
            return operation(connection)

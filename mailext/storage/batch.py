"""
One batch of changes, one transaction.

What goes wrong within one change is that change's own affair: the batch is
taken back and executed again one by one. What goes wrong with the database,
the disk or the commit ends the whole batch. Nothing of it is tried again: the
system may have marked unwritten pages as clean. The connection is thrown away,
and the next batch begins with a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.sql.dml import UpdateBase
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.storage.transactions import NO_FILES, BulkChange, FileChange

__all__ = ["AnyJob", "BatchWriter", "Job"]

T = TypeVar("T")

_log = Logger()


class Job(Generic[T]):
    """
    One operation, and whom to tell what came of it.

    :param operation: see :mod:`mailext.storage.transactions`.
    :param files: what it does to files.
    """

    def __init__(self, operation: Callable[[Connection], T], files: FileChange = NO_FILES) -> None:
        self.operation = operation
        self.files = files
        self.deferred: Deferred[T] = Deferred()
        self.error: Exception | None = None
        self._result: Any = None

    def run(self, connection: Connection) -> None:
        """Execute the operation."""
        self._result = self.operation(connection)

    def tell(self) -> None:
        """Fire the Deferred; in the reactor's thread."""
        if self.error is None:
            self.deferred.callback(self._result)
        else:
            self.deferred.errback(self.error)


# A batch mixes jobs of every result.
AnyJob = Job[Any]


class BatchWriter:
    """
    Commits batches on a connection of its own. All its methods are called in
    one thread.

    :param engine: its transactions take the write lock when they begin.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._in_doubt: list[AnyJob] = []

    def commit(self, jobs: list[AnyJob]) -> None:
        """Execute the jobs and commit. Afterwards each has its result or its error."""
        ready = [job for job in jobs if _prepare(job)]
        if not ready:
            return
        try:
            connection = self._connect()
            done = _execute(connection, ready)
        except Exception as error:  # noqa: BLE001 - told to everyone who waits
            self.disconnect()
            for job in ready:
                _abandon(job, error)
            return
        try:
            connection.commit()
        except Exception as error:  # noqa: BLE001 - told to everyone who waits
            # The journal may hold the transaction until another one is written
            # over it: until then the files that it names have to stay.
            self.disconnect()
            for job in done:
                job.error = error
            self._in_doubt += done
            return
        for job in done:
            _quietly(job.files.committed)
        for job in self._in_doubt:
            _quietly(job.files.abandoned)
        self._in_doubt.clear()

    def disconnect(self) -> None:
        """Throw the connection away, with whatever is open in it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            _quietly(connection.invalidate)
            _quietly(connection.close)

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection


def _execute(connection: Connection, jobs: list[AnyJob]) -> list[AnyJob]:
    """:return: the jobs that succeeded; the others were abandoned."""
    try:
        _run_together(connection, jobs)
    except Exception as error:
        if _ends_the_batch(error):
            raise
    else:
        return jobs
    connection.rollback()
    return [job for job in jobs if _run_alone(connection, job)]


def _run_together(connection: Connection, jobs: list[AnyJob]) -> None:
    plans: dict[tuple[UpdateBase, ...], list[BulkChange]] = {}
    for job in jobs:
        if isinstance(job.operation, BulkChange):
            plans.setdefault(job.operation.plan, []).append(job.operation)
        else:
            job.run(connection)
    for changes in plans.values():
        BulkChange.together(changes)(connection)


def _run_alone(connection: Connection, job: AnyJob) -> bool:
    try:
        with connection.begin_nested():
            job.run(connection)
    except Exception as error:
        if _ends_the_batch(error):
            raise
        _abandon(job, error)
        return False
    return True


def _ends_the_batch(error: Exception) -> bool:
    """Whether it is the database's trouble rather than that of one operation."""
    return isinstance(error, DBAPIError) and not isinstance(
        error, (IntegrityError, DataError, ProgrammingError)
    )


def _prepare(job: AnyJob) -> bool:
    try:
        job.files.prepare()
    except Exception as error:  # noqa: BLE001 - told to the one who waits
        _abandon(job, error)
        return False
    return True


def _abandon(job: AnyJob, error: Exception) -> None:
    job.error = error
    _quietly(job.files.abandoned)


def _quietly(function: Callable[[], object]) -> None:
    """What is left to do when the result is known must not change it."""
    try:
        function()
    except Exception:  # noqa: BLE001 - see above
        _log.failure("The store could not tidy up")

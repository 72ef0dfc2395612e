"""
Group commit: one thread writes, one transaction holds what has come together,
one call into the reactor tells everybody.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from twisted.internet.defer import Deferred, fail

from mailext.per_turn import IThreadsReactor, PerTurn
from mailext.storage.batch import AnyJob, BatchWriter, Job
from mailext.storage.errors import StoreBusyError, StoreClosedError
from mailext.storage.transactions import NO_FILES, BulkChange, FileChange

__all__ = ["Committer"]

T = TypeVar("T")

# How many changes share a transaction: enough to make a sync cheap, few enough
# that the first of them does not wait long for the last.
_BATCH = 200


class Committer:
    """
    Writes to the database in a thread of its own.

    :param engine: its transactions take the write lock when they begin.
    :param reactor: is told of results by ``callFromThread``; what comes in one
        of its turns becomes one batch, or a part of one.
    :param limit: how many changes may be waiting; more are refused.
    """

    def __init__(self, engine: Engine, reactor: IThreadsReactor, limit: int = 5000) -> None:
        self._reactor = reactor
        self._limit = limit
        self._waiting = 0
        self._closed: Deferred[None] | None = None
        self._jobs: queue.SimpleQueue[AnyJob | None] = queue.SimpleQueue()
        self._per_turn: PerTurn[AnyJob] = PerTurn(reactor, self._jobs.put)
        writer = BatchWriter(engine)
        threading.Thread(target=self._run, args=(writer,), name="mailext-committer", daemon=True).start()

    def write(self, operation: Callable[[Connection], T], files: FileChange = NO_FILES) -> Deferred[T]:
        """See :meth:`mailext.storage.transactions.Transactions.write`."""
        return self._submit(Job(operation, files))

    def change(self, change: BulkChange) -> Deferred[None]:
        """See :meth:`mailext.storage.transactions.Transactions.change`."""
        return self._submit(Job(change, change.files))

    def close(self) -> Deferred[None]:
        """
        Commit what is waiting, then end the thread. To be called once.

        :return: a Deferred that fires when that is done.
        """
        self._closed = Deferred()
        self._per_turn.end()
        self._jobs.put(None)
        return self._closed

    def _submit(self, job: Job[T]) -> Deferred[T]:
        if self._closed is not None:
            return fail(StoreClosedError("the store is closed"))
        if self._waiting >= self._limit:
            return fail(StoreBusyError(f"{self._waiting} changes are waiting to be stored"))
        self._waiting += 1
        self._per_turn.add(job)
        return job.deferred

    def _tell(self, batch: list[AnyJob]) -> None:
        self._waiting -= len(batch)
        for job in batch:
            job.tell()

    def _run(self, writer: BatchWriter) -> None:
        """The writer thread."""
        while batch := self._next_batch():
            writer.commit(batch)
            self._reactor.callFromThread(self._tell, batch)
        writer.disconnect()
        assert self._closed is not None
        self._reactor.callFromThread(self._closed.callback, None)

    def _next_batch(self) -> list[AnyJob]:
        """Wait for a job and take those behind it. Nothing: all is done."""
        batch: list[AnyJob] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if len(batch) == _BATCH or self._jobs.empty():
                return batch
            job = self._jobs.get()
        if batch:
            self._jobs.put(None)
        return batch

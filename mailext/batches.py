"""
Work that is cheaper together: what has come while a thread was busy is done in
one go, and the reactor is told once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from mailext.per_turn import IThreadsReactor, PerTurn
from mailext.threads import ThreadsBusyError

__all__ = ["Batches"]

T = TypeVar("T")
R = TypeVar("R")

_Item = tuple[T, "Deferred[R]"]


class Batches(Service, Generic[T, R]):
    """
    A few threads that share work, each taking what is there, as a service.

    :param reactor: where results are brought back to.
    :param work: does several things, and says what came of each, a
        :class:`~twisted.python.failure.Failure` of what failed alone; in a thread.
    :param size: how many things are done in one go at most.
    :param waiting: how many things may wait; more are refused.
    """

    def __init__(
        self,
        reactor: IThreadsReactor,
        name: str,
        work: Callable[[Sequence[T]], Sequence[R | Failure]],
        *,
        threads: int,
        size: int,
        waiting: int,
    ) -> None:
        self._reactor = reactor
        self._name = name
        self._work = work
        self._size = size
        self._capacity = waiting
        self._waiting = 0
        self._items: queue.SimpleQueue[_Item[T, R] | None] = queue.SimpleQueue()
        self._per_turn: PerTurn[_Item[T, R]] = PerTurn(reactor, self._items.put)
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        for thread in self._threads:
            thread.start()

    def stopService(self) -> None:
        """Finish what was given, and end the threads."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._per_turn.end()
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def keeps_up(self) -> bool:
        """Whether all that waits is no more than the threads take in one go."""
        return self._waiting < self._size * len(self._threads)

    def do(self, thing: T) -> Deferred[R]:
        """
        :return: a Deferred of what came of it; it fails with
            :class:`~mailext.threads.ThreadsBusyError` if too many wait, or the
            threads have ended.
        """
        if not self.running or self._waiting >= self._capacity:
            return fail(ThreadsBusyError(self._name))
        self._waiting += 1
        done: Deferred[R] = Deferred()
        self._per_turn.add((thing, done))
        return done

    def _run(self) -> None:
        """A thread."""
        while batch := self._next():
            things = [thing for thing, _ in batch]
            try:
                results: Sequence[R | Failure] | Failure = self._work(things)
            except BaseException:  # noqa: BLE001 - told to everyone who waits
                results = Failure()
            self._reactor.callFromThread(self._tell, batch, results)

    def _next(self) -> list[_Item[T, R]]:
        """Wait for something and take what is behind it. Nothing: this is the end."""
        batch: list[_Item[T, R]] = []
        item = self._items.get()
        while item is not None:
            batch.append(item)
            if len(batch) == self._size or self._items.empty():
                return batch
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                # Another thread was quicker.
                return batch
        if batch:
            self._items.put(None)
        return batch

    def _tell(self, batch: list[_Item[T, R]], results: Sequence[R | Failure] | Failure) -> None:
        self._waiting -= len(batch)
        each: Sequence[R | Failure] = [results] * len(batch) if isinstance(results, Failure) else results
        for (_, done), result in zip(batch, each, strict=True):
            done.callback(result)

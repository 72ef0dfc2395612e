"""
Thread pools that say no when too much is waiting.

Work that blocks (password hashing, mailbox files) has a pool of its own for
each kind, so that one kind never stops another; and each pool has an end, so
that more work than it can do is a temporary failure at once and not a queue
without bound.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import ParamSpec, Protocol, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["BoundedThreads", "RunInThread", "ThreadsBusyError"]

P = ParamSpec("P")
T = TypeVar("T")


class ThreadsBusyError(Exception):
    """The pool has as much to do as it may have: a temporary failure."""


class RunInThread(Protocol):
    """Calls a function in another thread; the Deferred fires in the reactor's."""

    def __call__(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]: ...  # pragma: no cover


class _DaemonPool(ThreadPool):
    """Its threads do not hold up a process that ends without ``stop``."""

    def threadFactory(self, *, name: str, target: Callable[[], object]) -> Thread:  # type: ignore[override]
        return Thread(name=name, target=target, daemon=True)


class BoundedThreads(Service):
    """
    A thread pool with a bounded queue, as a service.

    :param reactor: where results are brought back to.
    :param name: the name of its threads.
    :param threads: how many calls run at one time.
    :param waiting: how many more may wait for their turn.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str, threads: int, waiting: int) -> None:
        self._reactor = reactor
        self._pool = _DaemonPool(0, threads, name)
        self._capacity = threads + waiting
        self._calls = 0

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._pool.start()

    def stopService(self) -> None:
        """Wait for the calls that run, and end the threads."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._pool.stop()

    def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """
        Call a function in a thread of the pool: a :class:`RunInThread`.

        :return: a Deferred of its result; it fails with
            :class:`ThreadsBusyError` if too many calls wait, or the pool was
            stopped.
        """
        # A pool that was stopped would take the call, and never make it.
        if self._pool.joined or self._calls >= self._capacity:
            return fail(ThreadsBusyError(self._pool.name))
        self._calls += 1
        running = deferToThreadPool(self._reactor, self._pool, function, *args, **kwargs)
        # A Deferred of its own: the caller may cancel its wait, not the thread.
        result: Deferred[T] = Deferred()
        running.addBoth(self._returned).addCallbacks(result.callback, result.errback)
        return result

    def _returned(self, outcome: T) -> T:
        self._calls -= 1
        return outcome

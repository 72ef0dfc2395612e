"""The reactor of a command that waits for the network."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.python.failure import Failure

from mailext.control.requests import RequestRefusedError

__all__ = ["run_program"]

R = TypeVar("R")
T = TypeVar("T")


def run_program(program: Callable[[R], Coroutine[Deferred[object], object, T]]) -> T:
    """
    Run the reactor until the program has come to its end.

    :param program: called with the reactor, whatever it needs of it.
    :return: what it gives; what it raises is raised.
    :raise RequestRefusedError: if it was interrupted.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - other commands do without

    process = cast("IReactorCore", reactor)
    results: list[T | Failure] = []

    def start() -> None:
        Deferred.fromCoroutine(program(cast("R", reactor))).addBoth(results.append).addBoth(
            lambda _: process.stop()
        )

    process.callWhenRunning(start)
    process.run()
    if not results:
        raise RequestRefusedError("interrupted")
    if isinstance(results[0], Failure):
        raise results[0].value or RuntimeError
    return results[0]

"""
What comes in one turn of the reactor is handed on together.

A thread that is woken by the first of many things contends with the reactor's
for the interpreter, and works on one thing where it could have had all of
them. See docs/reasons/performance.rst for what this gains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

__all__ = ["IThreadsReactor", "PerTurn"]

T = TypeVar("T")


class IThreadsReactor(IReactorFromThreads, IReactorTime):
    """What threads that work on what is gathered ask of a reactor."""


class PerTurn(Generic[T]):
    """
    Gathers what comes in a turn of the reactor. In its thread only.

    :param hand_on: called with each thing when the turn has ended.
    """

    def __init__(self, reactor: IReactorTime, hand_on: Callable[[T], object]) -> None:
        self._reactor = reactor
        self._hand_on = hand_on
        self._things: list[T] = []

    def add(self, thing: T) -> None:
        """Hand this on when the turn ends."""
        self._things.append(thing)
        if len(self._things) == 1:
            self._reactor.callLater(0, self.end)

    def end(self) -> None:
        """Hand on now what there is."""
        things, self._things = self._things, []
        for thing in things:
            self._hand_on(thing)

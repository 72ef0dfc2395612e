"""
One answer for all who ask the same in the course of one thing.

The checkers of a login ask the registry one after the other, each in reaction
to the verdict before it, and mostly for the same identity of the same account.
See docs/reasons/performance.rst for what this gains.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, succeed

__all__ = ["AnswersAtHand"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class AnswersAtHand(Generic[K, T]):
    """
    An answer is at hand while it is told: whoever asks the same in reaction to
    it, before the reactor has turned to anything else, is given it again. So
    none is older than if it had just come.
    """

    def __init__(self) -> None:
        self._told: dict[K, T] = {}

    def ask(self, question: K, read: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        :param read: called where the answer is not at hand.
        :return: a Deferred of the answer.
        """
        if question in self._told:
            return succeed(self._told[question])
        answer: Deferred[T] = Deferred()

        def tell(found: T) -> None:
            self._told[question] = found
            try:
                answer.callback(found)
            finally:
                del self._told[question]

        read().addCallbacks(tell, answer.errback)
        return answer

"""Going on with an answer that may be there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred

__all__ = ["then"]

_T = TypeVar("_T")
_U = TypeVar("_U")


def then(answer: _T | Deferred[_T], step: Callable[[_T], _U | Deferred[_U]]) -> _U | Deferred[_U]:
    """
    Take a step once the answer is there: at once if it is, so that a path on
    which nobody is waited for needs no Deferred.
    """
    if isinstance(answer, Deferred):
        return answer.addCallback(step)
    return step(answer)

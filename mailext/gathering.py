"""Waiting for several Deferreds at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

__all__ = ["all_of"]

T = TypeVar("T")


def all_of(deferreds: Iterable[Deferred[T]]) -> Deferred[list[T]]:
    """
    :return: a Deferred of all results, in order. It fails with what the first
        failure is about, a ``CancelledError`` too, and not with a
        ``FirstError``; cancelling it cancels them all.
    """
    return gatherResults(deferreds, consumeErrors=True).addErrback(_unwrapped)


def _unwrapped(failure: Failure) -> NoReturn:
    failure.trap(FirstError)
    error = failure.value
    assert isinstance(error, FirstError)
    error.subFailure.raiseException()

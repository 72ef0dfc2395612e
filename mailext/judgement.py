"""
Putting questions to code that others wrote, and folding the answers.

A checker or policy answers with a :class:`~mailext.values.Verdict` or with a
Deferred of one. What is answered at once is used at once, without a Deferred
or a timer. What is not answered in time, or badly, was never an acceptance.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NoReturn, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from mailext.values import ACCEPTED, Verdict

__all__ = ["TEMPORARY_FAILURE", "ask", "checked", "judge"]

_T = TypeVar("_T")
_log = Logger()

#: What takes the place of an answer that did not come.
TEMPORARY_FAILURE = Verdict(451, "4.3.0", "Temporary failure", "a policy failed; the log says how")


def ask(question: Callable[[], _T | Deferred[_T]], clock: IReactorTime, timeout: float) -> _T | Deferred[_T]:
    """
    Put a question, and wait for the answer only so long.

    :param question: called once, without arguments.
    :param clock: what measures the wait.
    :param timeout: seconds.
    :return: the answer if it is given at once. Else a Deferred of it, which
        fails with :class:`twisted.internet.defer.TimeoutError` when the time
        is up, whatever the asked one does with the cancellation it is then
        sent.
    :raise Exception: what the question raises at once.
    """
    answer = question()
    if not isinstance(answer, Deferred):
        return answer
    return _bounded(answer, clock, timeout)


def _bounded(waited: Deferred[_T], clock: IReactorTime, timeout: float) -> Deferred[_T]:
    # Not addTimeout on the Deferred itself: its owner could answer a
    # cancellation with a value, or with another Deferred that never fires.
    def cancel(_: Deferred[_T]) -> None:
        try:
            waited.cancel()
        except Exception:  # noqa: BLE001 - a canceller is the asked one's code too
            _log.failure("An answer that came too late could not be cancelled", level=LogLevel.error)

    def forward(result: _T | Failure) -> None:
        if not answer.called:
            answer.callback(result)

    def out_of_time(_: _T | Failure, seconds: float) -> NoReturn:
        raise defer.TimeoutError(seconds, "Deferred")

    answer: Deferred[_T] = Deferred(cancel)
    waited.addBoth(forward)
    return answer.addTimeout(timeout, clock, out_of_time)


def checked(answer: object) -> Verdict:
    """
    Make sure that an answer can be acted upon.

    :raise TypeError: if it is not a Verdict.
    :raise ValueError: if its code neither accepts nor refuses.
    """
    if not isinstance(answer, Verdict):
        raise TypeError(f"expected a Verdict, got {type(answer).__name__}")
    if not (answer.accepted or 400 <= answer.code < 600):
        raise ValueError(f"a verdict's code is 2xx, 4xx or 5xx, not {answer.code}")
    return answer


def judge(
    questions: Iterable[Callable[[], Verdict | Deferred[Verdict]]], clock: IReactorTime, timeout: float
) -> Verdict | Deferred[Verdict]:
    """
    Put questions in their order and fold the verdicts into one.

    The first refusal is the result, and nobody is asked after it. Acceptances
    merge: headers to add and to remove add up, and the strictest TLS demand
    holds. A question that raises, that is not answered in time or that is not
    answered by a verdict counts as :data:`TEMPORARY_FAILURE`, and is logged.

    :param timeout: seconds for each question.
    :return: the verdict at once if every answer came at once, else a Deferred
        of it, which does not fail.
    """
    return _fold(ACCEPTED, iter(questions), clock, timeout)


def _fold(
    folded: Verdict,
    questions: Iterator[Callable[[], Verdict | Deferred[Verdict]]],
    clock: IReactorTime,
    timeout: float,
) -> Verdict | Deferred[Verdict]:
    for question in questions:
        name = _name(question)
        try:
            answer = ask(question, clock, timeout)
            verdict = answer if isinstance(answer, Deferred) else checked(answer)
        except Exception:  # noqa: BLE001 - whatever a policy raises
            return _failed(None, name)
        if isinstance(verdict, Deferred):
            return (
                verdict.addCallback(checked)
                .addErrback(_failed, name)
                .addCallback(_continue, folded, questions, clock, timeout)
            )
        if not verdict.accepted:
            return verdict
        folded = _merged(folded, verdict)
    return folded


def _continue(
    verdict: Verdict,
    folded: Verdict,
    questions: Iterator[Callable[[], Verdict | Deferred[Verdict]]],
    clock: IReactorTime,
    timeout: float,
) -> Verdict | Deferred[Verdict]:
    if not verdict.accepted:
        return verdict
    return _fold(_merged(folded, verdict), questions, clock, timeout)


def _failed(failure: Failure | None, name: str) -> Verdict:
    _log.failure("{question} gave no verdict", failure, LogLevel.error, question=name)
    return TEMPORARY_FAILURE


def _merged(first: Verdict, second: Verdict) -> Verdict:
    return replace(
        first,
        add_headers=first.add_headers + second.add_headers,
        remove_headers=first.remove_headers + second.remove_headers,
        tls_demand=max(first.tls_demand, second.tls_demand),
    )


def _name(question: Callable[[], object]) -> str:
    """What the log calls a question: never its arguments, which may be long or private."""
    function = question.func if isinstance(question, functools.partial) else question
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return name

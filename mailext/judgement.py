"""
Putting questions to code that others wrote, and folding the answers.

A checker or policy answers with a :class:`~mailext.values.Verdict` or with a
Deferred of one. What is answered at once is used at once, without a Deferred
or a timer. What is not answered in time, or badly, was never an acceptance.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from traceback import format_exception
from typing import NoReturn, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from mailext.values import ACCEPTED, ClientIdentity, SessionView, Verdict

__all__ = ["TEMPORARY_FAILURE", "LoggedVerdict", "ask", "checked", "judge", "log_trouble", "without_token"]

_T = TypeVar("_T")
_Question = Callable[[], Verdict | Deferred[Verdict]]
_log = Logger()


@dataclass(frozen=True, slots=True)
class LoggedVerdict(Verdict):
    """A refusal of which the log was told where it was given."""


#: What takes the place of an answer that did not come.
TEMPORARY_FAILURE = LoggedVerdict(451, "4.3.0", "Temporary failure", "a policy failed; the log says how")


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
    questions: Iterable[_Question], clock: IReactorTime, timeout: float, session: SessionView | None = None
) -> Verdict | Deferred[Verdict]:
    """
    Put questions in their order and fold the verdicts into one.

    The first refusal is the result, and nobody is asked after it; the log
    learns its reason. Acceptances merge: headers to add and to remove add up,
    and the strictest TLS demand holds. A question that raises, that is not
    answered in time or that is not answered by a verdict counts as
    :data:`TEMPORARY_FAILURE`, and is logged.

    :param timeout: seconds for each question.
    :param session: whose session it is about, for the log.
    :return: the verdict at once if every answer came at once, else a Deferred
        of it, which does not fail.
    """
    return _Judgement(iter(questions), clock, timeout, session).proceed()


class _Judgement:
    def __init__(
        self, questions: Iterator[_Question], clock: IReactorTime, timeout: float, session: SessionView | None
    ) -> None:
        self._questions = questions
        self._clock = clock
        self._timeout = timeout
        self._session = session
        self._folded = ACCEPTED

    def proceed(self) -> Verdict | Deferred[Verdict]:
        for question in self._questions:
            try:
                answer = ask(question, self._clock, self._timeout)
                verdict = answer if isinstance(answer, Deferred) else checked(answer)
            except Exception as error:  # noqa: BLE001 - whatever a policy raises
                return self._failed(error, question)
            if isinstance(verdict, Deferred):
                return (
                    verdict.addCallback(checked)
                    .addErrback(self._failed, question)
                    .addCallback(self._go_on, question)
                )
            if not self._accepts(verdict, question):
                return verdict
        return self._folded

    def _go_on(self, verdict: Verdict, question: _Question) -> Verdict | Deferred[Verdict]:
        return self.proceed() if self._accepts(verdict, question) else verdict

    def _accepts(self, verdict: Verdict, question: _Question) -> bool:
        if verdict.accepted:
            self._folded = self._folded.merged(verdict)
        elif not isinstance(verdict, LoggedVerdict):
            _log.info(
                "{question} refuses: {code} {reason!r} session={session}",
                event="refused",
                question=_name(question),
                code=verdict.code,
                reason=without_token(verdict.reason, self._session.identity if self._session else None),
                session=self._session.id if self._session else "",
            )
        return verdict.accepted

    def _failed(self, trouble: Exception | Failure, question: _Question) -> Verdict:
        log_trouble(trouble, f"{_name(question)} gave no verdict", self._session)
        return TEMPORARY_FAILURE


def _name(question: Callable[[], object]) -> str:
    """What the log calls a question: never its arguments, which may be long or private."""
    function = question.func if isinstance(question, functools.partial) else question
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return name


def log_trouble(trouble: Exception | Failure, what: str, session: SessionView | None) -> None:
    """
    Log an error of code that others wrote, with its traceback.

    :param what: what did not work.
    :param session: in whose course.
    """
    error = trouble.value if isinstance(trouble, Failure) else trouble
    _log.error(
        "{what}: session={session}\n{traceback}",
        what=what,
        session=session.id if session else "",
        traceback=without_token("".join(format_exception(error)), session.identity if session else None),
    )


def without_token(text: str, identity: ClientIdentity | None) -> str:
    """
    A text by others that is to be logged, less the identity's token.

    :param identity: None leaves the text as it is.
    """
    # C24, draft-storey-smtp-client-id-13 section 9.
    if identity is None:
        return text
    quoted = repr(identity.token)[1:-1]
    return text.replace(identity.token, "[token]").replace(quoted, "[token]")

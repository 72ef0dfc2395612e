"""
Several checkers as one.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.clientid.decisions import IDecisionsLogged, Stage
from mailext.clientid.panel import Question, first_refusal, judges, tell
from mailext.interfaces import IClientIdentityChecker
from mailext.values import ACCEPTED, LoginAttempt, LoginOutcome, SessionView, Verdict

__all__ = ["CheckerSequence"]


@implementer(IDecisionsLogged)
class CheckerSequence:
    """
    Asks checkers in their order; the first refusal wins. Each judges the
    identity types that it names.

    :param name: what the log calls it.
    """

    identityTypes: frozenset[str] = frozenset()

    def __init__(self, name: str, checkers: Sequence[IClientIdentityChecker]) -> None:
        self.name = name
        self._checkers = tuple(checkers)

    def checkAttempt(self, attempt: LoginAttempt) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._ask(lambda checker: checker.checkAttempt(attempt), Stage.ATTEMPT, attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return self._ask(lambda checker: checker.checkLogin(attempt, avatarId), Stage.LOGIN, attempt)

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        """See :meth:`IClientIdentityChecker.settled`."""
        tell(self._judging(attempt), attempt, outcome)

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        for checker in self._checkers:
            checker.sessionEnded(session)

    def _judging(self, attempt: LoginAttempt) -> list[IClientIdentityChecker]:
        return [checker for checker in self._checkers if judges(checker, attempt)]

    def _ask(self, question: Question, stage: Stage, attempt: LoginAttempt) -> Deferred[Verdict]:
        return Deferred.fromCoroutine(self._first_refusal(question, stage, attempt))

    async def _first_refusal(self, question: Question, stage: Stage, attempt: LoginAttempt) -> Verdict:
        return await first_refusal(self._judging(attempt), question, stage, attempt) or ACCEPTED

"""
The modes of a checker: ``observe`` and ``enforce``.

Every checker begins in mode ``observe``: it is asked, and nothing follows but
a log line. An operator sees who would be refused before anybody is.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.clientid.decisions import Decision, IDecisionsLogged, Stage, log_decision
from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import checked, log_trouble
from mailext.values import ACCEPTED, LoginAttempt, LoginOutcome, SessionView, Verdict

__all__ = ["EnforcingChecker", "Mode", "ObservingChecker", "in_mode"]


class Mode(StrEnum):
    """What follows from what a checker says."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


class _Wrapped:
    """
    A checker within another.

    :param checker: the checker within.
    :param name: what the log calls it.
    """

    def __init__(self, checker: IClientIdentityChecker, name: str) -> None:
        self.name = name
        self.identityTypes = checker.identityTypes
        self._checker = checker

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> object:
        """See :meth:`IClientIdentityChecker.settled`."""
        return self._checker.settled(attempt, outcome)

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        self._checker.sessionEnded(session)


@implementer(IDecisionsLogged)
class EnforcingChecker(_Wrapped):
    """What the checker within says holds, and is logged."""

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._told(self._checker.checkAttempt(attempt), Stage.ATTEMPT, attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return self._told(self._checker.checkLogin(attempt, avatarId), Stage.LOGIN, attempt)

    def _told(
        self, answer: Verdict | Deferred[Verdict], stage: Stage, attempt: LoginAttempt
    ) -> Verdict | Deferred[Verdict]:
        if isinstance(answer, Deferred):
            return answer.addCallback(self._log, stage, attempt)
        return self._log(answer, stage, attempt)

    def _log(self, verdict: Verdict, stage: Stage, attempt: LoginAttempt) -> Verdict:
        decision = Decision.ACCEPT if verdict.accepted else Decision.REFUSE
        log_decision(self.name, stage, decision, attempt, verdict.reason)
        return verdict


@implementer(IDecisionsLogged)
class ObservingChecker(_Wrapped):
    """
    Accepts at once whatever the checker within would say, and logs what that
    was. A slow answer keeps nobody waiting.
    """

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._observe(lambda: self._checker.checkAttempt(attempt), Stage.ATTEMPT, attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return self._observe(lambda: self._checker.checkLogin(attempt, avatarId), Stage.LOGIN, attempt)

    def _observe(
        self, question: Callable[[], Verdict | Deferred[Verdict]], stage: Stage, attempt: LoginAttempt
    ) -> Verdict:
        def told(answer: object) -> None:
            verdict = checked(answer)
            decision = Decision.ACCEPT if verdict.accepted else Decision.WOULD_REFUSE
            log_decision(self.name, stage, decision, attempt, verdict.reason)

        def failed(trouble: Failure) -> None:
            log_trouble(trouble, f"{self.name} gave no verdict", attempt.session)
            log_decision(self.name, stage, Decision.FAILED, attempt)

        maybeDeferred(question).addCallback(told).addErrback(failed)
        return ACCEPTED


def in_mode(mode: Mode, checker: IClientIdentityChecker, name: str) -> IClientIdentityChecker:
    """
    The checker as it is to be asked.

    :param name: what the log calls it.
    """
    wrapper = EnforcingChecker if mode is Mode.ENFORCE else ObservingChecker
    return wrapper(checker, name)

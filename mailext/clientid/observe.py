"""
Mode ``observe``: a checker is asked, and nothing follows but a log line.

It is how every checker begins: an operator sees who would be refused before
anybody is.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import implementer

from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import checked, log_trouble, without_token
from mailext.values import ACCEPTED, LoginAttempt, LoginOutcome, SessionView, Verdict

__all__ = ["ObservingChecker"]

_log = Logger()


@implementer(IClientIdentityChecker)
class ObservingChecker:
    """
    Accepts at once whatever the checker within would say, and logs what that
    was, if it was not acceptance. A slow answer keeps nobody waiting.

    :param checker: the checker to observe.
    :param name: what the log calls it.
    """

    def __init__(self, checker: IClientIdentityChecker, name: str) -> None:
        self._checker = checker
        self._name = name
        self.identityTypes = checker.identityTypes

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._observe(lambda: self._checker.checkAttempt(attempt), attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return self._observe(lambda: self._checker.checkLogin(attempt, avatarId), attempt)

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> object:
        """See :meth:`IClientIdentityChecker.settled`."""
        return self._checker.settled(attempt, outcome)

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        self._checker.sessionEnded(session)

    def _observe(self, question: Callable[[], Verdict | Deferred[Verdict]], attempt: LoginAttempt) -> Verdict:
        def told(answer: object) -> None:
            verdict = checked(answer)
            if not verdict.accepted:
                _log.info(
                    "{checker} would refuse {account!r}: session={session} reason={reason!r}",
                    event="would-refuse",
                    checker=self._name,
                    account=attempt.username,
                    reason=without_token(verdict.reason, attempt.session.identity),
                    session=attempt.session.id,
                )

        maybeDeferred(question).addCallback(told).addErrback(
            log_trouble, f"{self._name} gave no verdict", attempt.session
        )
        return ACCEPTED

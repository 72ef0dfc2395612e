"""Identities that are revoked while a login with them is judged."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.clientid.checkers.history import RevocationChecker
from mailext.clientid.decisions import Decision, IDecisionsLogged, Stage, log_decision
from mailext.values import LoginAttempt, Verdict

__all__ = ["RevokedMeanwhileChecker"]


@implementer(IDecisionsLogged)
class RevokedMeanwhileChecker(RevocationChecker):
    """
    Asks once more, behind all others, what :class:`RevocationChecker` has asked
    before them: they may take seconds, and whoever revokes an identity in these
    finds no session yet that he could end. Only a refusal is logged.
    """

    name = "revoked"

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        answer = super().checkLogin(attempt, avatarId)
        return answer.addCallback(_told, attempt) if isinstance(answer, Deferred) else answer


def _told(verdict: Verdict, attempt: LoginAttempt) -> Verdict:
    if not verdict.accepted:
        log_decision(RevokedMeanwhileChecker.name, Stage.LOGIN, Decision.REFUSE, attempt, verdict.reason)
    return verdict

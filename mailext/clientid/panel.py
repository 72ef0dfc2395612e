"""
Checkers in their order: who judges an attempt, and what they say together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, maybeDeferred

from mailext.clientid.decisions import Decision, IDecisionsLogged, Stage, log_decision, name_of
from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import checked, log_trouble
from mailext.values import LoginAttempt, LoginOutcome, Verdict

__all__ = ["NoVerdictError", "Question", "first_refusal", "judges", "tell"]

#: Puts one question to a checker.
Question = Callable[[IClientIdentityChecker], Verdict | Deferred[Verdict]]


class NoVerdictError(Exception):
    """A checker raised, or did not answer in time; ``str()`` says which one."""


def judges(checker: IClientIdentityChecker, attempt: LoginAttempt) -> bool:
    """Whether a checker has to do with the identity of an attempt, or with its absence."""
    identity = attempt.session.identity
    if not checker.identityTypes:
        return True
    return identity is not None and identity.type in checker.identityTypes


async def first_refusal(
    checkers: Iterable[IClientIdentityChecker], question: Question, stage: Stage, attempt: LoginAttempt
) -> Verdict | None:
    """
    Put a question to checkers until one refuses.

    :return: the refusal; its reason begins with the checker's name. None if
        all accept.
    :raise NoVerdictError: if one gives no verdict.
    """
    for checker in checkers:
        name = name_of(checker)
        try:
            answer = question(checker)
            verdict = checked(await answer if isinstance(answer, Deferred) else answer)
        except Exception as error:
            reason = f"{name} gave no verdict"
            log_trouble(error, reason, attempt.session)
            log_decision(name, stage, Decision.FAILED, attempt)
            raise NoVerdictError(reason) from error
        if not IDecisionsLogged.providedBy(checker):
            decision = Decision.ACCEPT if verdict.accepted else Decision.REFUSE
            log_decision(name, stage, decision, attempt, verdict.reason)
        if not verdict.accepted:
            # C19, draft-storey-smtp-client-id-13 section 6.1: code and text
            # are generic, whatever the checker says.
            return Verdict.refuse(f"{name}: {verdict.reason}")
    return None


def tell(checkers: Iterable[IClientIdentityChecker], attempt: LoginAttempt, outcome: LoginOutcome) -> None:
    """Tell checkers what became of an attempt that they have judged."""
    for checker in checkers:
        settled = maybeDeferred(checker.settled, attempt, outcome)
        settled.addErrback(log_trouble, f"{name_of(checker)} could not record", attempt.session)

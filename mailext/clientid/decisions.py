"""
What checkers decide, told to log and metrics.

Each decision is one structured event, ``event="identity"``. Its keys:
``checker`` (its plugin's name), ``stage`` (``attempt``: before the password is
looked at, ``login``: after it was found right), ``decision``, ``account`` (not
proved at the first stage), ``listener``, ``peer``, ``session``, ``clientid``
(the keyed hash of the identity, C24) and ``reason``. An acceptance is an event
of level debug: metrics count it, and a server writes it only if asked to.
"""

from __future__ import annotations

from enum import StrEnum

from twisted.logger import Logger, LogLevel
from zope.interface import Attribute

from mailext.interfaces import IClientIdentityChecker
from mailext.judgement import without_token
from mailext.values import LoginAttempt

__all__ = ["Decision", "IDecisionsLogged", "Stage", "log_decision", "name_of"]

_log = Logger()


class Stage(StrEnum):
    """When a checker is asked."""

    ATTEMPT = "attempt"
    LOGIN = "login"


class Decision(StrEnum):
    """What it says."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    #: It only observes, or it is below the threshold from which it refuses.
    WOULD_REFUSE = "would-refuse"
    #: It accepts, and wants somebody to look.
    ALERT = "alert"
    #: It gave no verdict.
    FAILED = "failed"


_LEVELS = {Decision.ACCEPT: LogLevel.debug, Decision.ALERT: LogLevel.warn, Decision.FAILED: LogLevel.warn}


class IDecisionsLogged(IClientIdentityChecker):
    """A checker that logs its decisions itself, or has no other than those of checkers within."""

    name = Attribute("str: what the log calls it.")


def name_of(checker: IClientIdentityChecker) -> str:
    """What the log calls a checker."""
    if IDecisionsLogged.providedBy(checker):
        return str(checker.name)
    return type(checker).__name__


def log_decision(
    checker: str, stage: Stage, decision: Decision, attempt: LoginAttempt, reason: str = ""
) -> None:
    """
    Write the event of one decision.

    :param checker: its name.
    :param reason: why, for the operator.
    """
    session = attempt.session
    _log.emit(
        _LEVELS.get(decision, LogLevel.info),
        "{checker}: {decision} {account!r} at {stage} from {peer} on {listener}:"
        " session={session} clientid={clientid} reason={reason!r}",
        event="identity",
        checker=checker,
        stage=stage.value,
        decision=decision.value,
        account=attempt.account,
        listener=session.listener,
        peer=session.peer,
        session=session.id,
        clientid=session.clientid,
        reason=without_token(reason, session.identity),
    )

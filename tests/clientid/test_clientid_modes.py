"""The modes: observe is asked, logged, and without effect; enforce has one."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogLevel, capturedLogs, eventAsText
from zope.interface.verify import verifyObject

from mailext.clientid.modes import EnforcingChecker, ObservingChecker
from mailext.interfaces import IClientIdentityChecker
from mailext.testing import CheckerContract, ScriptedChecker, session_view
from mailext.values import LoginOutcome, Verdict
from tests.clientid.logins import PHONE, Site, outcomes
from tests.support import failure_result_of, success_result_of

REFUSED = Verdict.refuse(f"not {PHONE.token} again")


def decisions(events, decision):
    return [each for each in events if each.get("event") == "identity" and each["decision"] == decision]


class TestContract(CheckerContract):
    def make_checker(self, services):
        return ObservingChecker(ScriptedChecker(REFUSED, ZeroDivisionError(), frozenset({"UUID"})), "strict")


@pytest.mark.parametrize(
    "answer", [REFUSED, succeed(REFUSED), KeyError("x"), fail(KeyError("x")), Deferred()]
)
@pytest.mark.parametrize("question", ["attempt", "login"])
def test_nothing_is_effective(question, answer) -> None:
    checker = ScriptedChecker(**{question: answer})
    success_result_of(Site(ObservingChecker(checker, "strict")).login())
    assert outcomes(checker.calls) == [LoginOutcome.SUCCESS]


def test_a_refusal_is_logged_without_the_token() -> None:
    with capturedLogs() as events:
        success_result_of(Site(ObservingChecker(ScriptedChecker(REFUSED), "strict")).login())
    (event,) = decisions(events, "would-refuse")
    assert eventAsText(event, includeTimestamp=False, includeSystem=False) == (
        "strict: would-refuse 'ann' at attempt from 192.0.2.1 on submission:"
        " session=session-1 clientid= reason='not [token] again'"
    )


def test_a_late_refusal_is_logged_when_it_comes() -> None:
    answer: Deferred[Verdict] = Deferred()
    success_result_of(Site(ObservingChecker(ScriptedChecker(login=answer), "strict")).login())
    with capturedLogs() as events:
        answer.callback(REFUSED)
    assert decisions(events, "would-refuse") == events
    assert len(events) == 1


@pytest.mark.parametrize("answer", [KeyError(PHONE.token), fail(KeyError(PHONE.token)), "yes"])
def test_an_error_is_logged_without_the_token(answer) -> None:
    with capturedLogs() as events:
        success_result_of(Site(ObservingChecker(ScriptedChecker(answer), "strict")).login())
    text = "\n".join(map(eventAsText, events))
    assert "strict gave no verdict" in text
    assert len(decisions(events, "failed")) == 1
    assert PHONE.token not in text


@pytest.mark.parametrize("given", [lambda: REFUSED, lambda: succeed(REFUSED)])
@pytest.mark.parametrize("question", ["attempt", "login"])
def test_what_is_enforced_holds_and_is_logged(question, given) -> None:
    checker = ScriptedChecker(**{question: given()})
    with capturedLogs() as events:
        failure_result_of(Site(EnforcingChecker(checker, "strict")).login())
    assert outcomes(checker.calls) == [LoginOutcome.REFUSED]
    (event,) = decisions(events, "refuse")
    assert (event["checker"], event["stage"], event["account"]) == ("strict", question, "ann")
    assert event["reason"] == "not [token] again"


@pytest.mark.parametrize("mode", [EnforcingChecker, ObservingChecker])
def test_acceptance_is_an_event_for_metrics_alone(mode) -> None:
    with capturedLogs() as events:
        success_result_of(Site(mode(ScriptedChecker(), "strict")).login())
    accepted = decisions(events, "accept")
    assert [event["stage"] for event in accepted] == ["attempt", "login"]
    assert {event["log_level"] for event in accepted} == {LogLevel.debug}


def test_a_checker_without_a_mode_is_logged_by_its_class() -> None:
    with capturedLogs() as events:
        failure_result_of(Site(ScriptedChecker(), ScriptedChecker(login=REFUSED)).login())
    told = [
        (event["checker"], event["stage"], event["decision"])
        for event in events
        if event.get("event") == "identity"
    ]
    assert told == [
        ("ScriptedChecker", "attempt", "accept"),
        ("ScriptedChecker", "attempt", "accept"),
        ("ScriptedChecker", "login", "accept"),
        ("ScriptedChecker", "login", "refuse"),
    ]


@pytest.mark.parametrize("mode", [EnforcingChecker, ObservingChecker])
def test_what_it_passes_on(mode) -> None:
    inner = ScriptedChecker(types=frozenset({"MAC"}))
    checker = mode(inner, "strict")
    assert verifyObject(IClientIdentityChecker, checker)
    assert checker.identityTypes == {"MAC"}
    checker.sessionEnded(session_view())
    assert inner.calls == [("sessionEnded", session_view())]

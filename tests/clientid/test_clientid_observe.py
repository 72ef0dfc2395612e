"""Mode observe: asked, logged, and without effect."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, eventAsText
from zope.interface.verify import verifyObject

from mailext.clientid.observe import ObservingChecker
from mailext.interfaces import IClientIdentityChecker
from mailext.testing import CheckerContract, ScriptedChecker, session_view
from mailext.values import LoginOutcome, Verdict
from tests.clientid.logins import PHONE, Site, outcomes
from tests.support import success_result_of

REFUSED = Verdict.refuse(f"not {PHONE.token} again")


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
    (event,) = (event for event in events if event.get("event") == "would-refuse")
    assert eventAsText(event, includeTimestamp=False, includeSystem=False) == (
        "strict would refuse 'ann': session=session-1 reason='not [token] again'"
    )


def test_a_late_refusal_is_logged_when_it_comes() -> None:
    answer: Deferred[Verdict] = Deferred()
    success_result_of(Site(ObservingChecker(ScriptedChecker(login=answer), "strict")).login())
    with capturedLogs() as events:
        answer.callback(REFUSED)
    assert [event["event"] for event in events] == ["would-refuse"]


@pytest.mark.parametrize("answer", [KeyError(PHONE.token), fail(KeyError(PHONE.token)), "yes"])
def test_an_error_is_logged_without_the_token(answer) -> None:
    with capturedLogs() as events:
        success_result_of(Site(ObservingChecker(ScriptedChecker(answer), "strict")).login())
    text = "\n".join(map(eventAsText, events))
    assert "strict gave no verdict" in text
    assert PHONE.token not in text


def test_what_it_passes_on() -> None:
    inner = ScriptedChecker(types=frozenset({"MAC"}))
    checker = ObservingChecker(inner, "strict")
    assert verifyObject(IClientIdentityChecker, checker)
    assert checker.identityTypes == {"MAC"}
    checker.sessionEnded(session_view())
    assert inner.calls == [("sessionEnded", session_view())]

"""Asking others' code, and folding what it says."""

from __future__ import annotations

from functools import partial

import pytest
from twisted.internet import defer
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText

from mailext.judgement import TEMPORARY_FAILURE, ask, judge, without_token
from mailext.testing import ScriptedPolicy, session_view
from mailext.values import ACCEPTED, ClientIdentity, HeaderField, MailOptions, TlsDemand, Verdict
from tests.support import assert_no_result, failure_result_of, success_result_of

REFUSED = Verdict.refuse("no")
DEFERRED = Verdict.defer("later")


def answers(*given):
    return [lambda answer=answer: answer for answer in given]


class TestAsk:
    def test_what_is_said_at_once_is_had_at_once(self) -> None:
        clock = Clock()
        assert ask(lambda: "yes", clock, 10.0) == "yes"
        assert clock.getDelayedCalls() == []

    def test_what_is_raised_at_once_is_raised_at_once(self) -> None:
        with pytest.raises(KeyError):
            ask(lambda: {}["x"], Clock(), 10.0)

    def test_what_comes_in_time(self) -> None:
        clock, answer = Clock(), Deferred()
        result = ask(lambda: answer, clock, 10.0)
        clock.advance(9.0)
        assert_no_result(result)
        answer.callback("yes")
        assert success_result_of(result) == "yes"
        assert clock.getDelayedCalls() == []

    def test_what_fails_in_time(self) -> None:
        result = ask(lambda: fail(KeyError("x")), clock := Clock(), 10.0)
        assert failure_result_of(result).type is KeyError
        assert clock.getDelayedCalls() == []

    def test_who_asks_may_lose_interest(self) -> None:
        cancelled = []
        result = ask(lambda: Deferred(cancelled.append), clock := Clock(), 10.0)
        result.cancel()
        assert failure_result_of(result).type is defer.CancelledError
        assert len(cancelled) == 1
        assert clock.getDelayedCalls() == []

    @pytest.mark.parametrize(
        "stubborn",
        [
            Deferred,
            lambda: Deferred(lambda d: d.callback("yes after all")),
            lambda: Deferred().addErrback(lambda _: "yes after all"),
            lambda: Deferred().addErrback(lambda _: Deferred()),
            lambda: Deferred(lambda _: {}["broken canceller"]),
        ],
    )
    def test_what_comes_too_late_does_not_count(self, stubborn) -> None:
        answer = stubborn()
        result = ask(lambda: answer, clock := Clock(), 10.0)
        clock.advance(10.0)
        assert failure_result_of(result).type is defer.TimeoutError
        if not answer.called:
            answer.callback("yes after all")
        assert clock.getDelayedCalls() == []

    def test_one_who_tries_again_when_cancelled(self) -> None:
        @inlineCallbacks
        def tries():
            for _ in range(3):
                try:
                    return (yield Deferred())
                except defer.CancelledError:
                    pass

        result = ask(tries, clock := Clock(), 10.0)
        clock.advance(10.0)
        assert failure_result_of(result).type is defer.TimeoutError


class TestJudge:
    def test_nobody_asked_nothing_against_it(self) -> None:
        assert judge([], Clock(), 10.0) == ACCEPTED

    def test_answers_at_once_are_folded_at_once(self) -> None:
        clock = Clock()
        assert judge(answers(ACCEPTED, ACCEPTED), clock, 10.0) == ACCEPTED
        assert clock.getDelayedCalls() == []

    @pytest.mark.parametrize("later", [lambda verdict: verdict, succeed])
    def test_the_first_refusal_wins_and_nobody_is_asked_after_it(self, later) -> None:
        asked = []

        def question(verdict):
            asked.append(verdict)
            return later(verdict)

        result = judge([partial(question, each) for each in (ACCEPTED, REFUSED, DEFERRED)], Clock(), 10.0)
        assert (success_result_of(result) if isinstance(result, Deferred) else result) == REFUSED
        assert asked == [ACCEPTED, REFUSED]

    def test_acceptances_merge(self) -> None:
        waited: Deferred[Verdict] = Deferred()
        score = HeaderField("X-Score", "1")
        seen = HeaderField("X-Seen", "yes")
        result = judge(
            answers(
                Verdict(add_headers=(score,), tls_demand=TlsDemand.OPTIONAL, reason="one"),
                waited,
                Verdict(remove_headers=("X-B",), tls_demand=TlsDemand.NONE),
            ),
            Clock(),
            10.0,
        )
        assert_no_result(result)
        waited.callback(
            Verdict(add_headers=(seen,), remove_headers=("X-A",), tls_demand=TlsDemand.REQUIRE, text="Fine")
        )
        assert success_result_of(result) == Verdict(
            add_headers=(score, seen), remove_headers=("X-A", "X-B"), tls_demand=TlsDemand.REQUIRE
        )

    @pytest.mark.parametrize(
        "broken", [None, True, "250 OK", Verdict(code=0), Verdict(code=354), Verdict(code=600)]
    )
    @pytest.mark.parametrize("later", [lambda answer: answer, succeed])
    def test_what_is_no_verdict_never_accepts(self, broken, later) -> None:
        result = judge([lambda: later(broken), *answers(ACCEPTED)], Clock(), 10.0)
        assert (success_result_of(result) if isinstance(result, Deferred) else result) == TEMPORARY_FAILURE

    def test_one_that_raises_is_named_in_the_log(self) -> None:
        policy = ScriptedPolicy(sender=ZeroDivisionError("broken"))
        with capturedLogs() as events:
            verdict = judge([partial(policy.judgeSender, None, MailOptions(), session_view())], Clock(), 10.0)
        assert (verdict.code, verdict.enhanced) == (451, "4.3.0")
        (event,) = events
        assert "ScriptedPolicy.judgeSender gave no verdict" in eventAsText(event)
        assert "ZeroDivisionError: broken" in eventAsText(event)

    def test_one_that_fails_or_keeps_silent(self) -> None:
        clock = Clock()
        assert success_result_of(judge(answers(fail(KeyError("x"))), clock, 10.0)) == TEMPORARY_FAILURE
        silent = judge(answers(ACCEPTED, Deferred(), ACCEPTED), clock, 10.0)
        clock.advance(9.9)
        assert_no_result(silent)
        clock.advance(0.1)
        assert success_result_of(silent) == TEMPORARY_FAILURE

    def test_each_has_the_whole_time(self) -> None:
        clock = Clock()
        first, second = Deferred(), Deferred()
        result = judge(answers(first, second), clock, 10.0)
        clock.advance(9.0)
        first.callback(ACCEPTED)
        clock.advance(9.0)
        second.callback(REFUSED)
        assert success_result_of(result) == REFUSED


class TestWhatTheLogLearns:
    SESSION = session_view(ClientIdentity("UUID", "it's\\me"))

    def test_the_reason_of_a_refusal(self) -> None:
        policy = ScriptedPolicy(sender=Verdict.refuse("a bad sender"))
        with capturedLogs() as events:
            judge(
                [partial(policy.judgeSender, None, MailOptions(), self.SESSION)], Clock(), 10.0, self.SESSION
            )
        (event,) = events
        assert eventAsText(event, includeTimestamp=False, includeSystem=False) == (
            "ScriptedPolicy.judgeSender refuses: 550 'a bad sender' session=session-1"
        )

    @pytest.mark.requirement("C24")
    def test_never_the_token(self) -> None:
        token = self.SESSION.identity.token
        with capturedLogs() as events:
            for answer in (Verdict.refuse(f"not {token}"), KeyError(token)):
                policy = ScriptedPolicy(message=answer)
                judge(
                    [lambda policy=policy: policy.judgeMessage(None, None, None)], Clock(), 10.0, self.SESSION
                )
        text = "".join(eventAsText(event) + repr(event) for event in events)
        assert len(events) == 2
        assert token not in text
        assert repr(token)[1:-1] not in text

    def test_texts_lose_the_token_they_hold(self) -> None:
        identity = self.SESSION.identity
        assert without_token("KeyError: " + repr(identity.token), identity) == 'KeyError: "[token]"'
        assert without_token(f"no {identity.token} here", identity) == "no [token] here"
        assert without_token("nothing", None) == "nothing"

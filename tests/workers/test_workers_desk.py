"""What the main process does for a worker, and undoes when the worker has died."""

from __future__ import annotations

import pickle
from collections import defaultdict
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from mailext.clientid.result import Login
from mailext.counts import ConnectionCounts
from mailext.interfaces import IDeliveryPolicy
from mailext.judgement import LoggedVerdict, judge
from mailext.values import ACCEPTED, LoginAttempt, MailOptions, Protocol, SessionView, Verdict
from mailext.workers.desk import Desk, Judges
from mailext.workers.messages import (
    Admission,
    ConnectionBegun,
    ConnectionEnded,
    JudgeSender,
    LogIn,
    SessionEnded,
)
from tests.support import logged, success_result_of


class Judge:
    """Lets everybody in, and hears of the end of sessions."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def login(self, *_args: object) -> Deferred[Login]:
        return succeed(Login(IDeliveryPolicy, None, lambda: None, "ann@example.org", None))

    def session_ended(self, session: SessionView) -> None:
        self.ended.append(session.id)


@implementer(IDeliveryPolicy)
class Few:
    """Says what it is told to."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def judgeSender(self, *_args: object) -> Verdict:
        return self.verdict

    judgeRecipient = judgeMessage = judgeSender


class Site:
    """A main process with one listener."""

    def __init__(self, *policies: Few) -> None:
        self.judge = Judge()
        self.policies = policies
        self.counts = defaultdict(ConnectionCounts)
        self.queue: Any = None

    def judges(self, _listener: str) -> Judges:
        return Judges(None, self.judge, self.policies, 10.0)  # type: ignore[arg-type]


def view(name: str) -> SessionView:
    return SessionView(name, Protocol.ESMTP, "submission", "192.0.2.1", None, None, None, "", extended=True)


def log_in(desk: Desk, name: str) -> Admission:
    attempt = LoginAttempt("ann", "PLAIN", view(name))
    return success_result_of(desk.handlers[LogIn](LogIn(None, attempt, None)))  # type: ignore[arg-type]


def test_the_sessions_of_a_worker_that_has_died_are_over() -> None:
    site = Site()
    desk = Desk(site, Clock(), lambda _: None)  # type: ignore[arg-type]
    for name in ("1", "2", "3"):
        assert log_in(desk, name).avatar_id == "ann@example.org"
    desk.handlers[SessionEnded](SessionEnded(view("2")))
    assert site.judge.ended == ["2"]
    desk.close()
    assert sorted(site.judge.ended) == ["1", "2", "3"]


def test_who_has_judged_a_session_hears_of_its_end() -> None:
    site = Site()
    before = site.judge
    desk = Desk(site, Clock(), lambda _: None)  # type: ignore[arg-type]
    log_in(desk, "1")
    # The configuration was read again.
    site.judge = Judge()
    log_in(desk, "2")
    for name in ("1", "2", "never logged in"):
        desk.handlers[SessionEnded](SessionEnded(view(name)))
    assert before.ended == ["1"]
    assert site.judge.ended == ["2", "never logged in"]


def test_connections_of_a_worker_that_has_died_are_over() -> None:
    site, told = Site(), []
    desk = Desk(site, Clock(), told.append)  # type: ignore[arg-type]
    for _ in range(3):
        desk.handlers[ConnectionBegun](ConnectionBegun("mx", "192.0.2.1"))
    desk.handlers[ConnectionEnded](ConnectionEnded("mx", "192.0.2.1"))
    assert site.counts["mx"].open == 2
    desk.close()
    assert site.counts["mx"].open == 0
    assert told.count(ConnectionEnded("mx", "192.0.2.1")) == 3


class OwnVerdict(Verdict):
    """Nobody can pickle this one."""

    def __reduce__(self) -> str:
        raise TypeError("only here")


@pytest.mark.parametrize("refusal", [Verdict.refuse("of mine"), OwnVerdict(550, "5.7.1", "No", "of mine")])
def test_a_refusal_is_told_to_the_log_once_and_by_its_name(refusal: Verdict) -> None:
    site = Site(Few(ACCEPTED), Few(refusal))
    desk = Desk(site, Clock(), lambda _: None)  # type: ignore[arg-type]
    with logged() as events:
        verdict = desk.handlers[JudgeSender](JudgeSender(None, MailOptions(), view("1")))
        assert isinstance(verdict, LoggedVerdict)
        assert (verdict.code, verdict.text) == (refusal.code, refusal.text)
        there = pickle.loads(pickle.dumps(verdict))
        # The worker asks for it as for any policy's.
        assert judge([lambda: there], Clock(), 10.0, view("1")) == verdict
    assert [event["question"] for event in events] == ["Few.judgeSender"]


def test_an_acceptance_keeps_what_policies_add() -> None:
    desk = Desk(Site(Few(Verdict(remove_headers=("X-Secret",)))), Clock(), lambda _: None)  # type: ignore[arg-type]
    verdict = desk.handlers[JudgeSender](JudgeSender(None, MailOptions(), view("1")))
    assert verdict.remove_headers == ("X-Secret",)

"""One login asks once, and nobody is told what is not so any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.task import Clock

from mailext.clientid.checkers.history import HistoryChecker, NewIdentity, RevocationChecker
from mailext.clientid.hearing import Hearing
from mailext.clientid.result import LoginRefusedError, RejectAt
from mailext.clientid.services import PluginServices
from mailext.judgement import ask
from mailext.storage.at_hand import AnswersAtHand
from mailext.storage.store import Store
from mailext.testing import login_attempt
from mailext.testing.fakes import FakeServices
from mailext.values import Circumstances, ClientIdentity
from tests.support import ThreadCalls, assert_no_result, failure_result_of, success_result_of

ANN = "ann@example.org"
PHONE = ClientIdentity("UUID", "phone")
T = TypeVar("T")


class Disk:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Deferred[int]] = []

    def read(self) -> Deferred[int]:
        self.asked.append(Deferred())
        return self.asked[-1]


def test_who_asks_in_reaction_to_an_answer_has_it_too() -> None:
    disk, answers = Disk(), AnswersAtHand[str, int]()
    again: list[Deferred[int]] = []
    first = answers.ask("phone", disk.read)
    first.addCallback(lambda _: again.append(answers.ask("phone", disk.read)))
    first.addCallback(lambda _: again.append(answers.ask("laptop", disk.read)))
    assert_no_result(first)
    disk.asked[0].callback(1)
    assert success_result_of(again[0]) == 1
    assert_no_result(again[1])
    assert len(disk.asked) == 2


def test_who_asks_later_is_told_anew() -> None:
    disk, answers = Disk(), AnswersAtHand[str, int]()
    for number in range(2):
        asked = answers.ask("phone", disk.read)
        disk.asked[number].callback(number)
        assert success_result_of(asked) == number


def test_two_that_ask_at_once_are_each_told_what_came_for_them() -> None:
    """What the second asks may be newer than what the first one finds."""
    disk, answers = Disk(), AnswersAtHand[str, int]()
    one, other = (answers.ask("phone", disk.read) for _ in range(2))
    disk.asked[0].callback(1)
    disk.asked[1].callback(2)
    assert (success_result_of(one), success_result_of(other)) == (1, 2)


def test_a_failure_is_nobody_elses() -> None:
    disk, answers = Disk(), AnswersAtHand[str, int]()
    failed = answers.ask("phone", disk.read)
    disk.asked[0].errback(OSError("the disk is gone"))
    assert failure_result_of(failed).check(OSError)
    answers.ask("phone", disk.read)
    assert len(disk.asked) == 2


def test_an_answer_that_nobody_waits_for_any_more_does_no_harm() -> None:
    disk, clock, answers = Disk(), Clock(), AnswersAtHand[str, int]()
    waited = ask(lambda: answers.ask("phone", disk.read), clock, 10.0)
    assert isinstance(waited, Deferred)
    clock.advance(10.0)
    assert failure_result_of(waited).check(DeferredTimeoutError)
    disk.asked[0].callback(1)
    answers.ask("phone", disk.read)
    assert len(disk.asked) == 2


@pytest.fixture
def reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the registry reads."""
    asked: list[object] = []
    transactions = store.identities._transactions
    read = transactions.read

    def noted(operation: Callable[[Connection], T]) -> Deferred[T]:
        asked.append(operation)
        return read(operation)

    monkeypatch.setattr(transactions, "read", noted)
    return asked


@pytest.mark.requirement("C16", "U3")
def test_all_checkers_of_a_login_are_told_by_one_read(
    store: Store, reactor: ThreadCalls, reads: list[object]
) -> None:
    fakes = FakeServices()
    services = PluginServices(Clock(), store.identities, fakes.licences, fakes.counters)
    checkers = [RevocationChecker(services), HistoryChecker(services, NewIdentity.REFUSE)]

    def hear() -> None:
        attempt = login_attempt(PHONE, ANN)
        hearing = Hearing(checkers, attempt, Clock(), 10.0, RejectAt.AUTH)
        reactor.wait_for(Deferred.fromCoroutine(hearing.after_password(ANN)))

    with pytest.raises(LoginRefusedError, match="was not used with this identity"):
        hear()
    reactor.wait_for(store.identities.record(ANN, PHONE, 1.0, Circumstances()))
    assert len(reads) == 1
    hear()
    assert len(reads) == 2
    identity_id = store.identities.fingerprint(PHONE)
    reactor.wait_for(store.identity_admin.revoke(ANN, identity_id, None))
    with pytest.raises(LoginRefusedError, match="revoked"):
        hear()

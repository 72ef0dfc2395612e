"""U3: devices that an account knows, and new ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mailext.clientid.checkers.history import HistoryChecker, NewIdentity
from mailext.clientid.checkers.types import TypesChecker
from mailext.plugins import make_checker
from mailext.testing import CheckerContract, FakeServices, login_attempt, verdict_of
from mailext.values import ACCEPTED, IdentityStatus, LoginAttempt, LoginOutcome, Verdict
from tests.clientid.checkers.scenario import START, Scenario, device
from tests.support import assert_no_result, success_result_of


@pytest.mark.parametrize("string", ["history", "history:mode=enforce", "history:mode=enforce:new=enrol"])
def test_it_keeps_the_contract(string: str) -> None:
    class Contract(CheckerContract):
        def make_checker(self, services):
            return make_checker(string, services)

    for name in dir(Contract):
        if name.startswith("test_"):
            getattr(Contract(), name)()


@pytest.mark.requirement("U3")
def test_an_identity_not_seen_before_is_refused() -> None:
    """A thief has ann's password, and no device of hers."""
    scenario = Scenario("history:mode=enforce")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.play("""
        0s  ann  192.0.2.1     phone   right  in
        1s  ann  198.51.100.7  laptop  right  refused
        2s  ann  198.51.100.7  laptop  right  refused
        3s  ann  198.51.100.7  laptop  wrong  wrong password
        4s  ann  192.0.2.1     -       right  in
    """)
    assert (
        scenario.decisions("refuse")
        == [("history", "ann", "this account was not used with this identity before")] * 2
    )


def test_observing_names_whom_it_would_refuse_and_learns() -> None:
    scenario = Scenario("history")
    scenario.play("""
        0s  ann  192.0.2.1  phone   right  in
        1s  ann  192.0.2.1  phone   right  in
        2s  ann  192.0.2.1  tablet  wrong  wrong password
        3s  ann  192.0.2.1  tablet  right  in
    """)
    reason = "this account was not used with this identity before"
    assert scenario.decisions("would-refuse") == [("history", "ann", reason)] * 2


@pytest.mark.requirement("U3")
def test_the_first_device_is_enrolled_by_its_first_use() -> None:
    scenario = Scenario("history:mode=enforce:new=enrol:absent=refuse")
    scenario.play("""
        0s  ann  192.0.2.1     -       right  refused
        1s  ann  192.0.2.1     phone   wrong  wrong password
        2s  ann  192.0.2.1     tablet  right  in
        3s  ann  192.0.2.1     phone   right  refused
        4s  ann  198.51.100.7  tablet  right  in
        5s  ben  192.0.2.1     phone   right  in
    """)
    assert scenario.status("ann", "tablet") is IdentityStatus.ENROLLED


@pytest.mark.requirement("U3")
def test_the_first_devices_are_enrolled_and_others_need_approval() -> None:
    scenario = Scenario("history:mode=enforce:new=enrol:devices=2")
    scenario.play("""
        0s  ann  192.0.2.1  phone   right  in
        1s  ann  192.0.2.1  phone   right  in
        2s  ann  192.0.2.1  tablet  right  in
        3s  ann  192.0.2.1  laptop  right  refused
    """)
    scenario.has("ann", "laptop", IdentityStatus.APPROVED)
    scenario.play("4s  ann  192.0.2.1  laptop  right  in")


@pytest.mark.requirement("U3")
def test_a_new_device_waits_for_approval_once_the_password_was_right() -> None:
    scenario = Scenario("history:mode=enforce:new=hold")
    scenario.has("ann", "phone", IdentityStatus.OBSERVED)
    scenario.play("""
        0s  ann  192.0.2.1  tablet  wrong  wrong password
        1s  ann  192.0.2.1  laptop  right  refused
        2s  ann  192.0.2.1  phone   right  in
        3s  ann  192.0.2.1  laptop  right  refused
    """)
    assert scenario.status("ann", "tablet") is None
    assert scenario.status("ann", "laptop") is IdentityStatus.PENDING
    assert scenario.status("ann", "phone") is IdentityStatus.OBSERVED
    scenario.has("ann", "laptop", IdentityStatus.APPROVED)
    scenario.play("4s  ann  192.0.2.1  laptop  right  in")


@pytest.mark.requirement("C16")
@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_a_revoked_device_is_refused_in_either_mode(mode: str) -> None:
    """The phone is lost for good; the tablet is lent for an hour."""
    scenario = Scenario(f"history:mode={mode}")
    scenario.has("ann", "phone", IdentityStatus.REVOKED)
    scenario.has("ann", "tablet", IdentityStatus.APPROVED, revoked_until=START + 3600)
    scenario.play("""
        0s   ann  192.0.2.1  phone   right  refused
        0s   ann  192.0.2.1  tablet  right  refused
        59m  ann  192.0.2.1  tablet  right  refused
        60m  ann  192.0.2.1  tablet  right  in
        61m  ann  192.0.2.1  phone   right  refused
    """)


@pytest.mark.requirement("C16")
@pytest.mark.requirement("C16")
def test_a_device_that_is_revoked_while_another_checker_thinks_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = Scenario("types:mode=enforce:refuse=X-OTHER")
    scenario.has("ann", "phone", IdentityStatus.APPROVED)

    def think(*_: object) -> Verdict:
        scenario.has("ann", "phone", IdentityStatus.REVOKED)
        return ACCEPTED

    with monkeypatch.context() as slow:
        slow.setattr(TypesChecker, "checkLogin", think)
        assert scenario.login("ann", what="phone") == "refused"
    assert scenario.decisions("refuse") == [("revoked", "ann", "this identity is revoked")]


def test_a_device_that_was_revoked_for_a_time_does_not_wait_for_approval_then() -> None:
    scenario = Scenario("history:mode=enforce:new=hold")
    scenario.has("ann", "tablet", IdentityStatus.OBSERVED, revoked_until=START + 3600)
    scenario.play("""
        0s   ann  192.0.2.1  tablet  right  refused
        60m  ann  192.0.2.1  tablet  right  in
    """)


@pytest.mark.requirement("C16")
@pytest.mark.parametrize("new", NewIdentity)
def test_it_knows_of_revocations_itself(new: NewIdentity) -> None:
    """For programs that ask no other checker."""
    scenario = Scenario()
    scenario.has("ann", "phone", IdentityStatus.REVOKED)
    checker = HistoryChecker(scenario.services, new)
    verdict = verdict_of(checker.checkLogin(login_attempt(device("phone"), "ann"), "ann"), scenario.clock)
    assert verdict.reason == "this identity is revoked"


@pytest.mark.requirement("U3", "C18")
def test_who_refuses_first_does_not_keep_a_new_device_from_waiting() -> None:
    scenario = Scenario("history:mode=enforce:absent=refuse", "history:mode=enforce:new=hold")
    scenario.play("0s  ann  192.0.2.1  laptop  right  refused")
    assert scenario.status("ann", "laptop") is IdentityStatus.PENDING


@pytest.mark.requirement("U3")
def test_a_login_waits_for_the_enrolment_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is slow: ann's phone is let in, and not written down yet when the thief comes."""
    services = FakeServices()
    checker = HistoryChecker(services, NewIdentity.ENROL)
    enrol, disk = services.identities.enrol, Deferred[None]()

    def slowly(*arguments: Any) -> Deferred[None]:
        return disk.addCallback(lambda _: enrol(*arguments))

    def attempt(name: str) -> LoginAttempt:
        made = login_attempt(device(name), "ann")
        return replace(made, session=replace(made.session, avatar_id="ann"))

    monkeypatch.setattr(services.identities, "enrol", slowly)
    assert verdict_of(checker.checkLogin(attempt("phone"), "ann"), services.clock).accepted
    # Both were let in before either of them was enrolled.
    checker.settled(attempt("phone"), LoginOutcome.SUCCESS)
    checker.settled(attempt("tablet"), LoginOutcome.SUCCESS)
    thief = checker.checkLogin(attempt("thief"), "ann")
    assert isinstance(thief, Deferred)
    assert_no_result(thief)
    assert verdict_of(checker.checkLogin(attempt("ben"), "ben"), services.clock).accepted
    disk.callback(None)
    assert not success_result_of(thief).accepted
    assert not verdict_of(checker.checkLogin(attempt("tablet"), "ann"), services.clock).accepted
    assert verdict_of(checker.checkLogin(attempt("phone"), "ann"), services.clock).accepted
    assert success_result_of(services.identities.trustedCount("ann")) == 1

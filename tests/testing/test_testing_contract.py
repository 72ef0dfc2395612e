"""The contract of checkers finds what breaks it."""

from __future__ import annotations

import unittest

import pytest
from twisted.internet import defer
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from mailext.bases import ClientIdentityChecker
from mailext.testing import CheckerContract
from mailext.values import ACCEPTED, Verdict

TESTS = sorted(name for name in dir(CheckerContract) if name.startswith("test_"))


def broken_rules(make: type[ClientIdentityChecker]) -> set[str]:
    """The names of the contract's tests that a checker does not pass."""

    class Contract(CheckerContract):
        def make_checker(self, services):
            checker = make()
            checker.services = services
            return checker

    broken = set()
    for name in TESTS:
        try:
            getattr(Contract(), name)()
        except Exception:  # noqa: BLE001 - whatever a broken checker raises
            broken.add(name)
    return broken


def test_the_base_class_passes() -> None:
    assert broken_rules(ClientIdentityChecker) == set()


def test_unittest_runs_it_too() -> None:
    class Contract(CheckerContract, unittest.TestCase):
        def make_checker(self, services):
            return ClientIdentityChecker()

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Contract).run(result)
    assert (result.testsRun, result.wasSuccessful()) == (len(TESTS), True)


def test_the_maker_is_to_be_given() -> None:
    with pytest.raises(NotImplementedError):
        CheckerContract().test_provides_the_interface()


class NotACheckerAtAll:
    identityTypes = frozenset()


class ListsItsTypes(ClientIdentityChecker):
    identityTypes = ["UUID"]  # noqa: RUF012


class LowerCase(ClientIdentityChecker):
    identityTypes = frozenset({"uuid"})


class SaysYes(ClientIdentityChecker):
    def checkAttempt(self, attempt):
        return True


class NeverAnswers(ClientIdentityChecker):
    def checkLogin(self, attempt, avatarId):
        return Deferred()


class CannotDoWithout(ClientIdentityChecker):
    def checkAttempt(self, attempt):
        return Verdict.refuse(attempt.session.identity.type)


class CountsAttempts(ClientIdentityChecker):
    attempts = 0

    def checkAttempt(self, attempt):
        self.attempts += 1
        return ACCEPTED if self.attempts == 1 else Verdict.refuse("again")


class RecordsTooSoon(ClientIdentityChecker):
    def checkLogin(self, attempt, avatarId):
        if attempt.session.identity is not None:
            self.services.identities.record(avatarId, attempt.session.identity, 0.0)
        return ACCEPTED


class CannotSettle(ClientIdentityChecker):
    def settled(self, attempt, outcome):
        return fail(defer.CancelledError())


class CountsSessions(ClientIdentityChecker):
    sessions = 0

    def checkAttempt(self, attempt):
        self.sessions = 1
        return ACCEPTED

    def sessionEnded(self, session):
        {}[self.sessions]


class TellsTheToken(ClientIdentityChecker):
    def checkAttempt(self, attempt):
        return Verdict.refuse(f"not {attempt.session.identity and attempt.session.identity.token}")


class LogsTheToken(ClientIdentityChecker):
    log = Logger()

    def settled(self, attempt, outcome):
        if attempt.session.identity is not None:
            self.log.info("seen", token=attempt.session.identity.token)


class ShowsTheToken(ClientIdentityChecker):
    last = None

    def checkAttempt(self, attempt):
        self.last = attempt.session.identity and attempt.session.identity.token
        return ACCEPTED

    def __repr__(self):
        return f"<{self.last}>"


@pytest.mark.parametrize(
    ("checker", "rule"),
    [
        (NotACheckerAtAll, "test_provides_the_interface"),
        (ListsItsTypes, "test_names_its_types"),
        (LowerCase, "test_names_its_types"),
        (SaysYes, "test_gives_verdicts_in_time"),
        (SaysYes, "test_takes_part_in_a_login"),
        (NeverAnswers, "test_gives_verdicts_in_time"),
        (CannotDoWithout, "test_gives_verdicts_in_time"),
        (CountsAttempts, "test_judging_changes_nothing"),
        (RecordsTooSoon, "test_judging_changes_nothing"),
        (CannotSettle, "test_hears_of_every_outcome"),
        (CountsSessions, "test_hears_of_the_end_of_any_session"),
        (TellsTheToken, "test_never_shows_a_token"),
        (LogsTheToken, "test_never_shows_a_token"),
        (ShowsTheToken, "test_never_shows_a_token"),
    ],
)
def test_what_breaks_a_rule_is_found(checker, rule) -> None:
    assert rule in broken_rules(checker)

"""The built-in checker ``history``."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from mailext.clientid.history import HistoryChecker, HistoryCheckerFactory
from mailext.clientid.journal import LoginJournal
from mailext.interfaces import IClientIdentityCheckerFactory
from mailext.plugins import PluginError, make_checker
from mailext.testing import CheckerContract, FakeServices
from tests.clientid.logins import Site
from tests.support import success_result_of


class TestContract(CheckerContract):
    def make_checker(self, services):
        return make_checker("history", services)


class TestContractOfWhatIsObserved(CheckerContract):
    def make_checker(self, services):
        return HistoryChecker(services)


def test_the_factory() -> None:
    assert verifyObject(IClientIdentityCheckerFactory, HistoryCheckerFactory())


def test_an_identity_new_to_the_account_is_logged_once() -> None:
    services = FakeServices()
    site = Site(make_checker("history", services), journal=LoginJournal(registry=services.identities))
    with capturedLogs() as events:
        success_result_of(site.login())
        success_result_of(site.login())
    reasons = [event["reason"] for event in events if event.get("event") == "would-refuse"]
    assert reasons == ["this account was not used with this identity before"]


@pytest.mark.parametrize(
    ("string", "reason"),
    [
        ("history:mode=enforce", "history: there is no mode 'enforce'; the modes are: observe"),
        ("history:mod=observe", "history: unknown argument 'mod'; known: mode"),
        ("history:observe", "history: expected key=value, got 'observe'"),
        ("history:mode=observe,observe", "history: argument 'mode' takes one value, not 2"),
    ],
)
def test_argument_errors_are_readable(string: str, reason: str) -> None:
    with pytest.raises(PluginError) as refusal:
        make_checker(string, FakeServices())
    assert str(refusal.value) == reason

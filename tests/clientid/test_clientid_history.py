"""The built-in checker ``history``."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs
from zope.interface.verify import verifyObject

from mailext.clientid.history import HistoryChecker, HistoryCheckerFactory
from mailext.interfaces import IClientIdentityCheckerFactory
from mailext.plugins import PluginError, make_checker
from mailext.testing import CheckerContract, FakeServices, ScriptedChecker
from mailext.values import ClientIdentity, IdentityRecord, Verdict
from tests.clientid.logins import PHONE, Site
from tests.support import failure_result_of, success_result_of


class TestContract(CheckerContract):
    def make_checker(self, services):
        return make_checker("history", services)


class TestContractOfWhatIsObserved(CheckerContract):
    def make_checker(self, services):
        return HistoryChecker(services)


def test_the_factory() -> None:
    assert verifyObject(IClientIdentityCheckerFactory, HistoryCheckerFactory())


@pytest.mark.requirement("C22")
def test_successful_logins_are_recorded() -> None:
    services = FakeServices()
    site = Site(make_checker("history:mode=observe", services))
    tablet = ClientIdentity("X-TABLET", "0123456789")
    for when, identity in ((100.0, PHONE), (50.0, tablet), (25.0, PHONE), (10.0, None)):
        services.clock.advance(when)
        success_result_of(site.login(identity=identity))
    name = services.identities.fingerprint
    assert services.identities.records == (
        IdentityRecord(name(PHONE), "ann", "UUID", "", "observed", 100.0, 175.0, 2),
        IdentityRecord(name(tablet), "ann", "X-TABLET", "", "observed", 150.0, 150.0, 1),
    )
    assert PHONE.token not in repr(services.identities.records)


def test_failed_and_refused_logins_are_not_recorded() -> None:
    services = FakeServices()
    history = make_checker("history", services)
    failure_result_of(Site(history).login(b"wrong"))
    failure_result_of(Site(history, ScriptedChecker(login=Verdict.refuse("no"))).login())
    assert services.identities.records == ()


def test_an_identity_new_to_the_account_is_logged_once() -> None:
    site = Site(make_checker("history", FakeServices()))
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

"""The fakes provide what they stand for."""

from __future__ import annotations

import pytest
from twisted.internet import defer
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock, deferLater
from zope.interface.verify import verifyObject

from mailext.bases import ClientIdentityChecker, DeliveryPolicy
from mailext.interfaces import IClientIdentityChecker, IDeliveryPolicy, IIdentityRegistry, IPluginServices
from mailext.message.headers import HeaderSection
from mailext.testing import (
    FakeServices,
    MemoryIdentityRegistry,
    ScriptedChecker,
    ScriptedPolicy,
    login_attempt,
    session_view,
    verdict_of,
)
from mailext.values import (
    ACCEPTED,
    ClientIdentity,
    Envelope,
    LoginOutcome,
    Mailbox,
    MailOptions,
    RcptOptions,
    Verdict,
)
from tests.support import success_result_of

PHONE = ClientIdentity("UUID", "0123456789")
ANN = Mailbox("ann", "example.org")


@pytest.mark.parametrize(
    ("interface", "fake"),
    [
        (IPluginServices, FakeServices()),
        (IIdentityRegistry, MemoryIdentityRegistry()),
        (IClientIdentityChecker, ScriptedChecker()),
        (IClientIdentityChecker, ClientIdentityChecker()),
        (IDeliveryPolicy, ScriptedPolicy()),
        (IDeliveryPolicy, DeliveryPolicy()),
    ],
)
def test_what_they_provide(interface, fake) -> None:
    assert verifyObject(interface, fake)


def test_the_bases_have_nothing_against_anything() -> None:
    checker, policy = ClientIdentityChecker(), DeliveryPolicy()
    attempt, session, envelope = login_attempt(), session_view(), Envelope(ANN, ())
    assert checker.identityTypes == frozenset()
    assert checker.checkAttempt(attempt) == checker.checkLogin(attempt, "ann") == ACCEPTED
    assert checker.settled(attempt, LoginOutcome.SUCCESS) is None
    assert checker.sessionEnded(session) is None
    assert policy.judgeSender(None, MailOptions(), session) == ACCEPTED
    assert policy.judgeRecipient(envelope, ANN, RcptOptions(), session) == ACCEPTED
    assert policy.judgeMessage(envelope, HeaderSection(), session) == ACCEPTED


def test_a_scripted_policy_answers_and_remembers() -> None:
    refused = Verdict.refuse("no")
    policy = ScriptedPolicy(recipient=refused, message=KeyError("x"))
    session, envelope = session_view(), Envelope(None, ())
    assert policy.judgeSender(None, MailOptions(), session) == ACCEPTED
    assert policy.judgeRecipient(envelope, ANN, RcptOptions(), session) == refused
    with pytest.raises(KeyError):
        policy.judgeMessage(envelope, HeaderSection(), session)
    assert [call[0] for call in policy.calls] == ["judgeSender", "judgeRecipient", "judgeMessage"]


@pytest.mark.requirement("C24")
def test_the_registry_keeps_identities_apart_and_no_token() -> None:
    registry = MemoryIdentityRegistry()
    others = [ClientIdentity("UUID", "0123456780"), ClientIdentity("UUI", "D0123456789")]
    assert len({registry.fingerprint(identity) for identity in [PHONE, *others]}) == 3
    for account, identity, when in (("ann", PHONE, 1.0), ("bob", PHONE, 2.0), ("ann", PHONE, 3.0)):
        success_result_of(registry.record(account, identity, when))
    assert [(r.account, r.first_seen, r.last_seen, r.count) for r in registry.records] == [
        ("ann", 1.0, 3.0, 2),
        ("bob", 2.0, 2.0, 1),
    ]
    assert success_result_of(registry.find("ann", PHONE)) == registry.records[0]
    assert success_result_of(registry.find("ann", others[0])) is None
    assert PHONE.token not in repr(registry.records)


def test_verdicts_now_and_later() -> None:
    clock = Clock()
    refused = Verdict.refuse("no")
    assert verdict_of(ACCEPTED, clock) == ACCEPTED
    assert verdict_of(succeed(refused), clock) == refused
    assert verdict_of(deferLater(clock, 9.0, lambda: refused), clock) == refused
    with pytest.raises(defer.TimeoutError):
        verdict_of(Deferred(), clock)
    with pytest.raises(KeyError):
        verdict_of(fail(KeyError("x")), clock)
    with pytest.raises(TypeError):
        verdict_of(None, clock)

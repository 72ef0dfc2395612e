"""The built-in policy ``requiretls`` (R20)."""

from __future__ import annotations

from functools import partial

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.interfaces import IDeliveryPolicy, IDeliveryPolicyFactory
from mailext.judgement import judge
from mailext.message.headers import HeaderSection
from mailext.plugins import PluginError, make_policy
from mailext.requiretls.rules import RequireTlsRuleFactory
from mailext.testing import FakeServices, session_view
from mailext.values import Envelope, Mailbox, MailOptions, RcptOptions, TlsDemand

pytestmark = pytest.mark.requirement("R20")


def demand(string: str, account: str | None, *recipients: str) -> TlsDemand:
    """What a policy demands in the course of one transaction."""
    policy = make_policy(string, FakeServices())
    session = session_view(avatar_id=account)
    sender = Mailbox("ann", "example.org")
    envelope = Envelope(sender, ())
    questions = [partial(policy.judgeSender, sender, MailOptions(), session)]
    questions += [
        partial(policy.judgeRecipient, envelope, Mailbox("bob", domain), RcptOptions(), session)
        for domain in recipients
    ]
    questions.append(partial(policy.judgeMessage, envelope, HeaderSection(), session))
    verdict = judge(questions, Clock(), 10.0)
    assert verdict.accepted
    return verdict.tls_demand


@pytest.mark.parametrize(
    ("string", "account", "recipients", "required"),
    [
        ("account=ann@example.org", "ann@example.org", ["example.net"], True),
        ("account=ann@example.org", "Ann@Example.ORG", ["example.net"], True),
        ("account=ann@example.org", "bob@example.org", ["example.net"], False),
        ("account=ann@example.org", None, ["example.net"], False),
        ("account=*@example.org,bob@*", "bob@example.net", ["example.net"], True),
        ("account=*", None, ["example.net"], False),
        ("domain=bank.example", None, ["bank.example"], True),
        ("domain=bank.example", "ann@example.org", ["example.net", "BANK.example"], True),
        ("domain=bank.example", None, ["www.bank.example"], False),
        ("domain=bank.example,*.bank.example", None, ["www.bank.example"], True),
        ("domain=bank.example", None, [], False),
        ("domain=bücher.example", None, ["xn--bcher-kva.example"], True),
        ("domain=xn--bcher-kva.example", None, ["BÜCHER.example"], True),
        ("domain=*.bücher.example", None, ["a.bücher.example"], True),
        ("domain=*", None, [""], True),
        ("domain=*", None, ["[192.0.2.1]"], True),
        ("domain=bank.example", None, ["[192.0.2.1]"], False),
        ("account=ann@*:domain=bank.example", "ann@example.org", ["bank.example"], True),
        ("account=ann@*:domain=bank.example", "bob@example.org", ["bank.example"], False),
        ("account=ann@*:domain=bank.example", "ann@example.org", ["example.net"], False),
        ("account=ann@*:domain=bank.example", None, ["bank.example"], False),
    ],
)
def test_rules(string: str, account: str | None, recipients: list[str], required: bool) -> None:
    expected = TlsDemand.REQUIRE if required else TlsDemand.NONE
    assert demand(f"requiretls:{string}", account, *recipients) is expected


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("", "give account=GLOB or domain=GLOB, or both"),
        (":account=", "an empty glob matches nothing"),
        (":user=ann", "unknown argument 'user'; known: account, domain"),
    ],
)
def test_argument_errors_are_readable(argument: str, reason: str) -> None:
    with pytest.raises(PluginError) as refusal:
        make_policy(f"requiretls{argument}", FakeServices())
    assert str(refusal.value) == f"requiretls: {reason}"


def test_a_domain_that_has_no_a_labels() -> None:
    with pytest.raises(PluginError, match="cannot be written in A-labels"):
        make_policy("requiretls:domain=*ü.example", FakeServices())


def test_what_it_provides() -> None:
    assert verifyObject(IDeliveryPolicyFactory, RequireTlsRuleFactory())
    assert verifyObject(IDeliveryPolicy, make_policy("requiretls:account=*", FakeServices()))

"""The built-in policy ``requiretls`` (R20)."""

from __future__ import annotations

from functools import partial

import pytest
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import (
    IDeliveryPolicy,
    IDeliveryPolicyFactory,
    IRelayServices,
    IRequireTlsSupport,
)
from mailext.judgement import judge
from mailext.message.headers import HeaderSection
from mailext.plugins import PluginError, make_policy
from mailext.requiretls.rules import RequireTlsRuleFactory
from mailext.testing import FakeServices, session_view
from mailext.values import (
    ACCEPTED,
    Envelope,
    Mailbox,
    MailOptions,
    RcptOptions,
    Recipient,
    TlsDemand,
    Verdict,
)

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
        ("", "give at least one of account, domain, header and supported"),
        (":header=X Y", "no header field can be called 'X Y'"),
        (":header=Subject", "mail goes by the field Subject already: choose another name, as X-Subject"),
        (":header=A,B", "argument 'header' takes one value, not 2"),
        (":supported=no", "supported can be yes alone"),
        (":supported=yes", "what domains support is known to a server that relays, and not here"),
        (":account=", "an empty glob matches nothing"),
        (":user=ann", "unknown argument 'user'; known: account, domain, header, supported"),
    ],
)
def test_argument_errors_are_readable(argument: str, reason: str) -> None:
    with pytest.raises(PluginError) as refusal:
        make_policy(f"requiretls{argument}", FakeServices())
    assert str(refusal.value) == f"requiretls: {reason}"


@implementer(IRelayServices, IRequireTlsSupport)
class RelayingServices(FakeServices):
    """Knows one domain to support it."""

    @property
    def support(self) -> RelayingServices:
        return self

    def supports(self, recipient: Mailbox) -> bool:
        return recipient.domain == "safe.example"


def judged(string: str, headers: bytes, *recipients: str, account: str | None = None) -> Verdict:
    """What a policy says of a message."""
    policy = make_policy(f"requiretls:{string}", RelayingServices())
    assert verifyObject(IDeliveryPolicy, policy)
    envelope = Envelope(None, tuple(Recipient(Mailbox("bob", domain)) for domain in recipients))
    section, _ = HeaderSection.parse(headers)
    return policy.judgeMessage(envelope, section, session_view(avatar_id=account))


@pytest.mark.parametrize(
    ("string", "headers", "required"),
    [
        ("header=X-Require-TLS", b"X-Require-TLS: yes\r\n", True),
        ("header=x-require-tls", b"X-REQUIRE-TLS:\r\n", True),
        ("header=X-Require-TLS", b"X-Require-TLS: No\r\n", False),
        ("header=X-Require-TLS", b"X-Require-TLS: no\r\nX-Require-TLS: yes\r\n", True),
        ("header=X-Require-TLS", b"Subject: X-Require-TLS: yes\r\n", False),
        ("header=X-Require-TLS", b"", False),
        ("header=X-Require-TLS:domain=*.example", b"X-Require-TLS: yes\r\n", True),
        ("header=X-Require-TLS:domain=*.test", b"X-Require-TLS: yes\r\n", False),
    ],
)
def test_a_field_asks_and_is_removed(string: str, headers: bytes, required: bool) -> None:
    verdict = judged(string, headers, "one.example", "two.example")
    assert verdict.accepted
    assert (verdict.tls_demand is TlsDemand.REQUIRE) == required
    assert [name.lower() for name in verdict.remove_headers] == ["x-require-tls"]


def test_the_field_of_others_stands() -> None:
    string, headers = "header=X-Require-TLS:account=ann@*", b"X-Require-TLS: yes\r\n"
    assert judged(string, headers, "a.example", account="bob@example.org") == ACCEPTED
    assert judged(string, headers, "a.example") == ACCEPTED
    assert judged(string, headers, "a.example", account="ann@example.org").tls_demand is TlsDemand.REQUIRE


@pytest.mark.parametrize(
    ("recipients", "required"),
    [
        (["safe.example"], True),
        (["safe.example", "safe.example"], True),
        (["safe.example", "other.example"], False),
        (["other.example"], False),
    ],
)
def test_where_every_domain_is_known_to_support_it(recipients: list[str], required: bool) -> None:
    demand = judged("supported=yes", b"", *recipients).tls_demand
    assert (demand is TlsDemand.REQUIRE) == required


def test_a_domain_that_has_no_a_labels() -> None:
    with pytest.raises(PluginError, match="cannot be written in A-labels"):
        make_policy("requiretls:domain=*ü.example", FakeServices())


def test_what_it_provides() -> None:
    assert verifyObject(IDeliveryPolicyFactory, RequireTlsRuleFactory())
    assert verifyObject(IDeliveryPolicy, make_policy("requiretls:account=*", FakeServices()))

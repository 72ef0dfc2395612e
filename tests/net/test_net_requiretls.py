"""REQUIRETLS at the server: who says what about a message, and who is told of it."""

from __future__ import annotations

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.mail.smtp import SMTPBadRcpt

from mailext.accounts.addresses import AddressBook
from mailext.delivery.reception import ExchangeDelivery, Reception
from mailext.requiretls.rules import RequireTlsRule, WhoseMail
from mailext.testing import ScriptedPolicy
from mailext.values import ACCEPTED, TlsDemand, Verdict
from tests.net.client import Client, codes, keywords
from tests.net.site import (
    ANN,
    EHLO,
    LHLO,
    MAIL,
    RCPT,
    AwareDelivery,
    DeliveryFactory,
    TargetSite,
    serve,
    serve_lmtp,
)

REQUIRETLS = MAIL + b" REQUIRETLS"
ANOTHER = b"RCPT TO:<ann@example.org>"
SAYS_NO = b"TLS-Required: No"
NONE, OPTIONAL, REQUIRE = TlsDemand
ASK = Verdict(tls_demand=REQUIRE)
ALLOW = Verdict(tls_demand=OPTIONAL)


def demand_of(
    client: Client, site: TargetSite, mail: bytes, *header: bytes, body: bytes = b"body"
) -> TlsDemand:
    """Submit a message; give its demand, which everybody must have been told alike."""
    assert codes(client.say(mail, RCPT, b"DATA")) == ["250", "250", "354"]
    assert codes(client.say(*header, b"", body, b".")) == ["250"]
    (told,) = [call[1] for call in site.calls if call[0] == "messageTagged"]
    assert site.deliveries[-1].envelope.tls_demand == told
    return told


class TestTheKeyword:
    @pytest.mark.requirement("R1")
    def test_only_under_tls(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.connect()
        (_, ehlo) = client.say(EHLO)
        assert "REQUIRETLS" not in keywords(ehlo)
        client.starttls(server.context)
        for _ in range(2):
            (ehlo,) = client.say(EHLO)
            assert keywords(ehlo)["REQUIRETLS"] == "", "without parameters"
        (_, ehlo) = server.connect_tls().say(EHLO)
        assert "REQUIRETLS" in keywords(ehlo)

    @pytest.mark.requirement("R1", "R2")
    def test_in_lmtp_too(self, tls_settings) -> None:
        site = TargetSite()
        client = serve_lmtp(site, **tls_settings).connect_tls()
        (_, lhlo) = client.say(LHLO)
        assert "REQUIRETLS" in keywords(lhlo)
        assert demand_of(client, site, REQUIRETLS) is REQUIRE


class TestTheParameter:
    @pytest.mark.requirement("R2", "R4", "R20")
    @pytest.mark.parametrize("listener", [{}, {"name": "submission", "require_auth": True}])
    def test_it_tags_the_message(self, tls_settings, listener) -> None:
        site = TargetSite()
        client = serve(site, **listener, **tls_settings).greeted_tls(ANN)
        assert demand_of(client, site, REQUIRETLS) is REQUIRE
        assert site.deliveries[0].envelope.options.requiretls
        assert site.calls[0][1].requiretls, "beginTransaction is told of the parameter"

    @pytest.mark.requirement("R2")
    def test_in_any_case_and_among_others(self, tls_settings) -> None:
        site = TargetSite()
        client = serve(site, **tls_settings).greeted_tls()
        assert demand_of(client, site, MAIL + b" BODY=8BITMIME RequireTLS SIZE=1") is REQUIRE

    @pytest.mark.requirement("R2")
    def test_a_long_line_may_be_longer_by_it(self, tls_settings) -> None:
        site = TargetSite()
        client = serve(site, **tls_settings).greeted_tls()
        mail = b"MAIL FROM:<%s@%s.example> SIZE=%s BODY=8BITMIME REQUIRETLS"
        line = mail % (b"a" * 64, b".".join([b"b" * 60] * 4)[:240], b"0" * 19 + b"1")
        assert codes(client.say(line)) == ["250"]

    @pytest.mark.requirement("R3")
    @pytest.mark.parametrize(
        "parameter", [b"REQUIRETLS", b"REQUIRETLS=yes", b"requiretls", b"REQUIRETLS REQUIRETLS"]
    )
    def test_outside_tls(self, tls_settings, parameter) -> None:
        for settings in (tls_settings, {}):
            client = serve(**settings).greeted()
            assert client.say(MAIL + b" " + parameter, RCPT, b"NOOP") == [
                "523 5.7.10 REQUIRETLS needs TLS",
                "503 5.5.1 Bad sequence of commands",
                "250 2.0.0 OK",
            ]

    @pytest.mark.requirement("R3")
    @pytest.mark.parametrize("parameter", [b"REQUIRETLS=yes", b"REQUIRETLS=", b"REQUIRETLS REQUIRETLS"])
    def test_with_a_value_or_twice(self, tls_settings, parameter) -> None:
        client = serve(**tls_settings).greeted_tls()
        assert client.say(MAIL + b" " + parameter) == ["501 5.5.4 Syntax error in parameters or arguments"]

    def test_it_does_not_outlive_its_transaction(self, tls_settings) -> None:
        site = TargetSite()
        client = serve(site, **tls_settings).greeted_tls(REQUIRETLS, RCPT, b"RSET")
        site.calls.clear()
        assert demand_of(client, site, MAIL) is NONE

    def test_nor_a_handshake(self, tls_settings) -> None:
        site = TargetSite()
        server = serve(site, **tls_settings)
        client = server.greeted(MAIL, RCPT)
        assert codes(client.starttls(server.context)) == ["220"]
        assert codes(client.say(RCPT, b"DATA", EHLO, RCPT)) == ["503", "503", "250", "503"]


class TestTheHeaderField:
    def tagged(
        self, *header: bytes, mail: bytes = MAIL, body: bytes = b"body", **settings: object
    ) -> TlsDemand:
        site = TargetSite()
        return demand_of(serve(site, **settings).greeted(), site, mail, *header, body=body)

    @pytest.mark.requirement("R5", "R20")
    @pytest.mark.parametrize(
        "header",
        [
            (SAYS_NO,),
            (b"TLS-REQUIRED:no",),
            (b"tls-required : \tNO \t",),
            (b"TLS-Required:", b" No"),
            (b"TLS-Required:", b"\t", b" nO"),
            (b"Subject: a", SAYS_NO, b"From: b"),
            (SAYS_NO, SAYS_NO),
            (b"RequireTLS: NO",),
            (b"requiretls: no",),
            (b"RequireTLS: No", SAYS_NO),
        ],
    )
    def test_it_says_no(self, header) -> None:
        assert self.tagged(*header) is OPTIONAL

    @pytest.mark.requirement("R5")
    @pytest.mark.parametrize(
        "header",
        [
            (),
            (b"TLS-Required:",),
            (b"TLS-Required: Yes",),
            (b"TLS-Required: No way",),
            (b"TLS-Required: N o",),
            (b"TLS-Required: N", b" o"),
            (b"TLS-Required: (a comment) No",),
            (b"X-TLS-Required: No",),
            (b"TLS-RequiredX: No",),
            (b"Subject: x", b" TLS-Required: No"),
            (SAYS_NO, b"TLS-Required: Yes"),
            (b"TLS-Required: Yes", SAYS_NO),
            (SAYS_NO, b"RequireTLS: Yes"),
            (b"Subject: x", b"not a field", SAYS_NO),
        ],
    )
    def test_it_says_nothing(self, header) -> None:
        assert self.tagged(*header) is NONE

    @pytest.mark.requirement("R5")
    def test_not_in_the_body(self) -> None:
        assert self.tagged(b"Subject: x", body=SAYS_NO) is NONE
        assert self.tagged(body=SAYS_NO) is NONE

    @pytest.mark.requirement("R5")
    def test_a_message_of_header_fields_alone(self) -> None:
        site = TargetSite()
        client = serve(site).greeted(MAIL, RCPT, b"DATA")
        client.say(SAYS_NO, b".")
        assert site.deliveries[0].envelope.tls_demand is OPTIONAL

    @pytest.mark.requirement("R5")
    def test_wherever_it_is_cut(self) -> None:
        text = b"Subject: x\r\n" + SAYS_NO + b"\r\n\r\nbody\r\n.\r\n"
        for place in range(1, len(text)):
            site = TargetSite()
            client = serve(site).greeted(MAIL, RCPT, b"DATA")
            client.send(text[:place])
            client.send(text[place:])
            assert site.deliveries[0].envelope.tls_demand is OPTIONAL
            assert site.deliveries[0].body == b"body\r\n"

    @pytest.mark.requirement("R6")
    def test_it_cannot_weaken_what_the_parameter_says(self, tls_settings) -> None:
        site = TargetSite()
        client = serve(site, **tls_settings).greeted_tls()
        assert demand_of(client, site, REQUIRETLS, SAYS_NO) is REQUIRE
        assert SAYS_NO in site.deliveries[0].headers, "what the sender wrote is not touched"

    def test_message_objects_are_told_too(self) -> None:
        delivery = AwareDelivery()
        client = serve(delivery).greeted(MAIL, RCPT, b"DATA")
        client.say(SAYS_NO, b"", b".")
        assert ("messageTagged", OPTIONAL) in delivery.calls


class TestPolicies:
    @pytest.mark.requirement("R20")
    @pytest.mark.parametrize("method", ["sender", "recipient", "message"])
    def test_they_can_ask_on_the_senders_behalf(self, method) -> None:
        site = TargetSite()
        policy = ScriptedPolicy(**{method: ASK})
        assert demand_of(serve(site, policies=(policy,)).greeted(), site, MAIL) is REQUIRE

    @pytest.mark.requirement("R20")
    @pytest.mark.parametrize(
        ("verdicts", "mail", "header", "demand"),
        [
            ((ASK, ALLOW), MAIL, (), REQUIRE),
            ((ALLOW, ASK), MAIL, (), REQUIRE),
            ((ACCEPTED, ASK), MAIL, (SAYS_NO,), REQUIRE),
            ((ALLOW, ACCEPTED), MAIL, (), OPTIONAL),
            ((ALLOW, ALLOW), REQUIRETLS, (), REQUIRE),
            ((ALLOW, ALLOW), REQUIRETLS, (SAYS_NO,), REQUIRE),
            ((ACCEPTED, ACCEPTED), MAIL, (SAYS_NO,), OPTIONAL),
        ],
    )
    def test_the_strictest_statement_holds(self, tls_settings, verdicts, mail, header, demand) -> None:
        for place in ("sender", "recipient", "message"):
            site = TargetSite()
            policies = tuple(ScriptedPolicy(**{place: verdict}) for verdict in verdicts)
            client = serve(site, policies=policies, **tls_settings).greeted_tls()
            assert demand_of(client, site, mail, *header) is demand

    def test_one_recipient_is_enough(self) -> None:
        class ForBob(ScriptedPolicy):
            def judgeRecipient(self, envelope, recipient, options, session):
                return ASK if recipient.local_part == "bob" else ACCEPTED

        site = TargetSite()
        client = serve(site, policies=(ForBob(),)).greeted(MAIL, ANOTHER, RCPT, b"DATA")
        assert codes(client.say(b".")) == ["250"]
        assert site.deliveries[0].envelope.tls_demand is REQUIRE

    @pytest.mark.parametrize("later", [False, True])
    def test_what_is_said_about_a_refused_recipient_does_not_count(self, later) -> None:
        class ForBob(ScriptedPolicy):
            def judgeRecipient(self, envelope, recipient, options, session):
                verdict = ASK if recipient.local_part == "bob" else ACCEPTED
                return succeed(verdict) if later else verdict

        def validate_to(user):
            if user.dest.local == b"bob":
                raise SMTPBadRcpt(user)

        site = TargetSite(recipient=validate_to)
        client = serve(site, policies=(ForBob(),)).greeted(MAIL, RCPT, ANOTHER, b"DATA")
        client.say(b".")
        assert site.deliveries[0].envelope.tls_demand is NONE

    @pytest.mark.requirement("R20")
    def test_the_built_in_rules(self) -> None:
        site = TargetSite()
        rule = RequireTlsRule(WhoseMail.of(("ann",), ("example.org",)))
        server = serve(site, policies=(rule,), plaintext_auth=True)
        assert demand_of(server.greeted(ANN), site, MAIL) is REQUIRE
        site.calls.clear()
        assert demand_of(server.greeted(), site, MAIL) is NONE

    @pytest.mark.requirement("R20")
    def test_a_policy_of_messages_sees_what_is_settled_so_far(self) -> None:
        policy = ScriptedPolicy(sender=ASK)
        client = serve(TargetSite(), policies=(policy,)).greeted(MAIL, RCPT, b"DATA")
        client.say(SAYS_NO, b"", b".")
        (call,) = [call for call in policy.calls if call[0] == "judgeMessage"]
        assert call[1].tls_demand is REQUIRE
        assert call[2].values(b"tls-required") == ["No"]


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(("mail", "demand"), [(REQUIRETLS, REQUIRE), (MAIL, OPTIONAL)])
def test_every_copy_of_an_alias_carries_the_tag(tls_settings, mail, demand) -> None:
    """With the server's own delivery objects."""
    book = AddressBook(
        ["example.org"], ["ann@example.org", "carl@example.org"], {"bob": ["ann", "carl"], "all": ["bob"]}
    )
    queue = TargetSite()
    reception = Reception(lambda: book, lambda session: queue, "mx.example.org", Clock(), lambda: "unique")
    site = DeliveryFactory(lambda: ExchangeDelivery(reception))
    client = serve(site, **tls_settings).greeted_tls(mail, RCPT, b"RCPT TO:<all@example.org>", b"DATA")
    assert client.say(SAYS_NO, b"", b"body", b".") == ["250 2.0.0 Ok: queued as ABC"]
    (delivery,) = queue.deliveries
    addresses = sorted(str(recipient.address) for recipient in delivery.envelope.recipients)
    assert addresses == ["ann@example.org", "carl@example.org"]
    assert delivery.envelope.tls_demand is demand

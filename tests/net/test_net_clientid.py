"""CLIENTID at the Twisted class, over real TLS."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent, eventAsJSON, eventAsText
from twisted.mail.smtp import SMTPServerError

from mailext import ESMTP
from mailext.bases import ClientIdentityChecker
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.journal import LoginJournal
from mailext.clientid.login import LoginJudge
from mailext.testing import MemoryIdentityRegistry, ScriptedChecker, ScriptedPolicy
from mailext.values import ACCEPTED, ClientIdentity, LoginOutcome, Verdict
from tests.net.client import Client, codes, keywords
from tests.net.site import (
    ANN,
    EHLO,
    MAIL,
    RCPT,
    USERS,
    AwareDelivery,
    Delivery,
    DeliveryFactory,
    Message,
    Realm,
    Server,
    TargetSite,
    plain,
    serve,
)
from tests.support import logged

TOKEN = "TheToken-0123456789-abcdef"
CLIENTID = b"CLIENTID X-Device " + TOKEN.encode()
DEVICE = ClientIdentity("X-DEVICE", TOKEN)
UUID = b"23bf83be-aad7-46aa-9e0f-39191ccf402f"
OK = "250 2.0.0 OK"
UNKNOWN = "500 5.5.1 Command not recognized"
OUT_OF_ORDER = "503 5.5.1 Bad sequence of commands"
MALFORMED = "501 5.5.4 Syntax error in parameters or arguments"
REFUSED = "535 5.7.8 Authentication credentials invalid"
WELCOME = "235 2.7.0 Authentication successful"


def after_a_login(server: Server, client: Client, *lines: bytes) -> list[str]:
    client.send(b"".join(line + b"\r\n" for line in lines))
    for _ in lines:
        server.advance(1.0)
    return client.replies()


class TestTheKeyword:
    @pytest.mark.requirement("C1", "C3", "C4")
    def test_in_every_ehlo_reply_under_tls_and_in_none_before(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.connect()
        (_, ehlo) = client.say(EHLO)
        assert "CLIENTID" not in keywords(ehlo)
        client.starttls(server.context)
        for line in (CLIENTID, ANN, b"RSET", MAIL):
            (ehlo,) = client.say(EHLO)
            assert keywords(ehlo)["CLIENTID"] == "", "no parameters"
            assert codes(client.say(line)) in (["250"], ["235"])
        (ehlo,) = client.say(EHLO)
        assert "CLIENTID" in keywords(ehlo)

    @pytest.mark.requirement("C4")
    def test_under_implicit_tls(self, tls_settings) -> None:
        client = serve(**tls_settings).connect_tls()
        (_, ehlo) = client.say(EHLO)
        assert "CLIENTID" in keywords(ehlo)

    @pytest.mark.requirement("C2")
    def test_not_where_it_is_not_enabled(self, tls_settings) -> None:
        client = serve(clientid_enabled=False, **tls_settings).connect_tls()
        (_, ehlo) = client.say(EHLO)
        assert "CLIENTID" not in keywords(ehlo)
        assert client.say(CLIENTID, b"NOOP") == [UNKNOWN, OK]


class TestTheCommand:
    @pytest.mark.requirement("C7")
    def test_without_tls(self, tls_settings) -> None:
        for settings in (tls_settings, {}):
            server = serve(plaintext_auth=True, **settings)
            for line in (CLIENTID, b"CLIENTID", b"CLIENTID " + b"x" * 200):
                assert server.greeted().say(line, b"NOOP") == [UNKNOWN, OK]

    @pytest.mark.requirement("C8")
    def test_before_it_was_advertised(self, tls_settings) -> None:
        server = serve(**tls_settings)
        client = server.connect_tls()
        client.replies()
        assert client.say(CLIENTID, b"HELO client.example", CLIENTID) == [
            OUT_OF_ORDER,
            "250 mx.example.org Hello 192.0.2.1",
            OUT_OF_ORDER,
        ]
        assert codes(client.say(EHLO, CLIENTID)) == ["250", "250"]

    @pytest.mark.requirement("C5", "C6")
    @pytest.mark.parametrize(
        "argument",
        [
            b"X t",
            b"a-Z0-9 !~",
            b"X" * 16 + b" " + b"t" * 128,
            b"UUID " + UUID,
            b"x " + bytes(range(0x21, 0x7F)),
        ],
    )
    def test_well_formed(self, tls_settings, argument) -> None:
        assert serve(**tls_settings).greeted_tls().say(b"CLIENTID " + argument) == [OK]

    @pytest.mark.requirement("C5", "C6", "C9")
    @pytest.mark.parametrize(
        "argument",
        [
            b"",
            b"X",
            b"X ",
            b" t",
            b"X" * 17 + b" t",
            b"X " + b"t" * 129,
            b"X_Y t",
            b"DEVICE_ID t",
            b"X t t",
            b"X  t",
            b"X t\x7f",
            b"X t\x00",
            b"X \xc3\xa4",
            b"\xc3\xa4 t",
            b"X\tt",
        ],
    )
    def test_malformed_and_tried_again(self, tls_settings, argument) -> None:
        client = serve(**tls_settings).greeted_tls()
        assert client.say(b"CLIENTID " + argument, CLIENTID) == [MALFORMED, OK]

    @pytest.mark.requirement("C10")
    def test_a_second_one(self, tls_settings) -> None:
        seen: list[ClientIdentity | None] = []
        server = serve(**tls_settings, checkers=[Watching(seen)])
        client = server.greeted_tls(CLIENTID)
        assert client.say(CLIENTID, b"CLIENTID UUID " + UUID, b"CLIENTID", b"NOOP") == [OUT_OF_ORDER] * 3 + [
            OK
        ]
        client.say(ANN)
        assert seen == [DEVICE]

    @pytest.mark.requirement("C11")
    @pytest.mark.parametrize(
        "lines",
        [
            (b"AUTH",),
            (b"AUTH X",),
            (b"AUTH PLAIN !",),
            (b"AUTH LOGIN", b"*"),
            (plain("ann", b"wrong"),),
            (ANN,),
        ],
    )
    def test_after_an_auth_whatever_became_of_it(self, tls_settings, lines) -> None:
        server = serve(**tls_settings)
        client = server.greeted_tls()
        assert after_a_login(server, client, *lines, CLIENTID)[-1] == OUT_OF_ORDER

    def test_not_within_a_transaction(self, tls_settings) -> None:
        client = serve(**tls_settings).greeted_tls()
        assert codes(client.say(MAIL, CLIENTID, RCPT, CLIENTID, b"RSET", CLIENTID)) == [
            "250",
            "503",
            "250",
            "503",
            "250",
            "250",
        ]

    @pytest.mark.requirement("C12")
    def test_starttls_discards_it(self, tls_settings) -> None:
        # Nothing but a handshake takes an identity away, and before it there
        # can be none: what is seen here is that AUTH in clear counts no more.
        seen: list[ClientIdentity | None] = []
        server = serve(plaintext_auth=True, checkers=[Watching(seen)], **tls_settings)
        client = server.greeted(plain("ann", b"wrong"))
        server.advance(1.0)
        client.replies()
        client.starttls(server.context)
        assert codes(client.say(CLIENTID)) == ["503"], "nor does the EHLO"
        assert codes(client.say(EHLO, CLIENTID, ANN)) == ["250", "250", "235"]
        assert seen == [None, DEVICE]

    def test_rset_and_ehlo_keep_it(self, tls_settings) -> None:
        seen: list[ClientIdentity | None] = []
        client = serve(**tls_settings, checkers=[Watching(seen)]).greeted_tls(CLIENTID)
        client.say(b"RSET", EHLO, MAIL, b"RSET", ANN)
        assert seen == [DEVICE]

    def test_a_failed_auth_keeps_it(self, tls_settings) -> None:
        seen: list[ClientIdentity | None] = []
        server = serve(**tls_settings, checkers=[Watching(seen)])
        client = server.greeted_tls(CLIENTID)
        assert codes(after_a_login(server, client, plain("ann", b"wrong"), ANN)) == ["535", "235"]
        assert seen == [DEVICE, DEVICE]

    def test_types_and_uuids_compare_without_regard_to_case(self, tls_settings) -> None:
        seen: list[ClientIdentity | None] = []
        server = serve(**tls_settings, checkers=[Watching(seen)])
        server.greeted_tls(b"clientid uuid " + UUID.upper(), ANN)
        server.greeted_tls(b"CLIENTID X-Y " + UUID.upper() + b"0", ANN)
        assert seen == [
            ClientIdentity("UUID", UUID.decode()),
            ClientIdentity("X-Y", UUID.decode().upper() + "0"),
        ]

    @pytest.mark.requirement("C20")
    def test_no_type_is_mandatory_and_none_is_unknown(self, tls_settings) -> None:
        server = serve(**tls_settings)
        assert codes(server.greeted_tls().say(b"CLIENTID NEVER-HEARD-OF 1", ANN)) == ["250", "235"]
        assert codes(server.greeted_tls().say(ANN)) == ["235"]


class Watching(ClientIdentityChecker):
    """Sees what comes, and has nothing against it."""

    def __init__(self, seen: list[ClientIdentity | None]) -> None:
        self._seen = seen

    def checkAttempt(self, attempt):
        self._seen.append(attempt.session.identity)
        return ACCEPTED


class Judging(ClientIdentityChecker):
    """Refuses what a test does not like."""

    def __init__(
        self, dislikes: Callable[[ClientIdentity | None], bool], *, by_account: bool = False
    ) -> None:
        self._dislikes = dislikes
        self._by_account = by_account
        self.outcomes: list[LoginOutcome] = []

    def checkAttempt(self, attempt):
        return ACCEPTED if self._by_account else self._verdict(attempt)

    def checkLogin(self, attempt, avatarId):
        return self._verdict(attempt) if self._by_account else ACCEPTED

    def settled(self, attempt, outcome):
        self.outcomes.append(outcome)

    def _verdict(self, attempt):
        if self._dislikes(attempt.session.identity):
            return Verdict(554, "5.7.99", f"the rule against {attempt.session.identity}", "disliked")
        return ACCEPTED


RULES = [
    pytest.param(
        lambda identity: identity is None,
        b"NOOP",
        id="an identity is required",
        marks=pytest.mark.requirement("C13"),
    ),
    pytest.param(
        lambda identity: identity is None or identity.type != "UUID",
        CLIENTID,
        id="one of certain types is required",
        marks=pytest.mark.requirement("C13"),
    ),
    pytest.param(
        lambda identity: identity is not None and identity.type == "X-DEVICE",
        CLIENTID,
        id="a type is denied",
        marks=pytest.mark.requirement("C14"),
    ),
    pytest.param(
        lambda identity: identity is not None and identity.token.endswith("abcdef"),
        CLIENTID,
        id="a token is denied",
        marks=pytest.mark.requirement("C15"),
    ),
    pytest.param(
        lambda identity: identity == DEVICE,
        CLIENTID,
        id="one that was revoked",
        marks=pytest.mark.requirement("C16"),
    ),
    pytest.param(
        lambda identity: identity != ClientIdentity("UUID", UUID.decode()),
        CLIENTID,
        id="one that is not on the account's list",
        marks=pytest.mark.requirement("C17"),
    ),
]


class TestRefusals:
    """Whatever a policy has against an identity, it shows at AUTH alone, as a wrong password does."""

    @pytest.mark.requirement("C18", "C19")
    @pytest.mark.parametrize("by_account", [False, True])
    @pytest.mark.parametrize(("dislikes", "line"), RULES)
    def test_by_a_rule(self, tls_settings, dislikes, line, by_account) -> None:
        checker = Judging(dislikes, by_account=by_account)
        server = serve(checkers=[checker], **tls_settings)
        client = server.greeted_tls()
        assert client.say(line) == [OK], "the command itself never tells"
        assert client.say(ANN) == []
        server.advance(1.0)
        assert client.replies() == [REFUSED]
        assert checker.outcomes == [LoginOutcome.REFUSED]

    @pytest.mark.requirement("C18", "C19")
    def test_nothing_tells_it_from_a_wrong_password(self, tls_settings) -> None:
        told = set()
        for checkers, line in (
            ([], plain("ann", b"wrong")),
            ([], plain("nobody", b"wrong")),
            ([Judging(lambda identity: True)], ANN),
            ([Judging(lambda identity: True, by_account=True)], ANN),
        ):
            server = serve(checkers=checkers, **tls_settings)
            client = server.greeted_tls(CLIENTID)
            client.octets()
            client.send(line + b"\r\n")
            server.advance(0.99)
            assert client.octets() == b""
            server.advance(0.01)
            told.add(client.octets())
        assert told == {REFUSED.encode() + b"\r\n"}

    def test_a_checker_of_certain_types_does_not_hear_of_others(self, tls_settings) -> None:
        checker = ScriptedChecker(attempt=Verdict.refuse("no"), types=frozenset({"UUID"}))
        server = serve(checkers=[checker], **tls_settings)
        assert server.greeted_tls(CLIENTID).say(ANN) == [WELCOME]
        assert server.greeted_tls().say(ANN) == [WELCOME]
        client = server.greeted_tls(b"CLIENTID uuid " + UUID)
        assert after_a_login(server, client, ANN) == [REFUSED]


class TestDispositions:
    @pytest.mark.requirement("C23")
    @pytest.mark.parametrize(
        ("flags", "seen", "named"),
        [
            (["ignore"], False, False),
            (["system-log"], False, True),
            (["authenticate"], True, False),
            (["user-log", "authenticate"], True, False),
            (["system-log", "authenticate"], True, True),
        ],
    )
    def test_what_logs_call_an_identity_is_not_what_policies_see(
        self, tls_settings, flags, seen, named
    ) -> None:
        registry, policy = MemoryIdentityRegistry(), ScriptedPolicy()
        dispositions = Dispositions.from_names({"X-*": flags})
        judge = LoginJudge((), Clock(), 10.0, journal=LoginJournal(dispositions, registry))
        server = serve(login=judge, policies=(policy,), dispositions=dispositions, **tls_settings)
        server.greeted_tls().say(CLIENTID, MAIL)
        session = policy.calls[0][-1]
        assert (session.identity is not None) is seen
        assert (session.clientid == registry.fingerprint(DEVICE)) is named
        assert bool(session.clientid) is named

    @pytest.mark.requirement("C23")
    @pytest.mark.parametrize(
        ("flags", "presented"),
        [
            (["ignore"], False),
            (["debug"], False),
            (["system-log"], False),
            (["user-log", "alert-failure"], False),
            (["authenticate"], True),
            (["system-log", "authenticate", "alert-success"], True),
        ],
    )
    def test_who_sees_an_identity(self, tls_settings, flags, presented) -> None:
        checker, policy, delivery = ScriptedChecker(), ScriptedPolicy(), AwareDelivery()
        server = serve(
            delivery,
            checkers=[checker],
            policies=(policy,),
            dispositions=Dispositions.from_names({"X-*": flags}),
            **tls_settings,
        )
        client = server.greeted_tls()
        assert codes(client.say(CLIENTID, CLIENTID, ANN, MAIL)) == ["250", "503", "235", "250"], (
            "a success locks, whatever the disposition"
        )
        client.vanish()
        expected = DEVICE if presented else None
        assert checker.calls[0][1].session.identity == expected
        assert checker.calls[-1][1].identity == expected
        assert policy.calls[0][3].identity == expected
        assert delivery.calls[0][2].identity == expected


class TestTokensAreShownToNobody:
    """C24: in no reply, header field, log event or ``repr()``."""

    def shown(self, events: list[LogEvent]) -> str:
        return "\n".join(f"{eventAsText(event)}\n{event!r}\n{_as_json(event)}" for event in events)

    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("password", [b"secret", b"wrong"])
    @pytest.mark.parametrize("verdict", [ACCEPTED, Verdict.refuse(f"because of {TOKEN}"), KeyError(TOKEN)])
    def test_around_a_login(self, tls_settings, password, verdict) -> None:
        checkers = [ScriptedChecker(attempt=verdict), ScriptedChecker(login=verdict)]
        for checker in checkers:
            with logged() as events:
                server = serve(checkers=[checker], **tls_settings)
                client = server.greeted_tls()
                client.say(CLIENTID + b" x", CLIENTID, CLIENTID)
                replies = after_a_login(
                    server, client, plain("ann", password), CLIENTID, b"HELP " + TOKEN.encode()
                )
                shown = [
                    repr(client.protocol),
                    repr(client.protocol.sessionView()),
                    repr(vars(client.protocol)),
                ]
                client.vanish()
            assert TOKEN not in "\n".join([*replies, *shown])
            assert TOKEN not in self.shown(events)

    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("site", [Delivery, TargetSite])
    def test_in_a_message(self, tls_settings, site) -> None:
        delivery = site()
        with logged() as events:
            client = serve(delivery, **tls_settings).greeted_tls(CLIENTID, ANN, MAIL, RCPT, b"DATA")
            client.say(b"A: b", b"", b".")
        if isinstance(delivery, TargetSite):
            (written,) = [each.headers + each.body for each in delivery.deliveries]
        else:
            written = b"\n".join(delivery.messages[0].lines)
        assert TOKEN.encode() not in written
        assert TOKEN not in self.shown(events)

    @pytest.mark.requirement("C24")
    def test_in_the_trace_field_of_the_protocol_itself(self, tls_settings) -> None:
        message = Message()

        class Site(ESMTP):
            def validateFrom(self, helo, origin):
                return origin

            def validateTo(self, user):
                return lambda: message

        server = serve(DeliveryFactory(Delivery), kind=Site, **tls_settings)
        client = server.greeted_tls(CLIENTID, ANN, MAIL, RCPT, b"DATA")
        assert codes(client.say(b".")) == ["250"]
        trace = b"\n".join(message.lines)
        assert b"with ESMTPSA (using TLSv1.3 with cipher TLS_" in trace
        assert TOKEN.encode() not in trace

    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("method", ["judgeSender", "judgeRecipient", "judgeMessage"])
    @pytest.mark.parametrize("way", ["refused", "raised", "deferred"])
    def test_by_a_policy(self, tls_settings, method, way) -> None:
        answer = {
            "refused": lambda: Verdict.refuse(f"{DEVICE.token!r} is not wanted"),
            "raised": lambda: KeyError(TOKEN),
            "deferred": lambda: fail(KeyError(TOKEN)),
        }[way]()
        policy = ScriptedPolicy(**{method.removeprefix("judge").lower(): answer})
        with logged() as events:
            client = serve(policies=(policy,), **tls_settings).greeted_tls(CLIENTID, ANN)
            replies = client.say(MAIL, RCPT, b"DATA", b"A: b", b"", b".")
        assert any(reply[0] in "45" for reply in replies)
        assert TOKEN not in "\n".join(replies) + self.shown(events)
        assert any("judge" in eventAsText(event) for event in events)

    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("step", ["sender", "recipient", "received", "message"])
    def test_by_the_sites_objects(self, tls_settings, step) -> None:
        def trouble(*_):
            raise KeyError(f"who is {TOKEN}")

        with logged() as events:
            delivery = Delivery(**{step: trouble})
            client = serve(delivery, **tls_settings).greeted_tls(CLIENTID, ANN)
            replies = client.say(MAIL, RCPT, b"DATA", b"A: b", b"", b".")
        assert any(reply.startswith("451") for reply in replies)
        assert TOKEN not in "\n".join(replies) + self.shown(events)
        assert any("KeyError" in eventAsText(event) for event in events)

    @pytest.mark.requirement("C24")
    @pytest.mark.parametrize("step", ["eomReceived", "lineReceived", "commit"])
    def test_by_what_takes_the_message(self, tls_settings, step) -> None:
        def trouble(*_):
            raise KeyError(f"who is {TOKEN}")

        messages = {
            "eomReceived": Delivery(message=lambda: Message(at_end=trouble)),
            "lineReceived": Delivery(message=lambda: Message(at_line=trouble)),
            "commit": TargetSite(trouble),
        }
        with logged() as events:
            client = serve(messages[step], **tls_settings).greeted_tls(CLIENTID, ANN, MAIL, RCPT, b"DATA")
            replies = client.say(b"A: b", b"", b".")
        assert codes(replies) == ["451"]
        assert TOKEN not in self.shown(events)

    @pytest.mark.requirement("C24")
    def test_a_session_that_breaks(self, tls_settings) -> None:
        class Broken(AwareDelivery):
            def beginTransaction(self, options, session):
                raise SMTPServerError(451, "4.3.0 Not now")

        portal = Portal(
            Realm(Broken()), [AllowAnonymousAccess(), InMemoryUsernamePasswordDatabaseDontUse(**USERS)]
        )
        with logged() as events:
            client = serve(portal=portal, **tls_settings).greeted_tls(CLIENTID, ANN)
            assert client.say(MAIL) == ["451 4.3.0 Not now"]
            client.vanish()
        assert TOKEN not in self.shown(events)


def _as_json(event: LogEvent) -> str:
    return json.dumps(json.loads(eventAsJSON(event)))

"""AUTH: the mechanisms, who may log in, and what a login is worth."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import CramMD5Credentials, IUsernameHashedPassword, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import eventAsText
from twisted.mail.imap4 import LOGINCredentials, PLAINCredentials
from twisted.mail.smtp import SMTPBadSender
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.accounts.sasl import LoginMechanism, PlainMechanism
from mailext.clientid.login import LoginJudge, RejectAt
from mailext.interfaces import IClientIdentified
from mailext.testing import ScriptedChecker
from mailext.values import ClientIdentity, LoginOutcome, Verdict
from mailext.wire.limits import SessionLimits
from tests.net.client import Client, codes, keywords
from tests.net.site import ANN, EHLO, MAIL, RCPT, USERS, Delivery, Realm, Server, plain, serve
from tests.support import logged

REFUSED = "535 5.7.8 Authentication credentials invalid"
UNAVAILABLE = "454 4.7.0 Temporary authentication failure"
WELCOME = "235 2.7.0 Authentication successful"
GIVEN_UP = "421 4.7.0 Too many failed logins"
WRONG = plain("ann", b"wrong")
TOKEN = b"23bf83be-aad7-46aa-9e0f-39191ccf402f"
CLIENTID = b"CLIENTID UUID " + TOKEN
PHONE = ClientIdentity("UUID", TOKEN.decode())
OURS = {b"PLAIN": PlainMechanism, b"LOGIN": LoginMechanism}
STOCK = {b"PLAIN": PLAINCredentials, b"LOGIN": LOGINCredentials}
BOTH = pytest.mark.parametrize("challengers", [OURS, STOCK], ids=["ours", "stock"])


@implementer(ICredentialsChecker)
class Passwords:
    """Checks ``USERS``, or answers as it is told; writes down what it has seen."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: Callable[[], object] | None = None) -> None:
        self.seen: list[IUsernamePassword] = []
        self._answer = answer

    def requestAvatarId(self, credentials):
        self.seen.append(credentials)
        if self._answer is not None:
            return self._answer()
        name = credentials.username.decode("utf-8")
        return succeed(credentials.username) if USERS.get(name) == credentials.password else _unauthorized()


class Hashed(Passwords):
    """Checks them by CRAM-MD5."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def requestAvatarId(self, credentials):
        self.seen.append(credentials)
        good = credentials.checkPassword(USERS[credentials.username.decode()])
        return succeed(credentials.username) if good else _unauthorized()


def _unauthorized() -> Deferred[bytes]:
    return fail(UnauthorizedLogin())


def b64(text: bytes) -> bytes:
    return b64encode(text)


def submission(passwords: Passwords | None = None, **settings: object) -> Server:
    """A server with passwords, in clear for brevity's sake where TLS does not matter."""
    portal = Portal(Realm(Delivery()), [passwords or Passwords(), AllowAnonymousAccess()])
    return serve(portal=portal, **{"plaintext_auth": True, **settings})


def outcome(server: Server, client: Client, *lines: bytes) -> list[str]:
    """The replies to some lines, after as long as a failed login takes."""
    client.send(b"".join(line + b"\r\n" for line in lines))
    for _ in lines:
        server.advance(1.0)
    return client.replies()


class TestWhereItIsToBeHad:
    def test_under_tls_alone(self, tls_settings) -> None:
        server = submission(plaintext_auth=False, **tls_settings)
        client = server.connect()
        (_, ehlo) = client.say(EHLO)
        assert "AUTH" not in keywords(ehlo)
        for line in (ANN, b"AUTH LOGIN", b"AUTH GSSAPI", b"AUTH"):
            assert client.say(line) == [
                "538 5.7.11 Encryption required for requested authentication mechanism"
            ]
        client.starttls(server.context)
        (ehlo,) = client.say(EHLO)
        assert keywords(ehlo)["AUTH"] == "PLAIN LOGIN"
        assert client.say(ANN) == [WELCOME]

    def test_in_clear_where_the_listener_says_so(self) -> None:
        client = submission().connect()
        (_, ehlo) = client.say(EHLO)
        assert keywords(ehlo)["AUTH"] == "PLAIN LOGIN"
        assert client.say(ANN) == [WELCOME]

    def test_nowhere_without_a_mechanism(self) -> None:
        client = submission(challengers={}).connect()
        (_, ehlo) = client.say(EHLO)
        assert "AUTH" not in keywords(ehlo)
        assert codes(client.say(ANN, b"AUTH", b"NOOP")) == ["502", "502", "250"]

    def test_once_only(self) -> None:
        client = submission().greeted(ANN)
        assert codes(client.say(ANN, EHLO, ANN, b"RSET", b"AUTH LOGIN")) == [
            "503",
            "250",
            "503",
            "250",
            "503",
        ]

    def test_not_within_a_transaction(self) -> None:
        client = submission().greeted()
        assert codes(client.say(MAIL, ANN, RCPT, b"AUTH LOGIN", b"RSET", ANN)) == [
            "250",
            "503",
            "250",
            "503",
            "250",
            "235",
        ]

    def test_anew_after_starttls(self, tls_settings) -> None:
        portal = Portal(realm := Realm(Delivery()), [Passwords()])
        server = serve(portal=portal, plaintext_auth=True, require_auth=True, **tls_settings)
        client = server.greeted(ANN)
        assert codes(client.say(MAIL, b"RSET")) == ["250", "250"]
        client.starttls(server.context)
        assert realm.logged_out == [b"ann"]
        assert codes(client.say(EHLO, MAIL, ANN, MAIL)) == ["250", "530", "235", "250"]
        client.vanish()
        assert realm.logged_out == [b"ann", b"ann"]

    def test_what_a_site_gave_the_protocol_itself_is_back_after_starttls(self, tls_settings) -> None:
        public, private = Delivery(), Delivery()
        server = serve(private, plaintext_auth=True, **tls_settings)
        build = server.factory.buildProtocol

        def with_delivery(addr):
            protocol = build(addr)
            protocol.delivery = public
            return protocol

        server.factory.buildProtocol = with_delivery
        client = server.greeted(MAIL, b"RSET", ANN, MAIL, b"RSET")
        assert (len(public.calls), len(private.calls)) == (1, 1)
        client.starttls(server.context)
        client.say(EHLO, MAIL)
        assert (len(public.calls), len(private.calls)) == (2, 1)


class TestMechanisms:
    @BOTH
    def test_plain(self, challengers) -> None:
        passwords = Passwords()
        server = submission(passwords, challengers=challengers)
        assert server.greeted().say(ANN) == [WELCOME]
        assert server.greeted().say(b"AUTH PLAIN", b64(b"\0bob\0hunter2")) == ["334 ", WELCOME]
        assert server.greeted().say(plain("ann", USERS["ann"], "ann")) == [WELCOME]
        assert [credentials.username for credentials in passwords.seen] == [b"ann", b"bob", b"ann"]

    @BOTH
    def test_login(self, challengers) -> None:
        server = submission(challengers=challengers)
        replies = server.greeted().say(b"AUTH LOGIN", b64(b"ann"), b64(b"secret"))
        assert codes(replies) == ["334", "334", "235"]
        replies = server.greeted().say(b"auth login " + b64(b"ann"), b64(b"secret"))
        assert codes(replies) == ["334", "235"], "an initial response is the user name"

    def test_the_prompts_that_clients_know(self) -> None:
        client = submission(challengers=OURS).greeted()
        replies = client.say(b"AUTH LOGIN", b64(b"ann"), b64(b"secret"))
        assert replies == ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", WELCOME]

    def test_cram_md5_for_checkers_that_take_it(self) -> None:
        passwords = Hashed()
        challengers = {b"CRAM-MD5": lambda: CramMD5Credentials(b"mx.example.org")}
        server = submission(passwords, challengers=challengers)
        client = server.connect()
        (_, ehlo) = client.say(EHLO)
        assert keywords(ehlo)["AUTH"] == "CRAM-MD5"
        for password, told in ((b"wrong", REFUSED), (b"secret", WELCOME)):
            (challenge,) = client.say(b"AUTH CRAM-MD5")
            digest = hmac.new(password, b64decode(challenge[4:]), "md5").hexdigest().encode()
            assert outcome(server, client, b64(b"ann " + digest)) == [told]
        assert verifyObject(IClientIdentified, passwords.seen[0])

    def test_there_is_no_response_to_a_challenge_not_given(self) -> None:
        passwords = Passwords()
        challengers = {b"CRAM-MD5": CramMD5Credentials}
        client = submission(passwords, challengers=challengers).greeted()
        for response in (b64(b"ann 0"), b"="):
            assert client.say(b"AUTH CRAM-MD5 " + response) == [
                "501 5.7.0 This mechanism begins with a challenge"
            ]
        assert codes(client.say(b"AUTH CRAM-MD5", b"*", b"NOOP")) == ["334", "501", "250"]
        assert passwords.seen == []

    @BOTH
    @pytest.mark.parametrize(
        "lines",
        [
            (b"AUTH PLAIN YQ",),
            (b"AUTH PLAIN Y Q==",),
            (b"AUTH PLAIN YQ==YQ==",),
            (b"AUTH PLAIN YR==",),
            (b"AUTH PLAIN -_==",),
            (b"AUTH PLAIN \xff",),
            (b"AUTH PLAIN =",),
            (b"AUTH PLAIN " + b64(b"ann"),),
            (b"AUTH PLAIN " + b64(b"ann\0secret"),),
            (b"AUTH PLAIN " + b64(b"\0ann\0secret\0"),),
            (b"AUTH PLAIN", b"!"),
            (b"AUTH PLAIN", b""),
            (b"AUTH LOGIN", b"YW5"),
            (b"AUTH LOGIN", b64(b"ann"), b"c2Vjc"),
        ],
    )
    def test_malformed_responses(self, challengers, lines) -> None:
        passwords = Passwords()
        client = submission(passwords, challengers=challengers).greeted()
        *_, reply, noop = client.say(*lines, b"NOOP")
        assert reply == "501 5.5.2 Cannot decode response"
        assert noop == "250 2.0.0 OK"
        assert passwords.seen == []
        assert client.say(ANN) == [WELCOME], "it may be tried again"

    @pytest.mark.parametrize("lines", [(b"AUTH PLAIN",), (b"AUTH LOGIN",), (b"AUTH LOGIN", b"YW5u")])
    def test_a_cancelled_exchange(self, lines) -> None:
        passwords = Passwords()
        client = submission(passwords).greeted()
        *_, reply = client.say(*lines, b"*")
        assert reply == "501 5.7.0 Authentication aborted"
        assert passwords.seen == []
        assert client.say(ANN) == [WELCOME]

    @pytest.mark.parametrize("name", [b"GSSAPI", b"PLAINX", b"EXTERNAL"])
    def test_one_that_is_not_offered(self, name) -> None:
        assert codes(submission().greeted().say(b"AUTH " + name, b"NOOP")) == ["504", "250"]

    def test_each_exchange_has_a_challenger_of_its_own(self) -> None:
        client = submission().greeted()
        client.say(b"AUTH LOGIN", b"YW5u", b"*")
        assert codes(client.say(b"AUTH LOGIN", b64(b"bob"), b64(b"hunter2"))) == ["334", "334", "235"]

    def test_nobody_acts_for_somebody_else(self) -> None:
        server = submission(challengers=OURS)
        client = server.greeted()
        assert outcome(server, client, plain("ann", USERS["ann"], "bob")) == [REFUSED]
        assert client.say(ANN) == [WELCOME]

    def test_one_that_breaks_ends_the_connection(self) -> None:
        class Broken(PLAINCredentials):
            def setResponse(self, response):
                raise KeyError("broken")

        client = submission(challengers={b"PLAIN": Broken}).greeted()
        assert codes(client.say(ANN)) == ["421"]
        assert client.closed

    def test_without_a_portal_nobody_can_be_asked(self) -> None:
        server = submission()
        server.factory.portal = None
        client = server.greeted()
        assert client.say(ANN) == []
        server.advance(1.0)
        assert client.replies() == [UNAVAILABLE]

    def test_a_judge_that_fails_is_temporary(self) -> None:
        class Broken(LoginJudge):
            async def _login(self, *_):
                raise KeyError("no judgement")

        server = submission(login=Broken((), Clock(), 10.0))
        client = server.greeted()
        with logged() as events:
            assert outcome(server, client, ANN, b"NOOP") == [UNAVAILABLE, "250 2.0.0 OK"]
        assert any("no judgement" in eventAsText(event) for event in events)


class TestWhatALoginIsWorth:
    def test_mail_needs_one_where_it_is_required(self) -> None:
        client = submission(require_auth=True).greeted()
        assert client.say(MAIL, RCPT, b"NOOP") == [
            "530 5.7.0 Authentication required",
            "503 5.5.1 Bad sequence of commands",
            "250 2.0.0 OK",
        ]
        assert codes(client.say(ANN, MAIL, RCPT)) == ["235", "250", "250"]

    def test_syntax_and_requiretls_come_before_it(self) -> None:
        client = submission(require_auth=True).greeted()
        mail = b"MAIL FROM:<a@b.example>"
        assert codes(client.say(b"MAIL FROM:a", mail + b" X=1", mail + b" REQUIRETLS", mail)) == [
            "501",
            "555",
            "523",
            "530",
        ]

    def test_a_failed_one_changes_nothing(self) -> None:
        server = submission(require_auth=True)
        client = server.greeted()
        assert codes(outcome(server, client, WRONG, MAIL)) == ["535", "530"]

    def test_a_second_login_after_a_failed_one(self) -> None:
        server = submission(require_auth=True)
        client = server.greeted()
        assert codes(outcome(server, client, WRONG, ANN, MAIL)) == ["535", "235", "250"]

    def test_a_site_may_refuse_a_sender_of_another_account(self) -> None:
        delivery = Delivery(sender=lambda origin: fail(SMTPBadSender(origin, 553, "5.7.1 Not yours")))
        portal = Portal(Realm(delivery), [Passwords()])
        client = serve(portal=portal, plaintext_auth=True).greeted(ANN)
        assert client.say(MAIL) == ["553 5.7.1 Not yours"]


class TestGivingUp:
    def test_after_so_many_failures_the_connection_ends(self) -> None:
        server = submission(limits=SessionLimits(auth_failures=3))
        client = server.greeted()
        guesses = [plain("ann", b"guess%d" % number) for number in range(4)]
        assert outcome(server, client, *guesses) == [REFUSED, REFUSED, REFUSED, GIVEN_UP]
        assert client.closed

    def test_the_right_password_does_not_come_too_late(self) -> None:
        server = submission(limits=SessionLimits(auth_failures=3))
        client = server.greeted()
        guesses = [plain("ann", b"guess%d" % number) for number in range(2)]
        assert outcome(server, client, *guesses, ANN) == [REFUSED, REFUSED, WELCOME]

    def test_the_same_password_by_another_mechanism_is_one_failure(self) -> None:
        server = submission(limits=SessionLimits(auth_failures=2))
        client = server.greeted()
        login = (b"AUTH LOGIN", b64(b"ann"), b64(b"wrong"))
        assert codes(outcome(server, client, WRONG, *login)) == ["535", "334", "334", "535"]
        assert codes(outcome(server, client, plain("ann", b"another"))) == ["535", "421"]

    def test_the_same_password_for_another_name_is_another_failure(self) -> None:
        server = submission(limits=SessionLimits(auth_failures=2))
        client = server.greeted()
        assert codes(outcome(server, client, WRONG, plain("bob", b"wrong"))) == ["535", "535", "421"]

    def test_where_the_password_is_not_seen_every_failure_counts(self) -> None:
        server = submission(
            Hashed(), challengers={b"CRAM-MD5": CramMD5Credentials}, limits=SessionLimits(auth_failures=2)
        )
        client = server.greeted()
        line = (b"AUTH CRAM-MD5", b64(b"ann 0"))
        assert codes(outcome(server, client, *line, *line)) == ["334", "535", "334", "535", "421"]

    def test_a_back_end_that_fails_is_nobodys_guess(self) -> None:
        server = submission(Passwords(lambda: fail(OSError("down"))), limits=SessionLimits(auth_failures=2))
        client = server.greeted()
        guesses = [plain("ann", b"guess%d" % number) for number in range(4)]
        assert outcome(server, client, *guesses, b"NOOP") == [UNAVAILABLE] * 4 + ["250 2.0.0 OK"]

    def test_what_is_malformed_is_no_guess_either(self) -> None:
        server = submission(limits=SessionLimits(auth_failures=1))
        client = server.greeted()
        assert codes(client.say(b"AUTH PLAIN !", b"AUTH LOGIN", b"*", b"AUTH X", b"NOOP")) == [
            "501",
            "334",
            "501",
            "504",
            "250",
        ]


class TestIdentities:
    def judged(self, checker: ScriptedChecker, reject_at: RejectAt = RejectAt.AUTH, **settings):
        passwords = Passwords()
        return passwords, submission(passwords, checkers=[checker], reject_at=reject_at, **settings)

    @pytest.mark.requirement("U8")
    def test_a_back_end_sees_the_identity_as_a_further_factor(self, tls_settings) -> None:
        passwords = Passwords()
        server = submission(passwords, name="submission", **tls_settings)
        server.greeted_tls(CLIENTID, ANN)
        (credentials,) = passwords.seen
        assert verifyObject(IClientIdentified, credentials)
        assert verifyObject(IUsernamePassword, credentials)
        assert credentials.clientIdentity == PHONE
        assert credentials.session.listener == "submission"
        assert credentials.session.identity == PHONE
        server.greeted_tls(ANN)
        assert passwords.seen[1].clientIdentity is None

    def test_what_checkers_are_asked_and_told(self, tls_settings) -> None:
        checker = ScriptedChecker()
        _, server = self.judged(checker, **tls_settings)
        client = server.greeted_tls(CLIENTID)
        outcome(server, client, WRONG, ANN)
        names = [call[0] for call in checker.calls]
        assert names == ["checkAttempt", "settled", "checkAttempt", "checkLogin", "settled"]
        attempt = checker.calls[0][1]
        assert (attempt.username, attempt.mechanism) == ("ann", "PLAIN")
        assert attempt.session.identity == PHONE
        assert attempt.session.tls is not None
        assert [call[2] for call in checker.calls if call[0] == "settled"] == [
            LoginOutcome.BAD_CREDENTIALS,
            LoginOutcome.SUCCESS,
        ]
        client.vanish()
        (name, session) = checker.calls[-1]
        assert name == "sessionEnded"
        assert (session.avatar_id, session.identity) == ("ann", PHONE)

    def test_a_refusal_at_mail(self) -> None:
        _, server = self.judged(ScriptedChecker(login=Verdict.refuse("not known")), RejectAt.MAIL)
        client = server.greeted()
        assert client.say(ANN) == [WELCOME]
        for line in (MAIL, b"MAIL FROM:<>"):
            assert client.say(line) == ["550 5.7.1 Refused by policy"]
        assert codes(client.say(RCPT, b"NOOP")) == ["503", "250"]

    def test_a_wrong_password_is_refused_at_auth_all_the_same(self) -> None:
        _, server = self.judged(ScriptedChecker(attempt=Verdict.refuse("not known")), RejectAt.MAIL)
        client = server.greeted()
        assert outcome(server, client, WRONG) == [REFUSED]

    def test_a_refusal_at_mail_is_forgotten_with_starttls(self, tls_settings) -> None:
        verdicts = iter([Verdict.refuse("not yet"), Verdict()])
        checker = ScriptedChecker()
        checker.checkLogin = lambda attempt, avatar_id: next(verdicts)
        _, server = self.judged(checker, RejectAt.MAIL, **tls_settings)
        client = server.greeted(ANN)
        assert codes(client.say(MAIL)) == ["550"]
        client.starttls(server.context)
        assert codes(client.say(EHLO, MAIL, b"RSET", ANN, MAIL)) == ["250", "250", "250", "235", "250"]

    def test_an_attempt_refused_beforehand_computes_no_hash(self) -> None:
        passwords, server = self.judged(ScriptedChecker(attempt=Verdict.refuse("no")))
        client = server.greeted()
        assert outcome(server, client, ANN) == [REFUSED]
        assert passwords.seen == []

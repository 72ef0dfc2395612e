"""Who may log in: mechanisms, the chained portal, our checker, and checker strings."""

from __future__ import annotations

import base64
import copy
from random import Random

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.cred.checkers import (
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import (
    Anonymous,
    CramMD5Credentials,
    IAnonymous,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm
from twisted.internet.defer import execute, fail, succeed
from twisted.internet.task import Clock
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.accounts.addresses import AddressBook
from mailext.accounts.app_passwords import app_password_digest
from mailext.accounts.checker import AccountsChecker
from mailext.accounts.passwords import Passwords
from mailext.accounts.portal import ChainedPortal, CheckerChain
from mailext.accounts.sasl import LoginMechanism, PlainMechanism, mechanisms_for
from mailext.accounts.strings import CheckerStringError, make_checker
from mailext.clientid.binding import identified
from mailext.testing import session_view
from mailext.values import ClientIdentity
from tests.support import failure_result_of, logged, success_result_of


class TestPlain:
    def respond(self, response: bytes) -> PlainMechanism:
        mechanism = PlainMechanism()
        assert mechanism.getChallenge() == b""
        mechanism.setResponse(response)
        assert not mechanism.moreChallenges()
        return mechanism

    def test_it_is_what_twisted_asks_for(self):
        assert verifyObject(IChallengeResponse, PlainMechanism())
        assert verifyObject(IUsernamePassword, self.respond(b"\0ann\0secret"))

    @pytest.mark.parametrize("authzid", [b"", b"ann"])
    def test_name_and_password(self, authzid):
        mechanism = self.respond(authzid + b"\0ann\0p\xc3\xa4ss word")
        assert (mechanism.username, mechanism.password) == (b"ann", b"p\xc3\xa4ss word")

    def test_nothing_is_folded(self):
        mechanism = self.respond("\0Ann\N{KELVIN SIGN}\0ﬁx\u00a0".encode())
        assert (mechanism.username, mechanism.password) == ("Ann\u212a".encode(), "ﬁx\u00a0".encode())

    @pytest.mark.parametrize("authzid", [b"bob", b"Ann", b"ann@example.org"])
    def test_nobody_acts_for_somebody_else(self, authzid):
        response = authzid + b"\0ann\0secret"
        one, other = self.respond(response), self.respond(response)
        assert one.username == b"ann"
        assert len({b"secret", one.password, other.password}) == 3
        assert len(one.password) == 64

    @pytest.mark.parametrize(
        "response",
        [
            b"",
            b"ann",
            b"ann\0secret",
            b"\0ann\0secret\0",
            b"\0ann\0sec\0ret",
            b"\0\0secret",
            b"\0ann\0",
            b"\0\0",
            b"\0ann\0\xff",
            b"\0\xc0\xaf\0secret",
            b"\0ann\0\xed\xa0\x80",
            b"\xff\0ann\0secret",
        ],
    )
    def test_malformed(self, response):
        with pytest.raises(ValueError):
            self.respond(response)

    @given(st.binary())
    def test_whatever_comes_is_taken_or_refused(self, response):
        try:
            mechanism = self.respond(response)
        except ValueError:
            return
        assert response.split(b"\0")[1] == mechanism.username
        assert mechanism.password


class TestLogin:
    def test_prompts_and_answers(self):
        mechanism = LoginMechanism()
        assert verifyObject(IChallengeResponse, mechanism)
        assert base64.b64encode(mechanism.getChallenge()) == b"VXNlcm5hbWU6"
        mechanism.setResponse(b"ann")
        assert mechanism.moreChallenges()
        assert base64.b64encode(mechanism.getChallenge()) == b"UGFzc3dvcmQ6"
        mechanism.setResponse(b"secret")
        assert not mechanism.moreChallenges()
        assert verifyObject(IUsernamePassword, mechanism)
        assert (mechanism.username, mechanism.password) == (b"ann", b"secret")

    @pytest.mark.parametrize("response", [b"", b"a\0b", b"\xff", b"\xed\xa0\x80"])
    @pytest.mark.parametrize("before", [[], [b"ann"]])
    def test_malformed(self, before, response):
        mechanism = LoginMechanism()
        for each in before:
            mechanism.setResponse(each)
        with pytest.raises(ValueError):
            mechanism.setResponse(response)


class TestMechanisms:
    def test_what_a_checker_of_passwords_allows(self):
        mechanisms = mechanisms_for([IUsernamePassword], b"mx.example.org")
        assert list(mechanisms) == [b"PLAIN", b"LOGIN"]
        assert isinstance(mechanisms[b"PLAIN"](), PlainMechanism)
        assert isinstance(mechanisms[b"LOGIN"](), LoginMechanism)
        assert mechanisms[b"LOGIN"]() is not mechanisms[b"LOGIN"]()

    def test_what_a_checker_that_knows_the_password_itself_allows(self):
        mechanisms = mechanisms_for([IUsernameHashedPassword], b"mx.example.org")
        assert list(mechanisms) == [b"CRAM-MD5"]
        assert mechanisms[b"CRAM-MD5"]().getChallenge().endswith(b"@mx.example.org>")

    def test_none(self):
        assert mechanisms_for([IAnonymous], b"mx.example.org") == {}


@implementer(ICredentialsChecker)
class Answering:
    """Checks passwords, with the answer it was given."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer) -> None:
        self.answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@implementer(IRealm)
class Telling:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return interfaces[0], (self, avatarId), lambda: None


ANN = UsernamePassword(b"ann", b"secret")


def log_in(portal, credentials=ANN):
    return portal.login(credentials, None, IRealm)


class TestChainedPortal:
    def test_fakes(self):
        assert verifyObject(ICredentialsChecker, Answering(b"ann"))
        assert verifyObject(IRealm, Telling())
        assert verifyObject(ICredentialsChecker, CheckerChain(IUsernamePassword))

    def test_the_first_that_accepts_decides(self):
        checkers = [Answering(UnauthorizedLogin()), Answering(b"ann"), Answering(b"other")]
        _, (_, avatar_id), _ = success_result_of(log_in(ChainedPortal(Telling(), checkers)))
        assert avatar_id == b"ann"
        assert [checker.asked for checker in checkers] == [1, 1, 0]

    def test_deferred_answers(self):
        portal = ChainedPortal(Telling())
        portal.registerChecker(Answering(fail(UnauthorizedLogin())))
        portal.registerChecker(Answering(succeed(b"ann")))
        assert success_result_of(log_in(portal))[1][1] == b"ann"

    def test_nobody_accepts(self):
        portal = ChainedPortal(Telling(), [Answering(UnauthorizedLogin()), Answering(UnauthorizedLogin())])
        assert failure_result_of(log_in(portal)).check(UnauthorizedLogin)

    def test_one_that_cannot_answer_makes_it_temporary_and_is_logged(self):
        checkers = [
            Answering(OSError("no database")),
            Answering(UnauthorizedLogin()),
            Answering(KeyError("x")),
        ]
        with logged() as events:
            failure = failure_result_of(log_in(ChainedPortal(Telling(), checkers)))
        assert failure.check(OSError)
        assert len([event for event in events if "log_failure" in event]) == 2

    def test_unless_another_accepts(self):
        portal = ChainedPortal(Telling(), [Answering(OSError("no database")), Answering(b"ann")])
        assert success_result_of(log_in(portal))[1][1] == b"ann"

    def test_interfaces(self):
        memory = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")
        portal = ChainedPortal(Telling(), [memory, AllowAnonymousAccess()])
        assert set(portal.listCredentialsInterfaces()) == {
            IUsernamePassword,
            IUsernameHashedPassword,
            IAnonymous,
        }
        assert success_result_of(log_in(portal, Anonymous()))[1][1] == ()
        cram = CramMD5Credentials(b"mx.example.org")
        cram.getChallenge()
        cram.setResponse(b"ann 0123456789abcdef0123456789abcdef")
        assert failure_result_of(log_in(portal, cram)).check(UnauthorizedLogin)
        assert failure_result_of(log_in(ChainedPortal(Telling()))).check(UnhandledCredentials)

    def test_a_checker_can_be_registered_for_less_than_it_checks(self):
        portal = ChainedPortal(Telling())
        portal.registerChecker(InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret"), IUsernamePassword)
        assert portal.listCredentialsInterfaces() == [IUsernamePassword]

    def test_a_copy_can_have_another_realm(self):
        portal = ChainedPortal(Telling(), [Answering(b"ann")])
        other = copy.copy(portal)
        other.realm = Telling()
        assert success_result_of(log_in(other))[1][0] is other.realm
        assert success_result_of(log_in(portal))[1][0] is portal.realm


class Hashes:
    """Accounts in memory."""

    def __init__(self, hashes) -> None:
        self.hashes = hashes

    def get_hash(self, address):
        return succeed(self.hashes.get(address))


class AppPasswords:
    """Says yes to one password, and remembers who has asked."""

    def __init__(self) -> None:
        self.good = b""
        self.asked = []

    def admits(self, account, digest, identity, when):
        self.asked.append((account, identity))
        return succeed(digest == app_password_digest(self.good))


class TestAccountsChecker:
    @pytest.fixture
    def hashings(self):
        return []

    @pytest.fixture
    def checker(self, hashings):
        def in_thread(function, /, *args):
            hashings.append(function)
            return execute(function, *args)

        hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        addresses = AddressBook(["example.org"], ["ann@example.org"], {"info": ["ann"]})
        self.accounts = Hashes({"ann@example.org": hasher.hash(b"secret")})
        self.app_passwords = AppPasswords()
        clock = Clock()
        passwords = Passwords(clock, in_thread, Random(1), hasher)
        return AccountsChecker(self.accounts, passwords, lambda: addresses, self.app_passwords, clock)

    def test_interface(self, checker):
        assert verifyObject(ICredentialsChecker, checker)

    @pytest.mark.requirement("U8")
    def test_an_app_password_is_as_good_as_the_accounts_own(self, checker, hashings):
        self.app_passwords.good = b"abcd-efgh-ijkl-mnop-qrst-uvwx"
        phone = ClientIdentity("UUID", "phone")
        credentials = identified(
            UsernamePassword(b"ANN", b"ABCDEFGH ijkl mnop qrst uvwx"), session_view(phone)
        )
        assert success_result_of(checker.requestAvatarId(credentials)) == b"ann@example.org"
        assert self.app_passwords.asked == [("ann@example.org", phone)]
        assert hashings == []
        # Another one costs what any wrong password costs.
        wrong = checker.requestAvatarId(UsernamePassword(b"ann", b"zzzz-efgh-ijkl-mnop-qrst-uvwx"))
        assert failure_result_of(wrong).check(UnauthorizedLogin)
        assert len(hashings) == 1
        assert self.app_passwords.asked[1:] == [("ann@example.org", None)]

    @pytest.mark.parametrize("username", [b"ann@example.org", b"ann", b"ANN", b"Ann@Example.ORG"])
    def test_the_avatar_id_is_the_canonical_address(self, checker, username):
        login = checker.requestAvatarId(UsernamePassword(username, b"secret"))
        assert success_result_of(login) == b"ann@example.org"

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            (b"ann", b"wrong"),
            (b"bob", b"secret"),
            # An alias or a subaddress is no name to log in by.
            (b"info", b"secret"),
            (b"ann+x", b"secret"),
            (b"ann@example.net", b"secret"),
            (b"ann@[192.0.2.1]", b"secret"),
            ("\N{KELVIN SIGN}".encode(), b"secret"),
            (b"\xff", b"secret"),
            (b"", b"secret"),
            (b"a\r\nb", b"secret"),
        ],
    )
    def test_wrong_whatever_the_reason_costs_one_hash(self, checker, hashings, username, password):
        assert failure_result_of(checker.requestAvatarId(UsernamePassword(username, password))).check(
            UnauthorizedLogin
        )
        assert len(hashings) == 1

    def test_trouble_is_no_refusal(self, checker):
        self.accounts.get_hash = lambda _: fail(OSError("no database"))
        assert failure_result_of(checker.requestAvatarId(ANN)).check(OSError)


class TestStrings:
    ours = Answering(b"ann")

    def test_our_accounts(self):
        assert make_checker("accounts", self.ours) is self.ours

    def test_strcred(self):
        checker = make_checker("memory:ann:secret", self.ours)
        assert success_result_of(checker.requestAvatarId(ANN)) == b"ann"
        wrong = UsernamePassword(b"ann", b"wrong")
        assert failure_result_of(checker.requestAvatarId(wrong)).check(UnauthorizedLogin)

    @pytest.mark.parametrize(
        ("string", "reason"),
        [
            ("acme:x", "unknown kind 'acme'; known are accounts, "),
            ("", "unknown kind ''"),
            ("accounts:x", "accounts takes no argument"),
            ("file", "'file' requires a filename"),
            ("memory:swordfish", "argstring must be"),
            ("anonymous", "anonymous does not check passwords"),
        ],
    )
    def test_readable_errors(self, string, reason):
        with pytest.raises(CheckerStringError) as raised:
            make_checker(string, self.ours)
        assert reason in str(raised.value)
        assert "swordfish" not in str(raised.value)

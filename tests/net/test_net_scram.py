"""AUTH SCRAM-SHA-256: the server's proof comes last, and to those alone who have logged in."""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import partial

import pytest
from scramp import ScramClient
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from mailext.accounts.sasl import PlainMechanism
from mailext.accounts.scram import SCRAM, IScramLogin, ScramExchange, ScramVerifiers, make_verifier
from mailext.clientid.login import RejectAt
from mailext.testing import ScriptedChecker
from mailext.values import LoginOutcome, Verdict
from tests.net.client import Client, keywords
from tests.net.site import EHLO, MAIL, RCPT, Delivery, Realm, Server, serve

REFUSED = "535 5.7.8 Authentication credentials invalid"
WELCOME = "235 2.7.0 Authentication successful"
MALFORMED = "501 5.5.2 "
VERIFIERS = ScramVerifiers(b"s" * 32, {"ann": str(make_verifier("secret", b"x" * 16, 4096))})


@implementer(ICredentialsChecker)
class Proofs:
    """Believes an exchange."""

    credentialInterfaces = (IScramLogin,)

    def requestAvatarId(self, credentials: IScramLogin) -> Deferred[bytes]:
        return succeed(credentials.account.encode()) if credentials.proved else fail(UnauthorizedLogin())


@pytest.fixture
def realm() -> Realm:
    return Realm(Delivery())


def submission(realm: Realm, *checkers: ScriptedChecker, reject_at: RejectAt = RejectAt.AUTH) -> Server:
    return serve(
        portal=Portal(realm, [Proofs()]),
        checkers=checkers,
        reject_at=reject_at,
        plaintext_auth=True,
        challengers={
            SCRAM.encode(): partial(ScramExchange, VERIFIERS, lambda name: name.lower()),
            b"PLAIN": PlainMechanism,
        },
    )


class Login:
    """A client's exchange, up to its proof."""

    def __init__(self, client: Client, name: str = "ann", password: str = "secret") -> None:
        self.client = client
        self.scram = ScramClient([SCRAM], name, password)

    def prove(self) -> list[str]:
        first = b64encode(self.scram.get_client_first().encode())
        (challenge,) = self.client.say(b"AUTH SCRAM-SHA-256 " + first)
        assert challenge.startswith("334 ")
        self.scram.set_server_first(b64decode(challenge[4:]).decode())
        return self.client.say(b64encode(self.scram.get_client_final().encode()))

    def believe(self, reply: str) -> None:
        assert reply.startswith("334 ")
        self.scram.set_server_final(b64decode(reply[4:]).decode())


def connected(server: Server) -> Client:
    client = server.connect()
    (_, ehlo) = client.say(EHLO)
    assert keywords(ehlo)["AUTH"] == "SCRAM-SHA-256 PLAIN"
    return client


def test_both_prove_that_they_know_the_password(realm: Realm) -> None:
    checker = ScriptedChecker()
    client = connected(submission(realm, checker))
    login = Login(client)
    (last_word,) = login.prove()
    login.believe(last_word)
    assert client.say(b"") == [WELCOME]
    assert [call[0] for call in checker.calls] == ["checkAttempt", "checkLogin", "settled"]
    assert checker.calls[-1][2] is LoginOutcome.SUCCESS
    assert [code[:3] for code in client.say(MAIL) + client.say(RCPT)] == ["250", "250"]


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("bob", "secret")])
def test_who_does_not_know_it_gets_no_proof(realm: Realm, name: str, password: str) -> None:
    server = submission(realm)
    client = connected(server)
    assert Login(client, name, password).prove() == []
    server.advance(1.0)
    assert client.replies() == [REFUSED]


@pytest.mark.requirement("C19")
@pytest.mark.parametrize(
    "checker", [ScriptedChecker(attempt=Verdict.refuse("no")), ScriptedChecker(login=Verdict.refuse("no"))]
)
def test_nor_does_who_is_refused_for_another_reason(realm: Realm, checker: ScriptedChecker) -> None:
    """The proof would tell that the password was right."""
    server = submission(realm, checker)
    client = connected(server)
    assert Login(client).prove() == []
    server.advance(1.0)
    assert client.replies() == [REFUSED]


def test_a_refusal_at_mail_comes_behind_the_proof(realm: Realm) -> None:
    checker = ScriptedChecker(login=Verdict.refuse("no"))
    client = connected(submission(realm, checker, reject_at=RejectAt.MAIL))
    login = Login(client)
    login.believe(login.prove()[0])
    assert client.say(b"") == [WELCOME]
    assert client.say(MAIL)[0].startswith("550 5.7.1 ")


@pytest.mark.parametrize(("line", "code"), [(b"*", "501"), (b"eA==", "501"), (b"!", "501")])
def test_whoever_does_not_believe_it_is_not_logged_in(realm: Realm, line: bytes, code: str) -> None:
    client = connected(submission(realm))
    Login(client).prove()
    (reply,) = client.say(line)
    assert reply.startswith(code)
    # Nobody is logged in, and a next exchange begins anew.
    login = Login(client)
    login.believe(login.prove()[0])
    assert realm.logged_out == [b"ann"]
    assert client.say(b"") == [WELCOME]


def test_a_client_that_leaves_before_it_believes_is_logged_out(realm: Realm) -> None:
    client = connected(submission(realm))
    Login(client).prove()
    assert realm.logged_out == []
    client.vanish()
    assert realm.logged_out == [b"ann"]


@pytest.mark.parametrize("response", [b"", b"=", b"bnE=", b"bixhPWJvYixuPWFubixyPXg="])
def test_what_is_not_scram_is_malformed(realm: Realm, response: bytes) -> None:
    client = connected(submission(realm))
    if not response:
        assert client.say(b"AUTH SCRAM-SHA-256") == ["334 "]
    (reply,) = client.say(b"AUTH SCRAM-SHA-256 " + response if response else b"")
    assert reply.startswith(MALFORMED)

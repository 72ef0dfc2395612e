"""
Failed logins are answered on the grid: nothing about their reason can be told
from the moment, or from the octets, of the reply.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock, deferLater
from zope.interface import implementer

from mailext.testing import ScriptedChecker
from mailext.values import ACCEPTED, Verdict
from tests.net.site import ANN, Delivery, Realm, Server, plain, serve

REFUSED = b"535 5.7.8 Authentication credentials invalid\r\n"
UNAVAILABLE = b"454 4.7.0 Temporary authentication failure\r\n"
NOT_YOURS = Verdict(421, "4.7.99", "we know what you did", "blocked for good")
_MORE_THAN_ANY = 40.0


@implementer(ICredentialsChecker)
class Backend:
    """A back end that takes its time."""

    credentialInterfaces = (IUsernamePassword,)
    clock: Clock

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self._seconds = seconds
        self._error = error

    def requestAvatarId(self, credentials):
        if not self._seconds:
            return self._answer(credentials)
        return deferLater(self.clock, self._seconds, self._answer, credentials)

    def _answer(self, credentials):
        if self._error is not None:
            raise self._error
        if (credentials.username, credentials.password) != (b"ann", b"secret"):
            raise UnauthorizedLogin
        return credentials.username


class LateChecker(ScriptedChecker):
    """One that takes its time over an attempt, or over a login."""

    clock: Clock

    def __init__(self, seconds: float, verdict: Verdict, of: str) -> None:
        super().__init__()
        self._seconds = seconds
        self._verdict = verdict
        self._of = of

    def checkAttempt(self, attempt):
        return self._late("checkAttempt")

    def checkLogin(self, attempt, avatarId):
        return self._late("checkLogin")

    def _late(self, question):
        if self._of != question:
            return ACCEPTED
        return deferLater(self.clock, self._seconds, lambda: self._verdict)


def server_of(backend: Backend, checker: ScriptedChecker | None, delay: float) -> Server:
    portal = Portal(Realm(Delivery()), [backend, AllowAnonymousAccess()])
    checkers = [] if checker is None else [checker]
    server = serve(portal=portal, plaintext_auth=True, auth_failure_delay=delay, checkers=checkers)
    backend.clock = server.clock
    if isinstance(checker, LateChecker):
        checker.clock = server.clock
    return server


def timed(server: Server, line: bytes = ANN) -> tuple[bytes, float]:
    """The reply to AUTH, and after how many seconds it came."""
    server.advance(0.3)  # the grid begins with the client's line, not with the clock
    client = server.greeted()
    client.octets()
    client.send(line + b"\r\n")
    elapsed = 0.0
    while not (reply := client.octets()):
        assert elapsed < _MORE_THAN_ANY, "no reply"
        server.advance(0.125)
        elapsed += 0.125
    return reply, elapsed


WRONG = plain("ann", b"wrong")
NOBODY = plain("nobody", b"secret")

#: Ways to fail for good: who judges, how slowly, and what is sent.
REASONS: dict[str, Callable[[float], tuple[Backend, ScriptedChecker | None, bytes]]] = {
    "wrong password": lambda seconds: (Backend(seconds), None, WRONG),
    "unknown user": lambda seconds: (Backend(seconds), None, NOBODY),
    "the attempt is refused": lambda seconds: (
        Backend(),
        LateChecker(seconds, NOT_YOURS, "checkAttempt"),
        ANN,
    ),
    "the login is refused": lambda seconds: (Backend(seconds), ScriptedChecker(login=NOT_YOURS), ANN),
    "the login is refused late": lambda seconds: (
        Backend(),
        LateChecker(seconds, NOT_YOURS, "checkLogin"),
        ANN,
    ),
    "the checker of the login fails": lambda seconds: (
        Backend(seconds),
        ScriptedChecker(login=KeyError("x")),
        ANN,
    ),
    "a checker of the login that says nonsense": lambda seconds: (
        Backend(seconds),
        ScriptedChecker(login=Verdict(code=100)),
        ANN,
    ),
}


@pytest.mark.requirement("C19")
class TestTheGrid:
    @pytest.mark.parametrize("reason", REASONS)
    @pytest.mark.parametrize(
        ("seconds", "expected"), [(0.0, 1.0), (0.125, 1.0), (0.875, 1.0), (1.125, 2.0), (2.875, 3.0)]
    )
    def test_every_failure_is_answered_on_the_next_multiple(self, reason, seconds, expected) -> None:
        backend, checker, line = REASONS[reason](seconds)
        assert timed(server_of(backend, checker, 1.0), line) == (REFUSED, expected)

    @pytest.mark.parametrize("delay", [0.5, 1.0, 3.0])
    def test_of_the_configured_delay(self, delay) -> None:
        assert timed(server_of(Backend(), None, delay), WRONG) == (REFUSED, delay)

    def test_no_delay_where_there_is_none(self) -> None:
        reply, elapsed = timed(server_of(Backend(), None, 0.0), WRONG)
        assert reply == REFUSED
        assert elapsed <= 0.125

    def test_a_checker_of_the_login_that_does_not_answer(self) -> None:
        checker = ScriptedChecker(login=Deferred())
        assert timed(server_of(Backend(), checker, 4.0)) == (REFUSED, 12.0)

    @pytest.mark.parametrize("seconds", [0.0, 0.5])
    def test_a_back_end_that_fails_is_on_the_grid_too(self, seconds) -> None:
        backend = Backend(seconds, OSError("no connection"))
        assert timed(server_of(backend, None, 1.0)) == (UNAVAILABLE, 1.0)

    @pytest.mark.parametrize("answer", [KeyError("x"), fail(OSError()), Verdict(code=99), None])
    def test_a_check_before_the_password_that_fails_is_temporary(self, answer) -> None:
        assert timed(server_of(Backend(), ScriptedChecker(attempt=answer), 1.0)) == (UNAVAILABLE, 1.0)

    def test_one_that_does_not_answer_is_temporary(self) -> None:
        assert timed(server_of(Backend(), ScriptedChecker(attempt=Deferred()), 4.0)) == (UNAVAILABLE, 12.0)

    def test_what_happens_after_the_password_is_never_temporary(self) -> None:
        """Or the difference would tell that it was right."""
        for checker in (ScriptedChecker(login=OSError()), ScriptedChecker(login=Verdict.defer("later"))):
            assert timed(server_of(Backend(), checker, 1.0)) == (REFUSED, 1.0)

    def test_a_realm_that_fails_after_the_password(self) -> None:
        class Empty(Realm):
            def requestAvatar(self, avatarId, mind, *interfaces):
                raise OSError("no avatar")

        server = server_of(Backend(), None, 1.0)
        server.factory.portal.realm = Empty(None)
        assert timed(server) == (REFUSED, 1.0)

    def test_the_grid_begins_with_the_last_line_of_the_exchange(self) -> None:
        server = server_of(Backend(), None, 1.0)
        client = server.greeted()
        client.say(b"AUTH LOGIN")
        server.advance(0.75)
        client.say(b"YW5u")
        server.advance(0.75)
        client.say(b"d3Jvbmc=")
        server.advance(0.9)
        assert client.octets() == b""
        server.advance(0.1)
        assert client.octets() == REFUSED

    def test_what_is_pipelined_behind_it_waits(self) -> None:
        server = server_of(Backend(), None, 1.0)
        client = server.greeted()
        assert client.say(WRONG, b"NOOP") == []
        server.advance(1.0)
        assert [reply[:3] for reply in client.replies()] == ["535", "250"]

    def test_a_success_comes_at_once(self) -> None:
        reply, elapsed = timed(server_of(Backend(), None, 1.0))
        assert (reply[:3], elapsed) == (b"235", 0.0)

    def test_a_client_that_leaves_meanwhile(self) -> None:
        server = server_of(Backend(), None, 1.0)
        client = server.greeted(WRONG)
        client.octets()
        client.vanish()
        assert server.clock.getDelayedCalls() == []
        server.advance(1.0)
        assert client.octets() == b""

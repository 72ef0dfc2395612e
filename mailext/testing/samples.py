"""
Values to ask checkers and policies about, and how to take their answers.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailext.judgement import ask, checked
from mailext.values import ClientIdentity, LoginAttempt, Protocol, SessionView, TlsFacts, Verdict

__all__ = ["login_attempt", "session_view", "verdict_of"]


def session_view(identity: ClientIdentity | None = None, avatar_id: str | None = None) -> SessionView:
    """
    A session on a submission listener, under TLS.

    :param identity: as checkers and policies see it, after its disposition.
    :param avatar_id: who has logged in.
    """
    return SessionView(
        id="session-1",
        protocol=Protocol.ESMTP,
        listener="submission",
        peer="192.0.2.1",
        tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
        identity=identity,
        avatar_id=avatar_id,
        helo="client.example",
    )


def login_attempt(identity: ClientIdentity | None = None, username: str = "ann@example.org") -> LoginAttempt:
    """An attempt to log in by PLAIN, in such a session."""
    return LoginAttempt(username, "PLAIN", session_view(identity))


def verdict_of(answer: Verdict | Deferred[Verdict], clock: Clock, within: float = 10.0) -> Verdict:
    """
    An answer, whether it was given at once or comes as a Deferred.

    :param clock: is advanced until the answer comes.
    :param within: after how many seconds it is too late.
    :raise twisted.internet.defer.TimeoutError: if it does not come.
    :raise TypeError: if it is not a verdict.
    :raise ValueError: if it is one that neither accepts nor refuses.
    """
    bounded = ask(lambda: answer, clock, within)
    if not isinstance(bounded, Deferred):
        return checked(bounded)
    results: list[Verdict | Failure] = []
    bounded.addBoth(results.append)
    if not results:
        clock.advance(within)
    result = results[0]
    if isinstance(result, Failure):
        result.raiseException()
    return checked(result)

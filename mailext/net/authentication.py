"""
The logins of one connection: SASL exchanges, and when they are answered.

What a login is worth is judged by :mod:`mailext.clientid.login`. Here a failed
one is answered on the next multiple of ``auth-failure-delay`` after the
client's last line, whatever the reason, so that the time tells nothing (C19,
draft-storey-smtp-client-id-13 section 6.1).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol as TypingProtocol
from typing import cast

from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.mail.imap4 import IllegalClientResponse
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from twisted.python.failure import Failure

from mailext.clientid.login import AnyPortal, Login, LoginJudge, LoginRefusedError, LoginUnavailableError
from mailext.values import ClientIdentity, LoginAttempt, SessionView
from mailext.wire import replies
from mailext.wire.events import AuthCommand, AuthResponse
from mailext.wire.replies import Reply

__all__ = ["Authentication", "Challenger", "MalformedResponseError"]

_log = Logger()


class Challenger(TypingProtocol):
    """
    The server's side of a SASL mechanism, as stock
    :class:`twisted.mail.smtp.ESMTP` knows it. It becomes the credentials.
    """

    def getChallenge(self) -> bytes: ...

    def setResponse(self, response: bytes) -> None: ...

    def moreChallenges(self) -> bool: ...


class MalformedResponseError(ValueError):
    """
    The client's response is not what the mechanism wants.

    :ivar reply: what the client is told.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class Authentication:
    """
    :param challengers: the mechanisms, by upper-case name.
    :param judge: who judges the logins.
    :param delay: seconds; failures are answered on its multiples.
    :ivar failures: how many logins have failed.
    """

    def __init__(
        self,
        challengers: Mapping[str, Callable[[], object]],
        judge: LoginJudge,
        clock: IReactorTime,
        delay: float,
    ) -> None:
        self._challengers = challengers
        self._judge = judge
        self._clock = clock
        self._delay = delay
        self._challenger: Challenger | None = None
        self._mechanism = ""
        self._failed: bytes | None = None
        self._key = secrets.token_bytes(16)
        self._timer: IDelayedCall | None = None
        self.failures = 0

    def start(self, event: AuthCommand) -> bytes | None:
        """
        Begin an exchange.

        :return: a challenge, or None once the exchange is complete and
            ``login`` is to be called.
        :raise MalformedResponseError: if the initial response is malformed.
        """
        self._mechanism = event.mechanism
        self._challenger = cast("Challenger", self._challengers[event.mechanism]())
        challenge = self._challenger.getChallenge()
        if event.initial_response is None:
            return challenge
        # RFC 4954 section 4: to a mechanism that begins with a challenge there
        # is none. In LOGIN the name is as good at once.
        if challenge and event.mechanism != "LOGIN":
            raise MalformedResponseError(replies.NOTHING_TO_RESPOND_TO)
        return self._take(event.initial_response)

    def respond(self, event: AuthResponse) -> bytes | None:
        """Go on with an exchange; as ``start``."""
        return self._take(event.data)

    def _take(self, response: bytes) -> bytes | None:
        assert self._challenger is not None
        try:
            self._challenger.setResponse(response)
            return self._challenger.getChallenge() if self._challenger.moreChallenges() else None
        except (ValueError, IllegalClientResponse) as error:
            raise MalformedResponseError(replies.NOT_BASE64) from error

    def login(
        self, portal: AnyPortal | None, session: SessionView, identity: ClientIdentity | None
    ) -> Deferred[Login | Reply]:
        """
        Log in with what the exchange has brought.

        :param portal: None where there is none: nobody can log in.
        :param identity: what the client presented, whatever its disposition.
        :return: the login, or the reply to a failed one when its time has come.
        """
        last_line = self._clock.seconds()
        challenger, self._challenger = self._challenger, None
        assert challenger is not None
        if portal is None:
            return self._in_time(replies.AUTHENTICATION_UNAVAILABLE, last_line)
        username = getattr(challenger, "username", None) or b""
        name = username.decode("utf-8", "replace") if isinstance(username, bytes) else str(username)
        credentials = cast("ICredentials", challenger)
        proof = self._proof(credentials)
        repeated = proof is not None and proof == self._failed
        attempt = LoginAttempt(name, self._mechanism, session, repeated=repeated)
        login: Deferred[Login] = self._judge.login(
            portal, credentials, attempt, identity, IMessageDeliveryFactory, IMessageDelivery
        )
        return login.addErrback(self._refuse, proof, last_line)

    def stop(self) -> None:
        """The connection is gone: answer nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, failure: Failure, proof: bytes | None, last_line: float) -> Deferred[Login | Reply]:
        if failure.check(LoginRefusedError):
            # A client that tries a second mechanism with the same password has
            # failed once.
            if proof is None or proof != self._failed:
                self.failures += 1
            self._failed = proof
            return self._in_time(replies.AUTHENTICATION_FAILED, last_line)
        if not failure.check(LoginUnavailableError):
            _log.failure("A login could not be judged", failure)
        return self._in_time(replies.AUTHENTICATION_UNAVAILABLE, last_line)

    def _proof(self, credentials: ICredentials) -> bytes | None:
        """What tells the same user name and password again, in this session; None where neither is known."""
        if not IUsernamePassword.providedBy(credentials):
            return None
        pair = repr((credentials.username, credentials.password)).encode("utf-8")
        return hashlib.blake2b(pair, key=self._key).digest()

    def _in_time(self, reply: Reply, last_line: float) -> Deferred[Login | Reply]:
        elapsed = self._clock.seconds() - last_line
        wait = self._delay - elapsed % self._delay if self._delay else 0.0
        answered: Deferred[Login | Reply] = Deferred()
        self._timer = self._clock.callLater(wait, self._answer, answered, reply)
        return answered

    def _answer(self, answered: Deferred[Login | Reply], reply: Reply) -> None:
        self._timer = None
        answered.callback(reply)

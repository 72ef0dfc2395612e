"""
The logins of one connection, and when they are answered, whatever protocol
carries them.

A failed one is answered on the next multiple of ``auth-failure-delay`` after
the client's last line, whatever the reason, so that the time tells nothing
(C19, draft-storey-smtp-client-id-13 section 6.1).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace

from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface

from mailext.clientid.login import AnyLoginJudge, AnyPortal, Login, LoginRefusedError, LoginUnavailableError
from mailext.values import ClientIdentity, LoginAttempt

__all__ = ["ConnectionLogins"]

_log = Logger()


class ConnectionLogins:
    """
    :param judge: who judges the logins.
    :param delay: seconds; failures are answered on its multiples.
    :ivar failures: how many logins have failed.
    :ivar refusals: how often a login was refused, the same one counted again.
    """

    def __init__(self, judge: AnyLoginJudge, clock: IReactorTime, delay: float) -> None:
        self._judge = judge
        self._clock = clock
        self._delay = delay
        self._failed: bytes | None = None
        self._key = secrets.token_bytes(16)
        self._timer: IDelayedCall | None = None
        self.failures = 0
        self.refusals = 0

    def login(
        self,
        portal: AnyPortal | None,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        *interfaces: type[Interface],
    ) -> Deferred[Login]:
        """
        Log in.

        :param portal: None where there is none: nobody can log in.
        :param attempt: whether it is repeated is found out here.
        :param identity: what the client presented, whatever its disposition.
        :param interfaces: those of which the avatar shall provide one.
        :return: a Deferred of the login. It fails with
            :class:`~mailext.clientid.result.LoginRefusedError` or
            :class:`~mailext.clientid.result.LoginUnavailableError` when the
            time for that answer has come.
        """
        last_line = self._clock.seconds()
        if portal is None:
            return self._in_time(Failure(LoginUnavailableError("there is no portal")), last_line)
        proof = self._proof(credentials)
        attempt = replace(attempt, repeated=proof is not None and proof == self._failed)
        login: Deferred[Login] = self._judge.login(portal, credentials, attempt, identity, *interfaces)
        return login.addErrback(self._refuse, proof, last_line)

    def stop(self) -> None:
        """The connection is gone: answer nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, failure: Failure, proof: bytes | None, last_line: float) -> Deferred[Login]:
        if failure.check(LoginRefusedError):
            self.refusals += 1
            # A client that tries a second mechanism with the same password has
            # failed once.
            if proof is None or proof != self._failed:
                self.failures += 1
            self._failed = proof
        elif not failure.check(LoginUnavailableError):
            _log.failure("A login could not be judged", failure)
            failure = Failure(LoginUnavailableError(failure.getErrorMessage()))
        return self._in_time(failure, last_line)

    def _proof(self, credentials: ICredentials) -> bytes | None:
        """What tells the same user name and password again, in this session; None where neither is known."""
        if not IUsernamePassword.providedBy(credentials):
            return None
        pair = repr((credentials.username, credentials.password)).encode("utf-8")
        return hashlib.blake2b(pair, key=self._key).digest()

    def _in_time(self, failure: Failure, last_line: float) -> Deferred[Login]:
        elapsed = self._clock.seconds() - last_line
        wait = self._delay - elapsed % self._delay if self._delay else 0.0
        answered: Deferred[Login] = Deferred()
        self._timer = self._clock.callLater(wait, self._answer, answered, failure)
        return answered

    def _answer(self, answered: Deferred[Login], failure: Failure) -> None:
        self._timer = None
        answered.errback(failure)

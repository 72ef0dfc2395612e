"""
The AUTH commands of one connection: SASL exchanges, and their replies.

What a login is worth is judged by :mod:`mailext.clientid.login`, and when a
failed one is answered by :mod:`mailext.clientid.attempts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from twisted.python.failure import Failure

from mailext.accounts.exchange import MalformedResponseError, SaslExchange, UnexpectedResponseError
from mailext.clientid.attempts import ConnectionLogins
from mailext.clientid.login import AnyLoginJudge, AnyPortal, Login, LoginRefusedError, LoginUnavailableError
from mailext.values import ClientIdentity, LoginAttempt, SessionView
from mailext.wire import replies
from mailext.wire.events import AuthCommand, AuthResponse
from mailext.wire.replies import Reply

__all__ = ["Authentication", "reply_to_malformed"]


def reply_to_malformed(error: MalformedResponseError) -> Reply:
    """What a client is told whose response is not what the mechanism wants."""
    if isinstance(error, UnexpectedResponseError):
        return replies.NOTHING_TO_RESPOND_TO
    return replies.NOT_BASE64


class Authentication:
    """
    :param challengers: the mechanisms, by upper-case name.
    :param judge: who judges the logins.
    :param delay: seconds; failures are answered on its multiples.
    """

    def __init__(
        self,
        challengers: Mapping[str, Callable[[], object]],
        judge: AnyLoginJudge,
        clock: IReactorTime,
        delay: float,
    ) -> None:
        self._challengers = challengers
        self._logins = ConnectionLogins(judge, clock, delay)
        self._exchange: SaslExchange | None = None
        # A login that waits for its client to acknowledge the last word.
        self._won: Login | None = None

    @property
    def failures(self) -> int:
        """How many logins have failed."""
        return self._logins.failures

    def start(self, event: AuthCommand) -> bytes | None:
        """
        Begin an exchange.

        :return: a challenge, or None once the exchange is complete and
            ``login`` is to be called.
        :raise MalformedResponseError: if the initial response is malformed.
        """
        self._forget_won()
        self._exchange = SaslExchange(self._challengers, event.mechanism)
        return self._exchange.start(event.initial_response)

    def respond(self, event: AuthResponse) -> bytes | None:
        """Go on with an exchange; as ``start``."""
        if self._won is not None:
            if event.data:
                self._forget_won()
                raise MalformedResponseError
            return None
        assert self._exchange is not None
        return self._exchange.respond(event.data)

    def login(
        self, portal: AnyPortal | None, session: SessionView, identity: ClientIdentity | None
    ) -> Deferred[Login | Reply | bytes]:
        """
        Log in with what the exchange has brought.

        :param portal: None where there is none: nobody can log in.
        :param identity: what the client presented, whatever its disposition.
        :return: the login, or the reply to a failed one when its time has come;
            or a challenge, the mechanism's last word: once the client has
            acknowledged it, ``login`` is to be called again.
        """
        won, self._won = self._won, None
        if won is not None:
            return succeed(won)
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        login = self._logins.login(
            portal,
            exchange.credentials,
            LoginAttempt(exchange.username, exchange.mechanism, session),
            identity,
            IMessageDeliveryFactory,
            IMessageDelivery,
        )
        return login.addCallbacks(self._told, _reply_to, callbackArgs=(exchange.last_word,))

    def stop(self) -> None:
        """The connection is gone: answer nothing more."""
        self._logins.stop()
        self._forget_won()

    def _told(self, login: Login, last_word: bytes | None) -> Login | bytes:
        if last_word is None:
            return login
        self._won = login
        return last_word

    def _forget_won(self) -> None:
        won, self._won = self._won, None
        if won is not None:
            won.logout()


def _reply_to(failure: Failure) -> Reply:
    if failure.trap(LoginRefusedError, LoginUnavailableError) is LoginRefusedError:
        return replies.AUTHENTICATION_FAILED
    return replies.AUTHENTICATION_UNAVAILABLE

"""One SASL exchange (RFC 4422 section 3), whatever protocol carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

from twisted.cred.credentials import ICredentials
from twisted.mail.imap4 import IllegalClientResponse

__all__ = ["Challenger", "MalformedResponseError", "SaslExchange", "UnexpectedResponseError"]


class Challenger(Protocol):
    """
    The server's side of a SASL mechanism, as stock
    :class:`twisted.mail.smtp.ESMTP` knows it. It becomes the credentials.
    """

    def getChallenge(self) -> bytes: ...

    def setResponse(self, response: bytes) -> None: ...

    def moreChallenges(self) -> bool: ...


class MalformedResponseError(ValueError):
    """The client's response is not what the mechanism wants."""


class UnexpectedResponseError(MalformedResponseError):
    """An initial response to a mechanism that begins with a challenge."""


class SaslExchange:
    """
    :param challengers: the mechanisms, by upper-case name.
    :param mechanism: the one that the client has chosen; it is one of them.
    """

    def __init__(self, challengers: Mapping[str, Callable[[], object]], mechanism: str) -> None:
        self.mechanism = mechanism
        self._challenger = cast("Challenger", challengers[mechanism]())

    def start(self, initial_response: bytes | None) -> bytes | None:
        """
        :param initial_response: what came with the command; None if nothing.
        :return: a challenge, or None once the exchange is complete.
        :raise MalformedResponseError: if the initial response is malformed.
        """
        challenge = self._challenger.getChallenge()
        if initial_response is None:
            return challenge
        # RFC 4954 section 4: to a mechanism that begins with a challenge there
        # is none. In LOGIN the name is as good at once.
        if challenge and self.mechanism != "LOGIN":
            raise UnexpectedResponseError(self.mechanism)
        return self.respond(initial_response)

    def respond(self, response: bytes) -> bytes | None:
        """
        Go on with the client's response; as ``start``.

        :raise MalformedResponseError: if it is malformed.
        """
        try:
            self._challenger.setResponse(response)
            return self._challenger.getChallenge() if self._challenger.moreChallenges() else None
        except (ValueError, IllegalClientResponse) as error:
            raise MalformedResponseError(self.mechanism) from error

    @property
    def credentials(self) -> ICredentials:
        """What the exchange has brought, once it is complete."""
        return cast("ICredentials", self._challenger)

    @property
    def last_word(self) -> bytes | None:
        """
        What the client is told once it has logged in, and has to acknowledge
        by an empty response; None where the mechanism has no more to say.
        """
        last_word: bytes | None = getattr(self._challenger, "last_word", None)
        return last_word

    @property
    def username(self) -> str:
        """The user name as the client gave it; empty where there is none."""
        username = getattr(self._challenger, "username", None) or b""
        return username.decode("utf-8", "replace") if isinstance(username, bytes) else str(username)

"""
The server's side of the SASL mechanisms, as credentials.

In the manner of Twisted's challengers, each class is both the exchange and,
at its end, the credentials that a portal is given. A response that breaks the
mechanism's grammar raises :class:`ValueError` (501 5.5.2); one that is sound
but cannot succeed raises :class:`~twisted.cred.error.UnauthorizedLogin`, which
is to be answered as a wrong password is.

Names and passwords are compared as they come: they are not folded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from twisted.cred.credentials import (
    CramMD5Credentials,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import Interface, implementer

__all__ = ["LoginMechanism", "PlainMechanism", "mechanisms_for"]


@implementer(IChallengeResponse)
class PlainMechanism(UsernamePassword):
    """``PLAIN`` (RFC 4616)."""

    def __init__(self) -> None:
        super().__init__(b"", b"")

    def getChallenge(self) -> bytes:
        return b""

    def setResponse(self, response: bytes) -> None:
        """
        :raise ValueError: if the response is not a PLAIN message.
        :raise UnauthorizedLogin: if the client wants to act for somebody else.
        """
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise ValueError("not two NUL")
        authzid, username, password = map(_text, parts)
        if not username or not password:
            raise ValueError("empty name or password")
        if authzid not in (b"", username):
            raise UnauthorizedLogin("another authorization identity")
        self.username, self.password = username, password

    def moreChallenges(self) -> bool:
        return False


@implementer(IChallengeResponse)
class LoginMechanism(UsernamePassword):
    """``LOGIN`` (draft-murchison-sasl-login-00); an initial response is the user name."""

    def __init__(self) -> None:
        super().__init__(b"", b"")

    def getChallenge(self) -> bytes:
        # Some clients know these very words only.
        return b"Password:" if self.username else b"Username:"

    def setResponse(self, response: bytes) -> None:
        """
        :raise ValueError: if the response is empty, has a NUL in it or is not
            UTF-8.
        """
        if not response or b"\0" in response:
            raise ValueError("empty name or password, or a NUL in it")
        if self.username:
            self.password = _text(response)
        else:
            self.username = _text(response)

    def moreChallenges(self) -> bool:
        return not self.password


def _text(octets: bytes) -> bytes:
    octets.decode("utf-8")
    return octets


def mechanisms_for(
    credential_interfaces: Collection[type[Interface]], hostname: bytes
) -> dict[bytes, Callable[[], ICredentials]]:
    """
    The mechanisms whose credentials somebody can check.

    :param credential_interfaces: what the portal lists.
    :param hostname: the server's name, for challenges that hold one.
    :return: for each mechanism's name what begins an exchange: in the form of
        the ``challengers`` of :class:`twisted.mail.smtp.ESMTP`.
    """
    mechanisms: dict[bytes, Callable[[], ICredentials]] = {}
    if IUsernamePassword in credential_interfaces:
        mechanisms[b"PLAIN"] = PlainMechanism
        mechanisms[b"LOGIN"] = LoginMechanism
    # A checker that keeps hashes only, as ours does, cannot answer it.
    if IUsernameHashedPassword in credential_interfaces:
        mechanisms[b"CRAM-MD5"] = partial(CramMD5Credentials, hostname)
    return mechanisms

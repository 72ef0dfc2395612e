"""
The server's side of the SASL mechanisms, as credentials.

In the manner of Twisted's challengers, each class is both the exchange and,
at its end, the credentials that a portal is given. A response that breaks the
mechanism's grammar raises :class:`ValueError` (501 5.5.2).

Names and passwords are compared as they come: they are not folded.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from functools import partial

from twisted.cred.credentials import (
    CramMD5Credentials,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
    UsernamePassword,
)
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import Interface, implementer

__all__ = ["LoginMechanism", "PlainMechanism", "mechanisms_for"]


@implementer(IChallengeResponse)
class PlainMechanism(UsernamePassword):
    """
    ``PLAIN`` (RFC 4616). Nobody may act for somebody else: a client that wants
    to fails like one with a wrong password, in every respect.

    :param nobodys_password: makes a password that nobody can have.
    """

    def __init__(self, nobodys_password: Callable[[], str] = secrets.token_hex) -> None:
        super().__init__(b"", b"")
        self._nobodys_password = nobodys_password

    def getChallenge(self) -> bytes:
        return b""

    def setResponse(self, response: bytes) -> None:
        """
        :raise ValueError: if the response is not a PLAIN message.
        """
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise ValueError("not two NUL")
        authzid, username, password = map(_text, parts)
        if not username or not password:
            raise ValueError("empty name or password")
        if authzid not in (b"", username):
            password = self._nobodys_password().encode("ascii")
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

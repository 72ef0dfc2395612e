"""
The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is not
said, and the server proves that it knows it too.

What the server keeps is a verifier beside the password's hash, of those
accounts alone that have chosen it. An account that has none, or does not exist,
is answered with one that nothing matches, the same each time.

The server's proof comes after all else is decided: a client whose login is
refused for another reason must not learn that its password was right.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scramp import ScramException, ScramMechanism
from scramp.utils import ServerError
from twisted.cred.credentials import ICredentials
from twisted.mail.interfaces import IChallengeResponse
from zope.interface import Attribute, implementer

__all__ = [
    "SALT_SIZE",
    "SCRAM",
    "IScramLogin",
    "ScramExchange",
    "ScramVerifier",
    "ScramVerifiers",
    "make_verifier",
]

#: The mechanism's name.
SCRAM = "SCRAM-SHA-256"

_ITERATIONS = 100_000
#: Octets of a salt.
SALT_SIZE = 16
# RFC 5803 section 3.
_VERIFIER = re.compile(rf"{SCRAM}\$([0-9]{{1,9}}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """
    What a password can be verified with, and the server's knowledge of it.
    ``str()`` is the form of RFC 5803.
    """

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        salt, stored, server = map(_base64, (self.salt, self.stored_key, self.server_key))
        return f"{SCRAM}${self.iterations}:{salt}${stored}:{server}"

    @classmethod
    def parse(cls, text: str) -> ScramVerifier:
        """:raise ValueError: if it is none."""
        match = _VERIFIER.fullmatch(text)
        if match is None:
            raise ValueError("not a verifier of SCRAM-SHA-256")
        salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
        return cls(int(match[1]), salt, stored, server)


def make_verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> ScramVerifier:
    """
    Make a verifier. It takes its time.

    :param salt: random octets.
    :raise ValueError: if the password cannot be prepared (RFC 4013).
    """
    try:
        _, stored, server, _ = ScramMechanism(SCRAM).make_auth_info(password, iterations, salt)
    except ScramException as error:
        raise ValueError(str(error)) from error
    return ScramVerifier(iterations, salt, stored, server)


class ScramVerifiers:
    """
    The verifiers of the accounts, in memory: an exchange cannot wait.

    :param secret: what false salts are made with; the same over restarts.
    :param changed: called with the verifiers that take the place of others.
    """

    def __init__(
        self,
        secret: bytes,
        verifiers: Mapping[str, str] | None = None,
        changed: Callable[[Mapping[str, str]], object] = lambda _: None,
    ) -> None:
        self._secret = secret
        self._changed = changed
        self._take(verifiers or {})

    def replace(self, verifiers: Mapping[str, str]) -> None:
        """
        Accounts have come, gone or changed.

        :param verifiers: those of all accounts, by their addresses, in the form
            of RFC 5803.
        """
        self._take(verifiers)
        self._changed(verifiers)

    @property
    def texts(self) -> Mapping[str, str]:
        """The verifiers, as :meth:`replace` takes them."""
        return {account: str(verifier) for account, verifier in self._verifiers.items()}

    def _take(self, verifiers: Mapping[str, str]) -> None:
        self._verifiers = {account: ScramVerifier.parse(text) for account, text in verifiers.items()}

    def of(self, account: str) -> ScramVerifier:
        """The account's verifier, or one that nothing matches."""
        found = self._verifiers.get(account)
        if found is not None:
            return found

        def derived(purpose: bytes) -> bytes:
            return hmac.digest(self._secret, purpose + b"\0" + account.encode("utf-8", "replace"), "sha256")

        return ScramVerifier(
            _ITERATIONS, derived(b"salt")[:SALT_SIZE], derived(b"stored"), derived(b"server")
        )


class IScramLogin(ICredentials):
    """Credentials of a SCRAM exchange, which is its own proof."""

    account: str = Attribute("str: whose the verifier is.")
    proved: bool = Attribute("bool: whether the client has proved that it knows the password.")


@implementer(IChallengeResponse, IScramLogin)
class ScramExchange:
    """
    One exchange, without channel binding. A client that wants to act for
    somebody else is answered as one whose response is malformed.

    :param verifiers: by account.
    :param account_named: the account that a user name means; the name itself
        where it can mean none.
    :ivar last_word: what the client is told once it has logged in.
    """

    def __init__(self, verifiers: ScramVerifiers, account_named: Callable[[str], str]) -> None:
        self.username = b""
        self.account = ""
        self.proved = False
        self.last_word: bytes | None = None
        self._verifiers = verifiers
        self._account_named = account_named
        self._server = ScramMechanism(SCRAM).make_server(self._look_up)
        self._challenge = b""
        self._is_complete = False

    def getChallenge(self) -> bytes:
        return self._challenge

    def setResponse(self, response: bytes) -> None:
        """
        :raise ValueError: if the response is not what SCRAM wants.
        """
        try:
            text = response.decode("utf-8")
            if not self._challenge:
                self._server.set_client_first(text)
                self._challenge = self._server.get_server_first().encode("utf-8")
            else:
                self._is_complete = True
                self._prove(text)
        except (ScramException, KeyError) as error:
            raise ValueError("not SCRAM") from error

    def moreChallenges(self) -> bool:
        return not self._is_complete

    def _look_up(self, name: str) -> tuple[bytes, bytes, bytes, int]:
        # RFC 5802 section 5.1.
        username = name.replace("=2C", ",").replace("=3D", "=")
        self.username = username.encode("utf-8")
        self.account = self._account_named(username)
        verifier = self._verifiers.of(self.account)
        return verifier.salt, verifier.stored_key, verifier.server_key, verifier.iterations

    def _prove(self, client_final: str) -> None:
        try:
            self._server.set_client_final(client_final)
        except ScramException as error:
            if error.server_error is not ServerError.INVALID_PROOF:
                raise
            return
        self.last_word = self._server.get_server_final().encode("utf-8")
        self.proved = True


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")

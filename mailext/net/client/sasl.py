"""
The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is not
said, and the server proves that it knows it.
"""

from __future__ import annotations

from scramp import ScramClient, ScramException
from zope.interface import implementer

from mailext.interfaces import IMutualAuthentication

__all__ = ["ScramSha256Authenticator"]

_NAME = "SCRAM-SHA-256"
# More would hold up whoever else the reactor serves, for as long as the server
# likes; it is half a second here.
_MOST_ITERATIONS = 1_000_000


@implementer(IMutualAuthentication)
class ScramSha256Authenticator:
    """
    One exchange, without channel binding.

    :param username: the user name.
    """

    def __init__(self, username: str) -> None:
        self.serverProved = False
        self._username = username
        self._scram: ScramClient | None = None
        self._is_final = False

    def getName(self) -> bytes:
        """See :meth:`twisted.mail.interfaces.IClientAuthentication.getName`."""
        return _NAME.encode("ascii")

    def challengeResponse(self, secret: bytes, challenge: bytes) -> bytes:
        """
        See :meth:`twisted.mail.interfaces.IClientAuthentication.challengeResponse`.

        :raise ValueError: if what the server says is not SCRAM, or it does not
            know the password.
        """
        try:
            return self._response(secret.decode("utf-8"), challenge.decode("utf-8"))
        except ScramException as error:
            raise ValueError(str(error)) from error

    def _response(self, password: str, challenge: str) -> bytes:
        if self._scram is None:
            self._scram = ScramClient([_NAME], self._username, password)
            return str(self._scram.get_client_first()).encode("utf-8")
        if not self._is_final:
            self._is_final = True
            self._scram.set_server_first(challenge)
            if int(self._scram.iterations) > _MOST_ITERATIONS:
                raise ValueError("the server wants too many iterations")
            return str(self._scram.get_client_final()).encode("utf-8")
        if not challenge.startswith("e="):
            self._scram.set_server_final(challenge)
            self.serverProved = True
        # RFC 4954 section 4: what the server has to say comes as a challenge.
        return b""

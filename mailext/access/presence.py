"""What one connection of IMAP or POP3 has, whatever it says: a name, TLS, an identity, logins."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from twisted.cred.credentials import ICredentials
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime, ITLSTransport
from twisted.logger import Logger
from zope.interface import Interface

from mailext import tls_layer
from mailext.access.settings import AccessSettings
from mailext.access.transport import IReaderTransport
from mailext.clientid.attempts import ConnectionLogins
from mailext.clientid.login import AnyPortal, Login
from mailext.values import ClientIdentity, LoginAttempt, Protocol, SessionView, TlsFacts
from mailext.wire.grammar import parse_client_identity

__all__ = ["IdentityRefusedError", "Presence"]

_log = Logger()


class IdentityRefusedError(Exception):
    """CLIENTID is not for now; ``str()`` says why, and nothing of the identity."""


class Presence:
    """
    :param portal: whom logins are made with.
    :ivar encrypted: whether the connection is under TLS.
    :ivar avatar_id: who has logged in; None before that.
    """

    def __init__(
        self,
        protocol: Protocol,
        transport: IReaderTransport,
        settings: AccessSettings,
        portal: AnyPortal,
        clock: IReactorTime,
    ) -> None:
        self.encrypted = tls_layer.is_encrypted(transport)
        self.avatar_id: str | None = None
        self._protocol = protocol
        self._transport = transport
        self._settings = settings
        self._portal = portal
        self._id = secrets.token_hex(8)
        self._facts: TlsFacts | None = None
        self._identity: ClientIdentity | None = None
        self._login_tried = False
        self._logins = ConnectionLogins(settings.login, clock, settings.auth_failure_delay)
        self._logout: Callable[[], object] | None = None
        self._is_over = False

    # TLS

    @property
    def can_start_tls(self) -> bool:
        """Whether the client may ask for TLS."""
        return (
            not self.encrypted
            and self._settings.tls is not None
            and ITLSTransport.providedBy(self._transport)
        )

    def start_tls(self) -> None:
        """Begin TLS. What was said in clear counts for nothing."""
        assert self._settings.tls is not None
        tls_layer.begin(self._transport, self._settings.tls)
        self.encrypted = True
        self._identity = None
        self._login_tried = False

    def handshake_completed(self) -> None:
        """TLS has begun."""
        self._facts = tls_layer.facts(self._transport)

    # Identity

    @property
    def offers_clientid(self) -> bool:
        """Whether a client may say now which device it is."""
        return self._settings.clientid_enabled and self.encrypted and self._identity is None

    def identify(self, kind: bytes, token: bytes) -> None:
        """
        The client says which device it is. What that is worth is told at the
        login alone (C18).

        :raise IdentityRefusedError: if it is not for now.
        :raise mailext.wire.grammar.GrammarError: if it is malformed.
        """
        if not (self._settings.clientid_enabled and self.encrypted):
            raise IdentityRefusedError("CLIENTID is not available")
        if self._login_tried or self._identity is not None:
            raise IdentityRefusedError("CLIENTID comes once, and before the login")
        self._identity = parse_client_identity(kind + b" " + token)

    # Logins

    @property
    def may_log_in(self) -> bool:
        """Whether a password may be said on this connection (R21, RFC 8314 section 3)."""
        return self.encrypted or self._settings.plaintext_auth

    @property
    def is_given_up(self) -> bool:
        """Whether too many logins have failed, or the same one too often."""
        logins = self._logins
        return logins.failures >= self._settings.auth_failures or logins.refusals >= self._settings.errors

    def login_comes(self) -> None:
        """The client has begun to log in, whatever becomes of it."""
        self._login_tried = True

    def log_in(
        self, credentials: ICredentials, username: str, mechanism: str, interface: type[Interface]
    ) -> Deferred[Login]:
        """
        :param username: as the client gave it.
        :param interface: what the avatar is to provide.
        :return: a Deferred of the login. It fails as that of
            :meth:`mailext.clientid.attempts.ConnectionLogins.login`, and with
            :class:`twisted.internet.error.ConnectionLost` if the client has
            left meanwhile.
        """
        login = self._logins.login(
            self._portal,
            credentials,
            LoginAttempt(username, mechanism, self.view()),
            self._identity,
            interface,
        )
        return login.addCallback(self._logged_in)

    def _logged_in(self, login: Login) -> Login:
        self._logout = login.logout
        if self._is_over:
            self._log_out()
            raise ConnectionLost
        self.avatar_id = login.avatar_id
        return login

    def _log_out(self) -> None:
        logout, self._logout = self._logout, None
        if logout is not None:
            maybeDeferred(logout).addErrback(lambda failure: _log.failure("A logout failed", failure))

    def view(self) -> SessionView:
        """What checkers may know of this session."""
        peer = self._transport.getPeer()
        return SessionView(
            self._id,
            self._protocol,
            self._settings.name,
            "local" if isinstance(peer, UNIXAddress) else str(getattr(peer, "host", peer)),
            self._facts,
            # C23, draft-storey-smtp-client-id-13 section 7.
            self._settings.dispositions.for_authentication(self._identity),
            self.avatar_id,
            clientid=self._settings.login.name_of(self._identity),
        )

    def end(self) -> None:
        """The connection is gone."""
        self._is_over = True
        self._logins.stop()
        self._settings.login.session_ended(self.view())
        self._log_out()

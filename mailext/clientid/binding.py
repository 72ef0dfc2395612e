"""
Where identities meet :mod:`twisted.cred`.

A portal passes credentials to a credentials checker and, if that is content,
asks its realm for an avatar. The first is given the client's identity with
the credentials; between the two the identity checkers judge the account. A
portal, its checkers and its realm need know nothing of either.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

from twisted.cred.credentials import ICredentials
from twisted.cred.error import LoginFailed, Unauthorized, UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import Interface, alsoProvides, directlyProvides, implementer, providedBy

from mailext.clientid.hearing import Hearing
from mailext.clientid.result import Login, LoginRefusedError, LoginUnavailableError
from mailext.interfaces import IClientIdentified
from mailext.judgement import log_trouble
from mailext.values import LoginOutcome, SessionView

__all__ = ["AnyPortal", "identified", "log_in"]

_log = Logger()

_Avatar = tuple[type[Interface], object, Callable[[], None]]
_AvatarId = bytes | tuple[()]


class AnyPortal(Protocol):
    """What is asked of a portal: the one method of :class:`twisted.cred.portal.Portal`."""

    def login(
        self, credentials: ICredentials, mind: object, *interfaces: type[Interface]
    ) -> Deferred[_Avatar]:
        """See :meth:`twisted.cred.portal.Portal.login`."""


@runtime_checkable
class _PortalWithRealm(AnyPortal, Protocol):
    realm: IRealm


async def log_in(
    hearing: Hearing, portal: AnyPortal, credentials: ICredentials, interfaces: tuple[type[Interface], ...]
) -> Login:
    """
    Pass credentials to a portal, and have the account judged before the
    portal's realm makes the avatar.

    :param portal: it is not changed: a copy is asked in its place. Where it
        has no ``realm``, or does not ask it, the account is not judged, which
        is logged.
    :raise LoginRefusedError: if the credentials are wrong, or anything at all
        goes wrong after they were found right.
    :raise LoginUnavailableError: if they could not be looked at.
    """
    session = hearing.attempt.session
    gate: _Gate | None = None
    try:
        if isinstance(portal, _PortalWithRealm):
            gate = _Gate(portal.realm, hearing)
            portal = copy.copy(portal)
            portal.realm = gate
        interface, avatar, logout = await maybeDeferred(
            portal.login, identified(credentials, session), None, *interfaces
        )
    except LoginRefusedError:
        raise
    except (LoginFailed, Unauthorized) as error:
        raise LoginRefusedError(LoginOutcome.BAD_CREDENTIALS, _why(error)) from error
    except Exception as error:
        log_trouble(error, "the login failed", session)
        reason = f"{type(error).__name__}: {error}"
        if hearing.avatar_id is not None:
            raise LoginRefusedError(LoginOutcome.ERROR, reason) from error
        raise LoginUnavailableError(reason) from error
    if gate is not None and gate.denial is not None:
        try:
            logout()
        except Exception as error:  # noqa: BLE001 - a 454 now would tell that the password was right
            log_trouble(error, "the logout failed", session)
        raise gate.denial
    avatar_id = hearing.avatar_id
    if avatar_id is None:
        if hearing.is_attended:
            _log.warn("the portal does not tell who logged in: checkLogin was not asked", session=session.id)
        avatar_id = hearing.attempt.username
    return Login(interface, avatar, logout, avatar_id, hearing.refusal)


def identified(credentials: ICredentials, session: SessionView) -> ICredentials:
    """
    Let credentials tell a credentials checker of the client's identity
    (U8, draft-storey-smtp-client-id-13 section 6.3).

    :param session: whose identity, after its disposition, they are to carry.
    :return: the same object, which from now on provides
        :class:`~mailext.interfaces.IClientIdentified` too. In place of one
        that takes no further attributes, another that provides all that it
        provides.
    """
    try:
        _attach(credentials, session)
    except (AttributeError, TypeError):
        credentials = cast("ICredentials", _Carrier(credentials))
        _attach(credentials, session)
    return credentials


def _attach(credentials: ICredentials, session: SessionView) -> None:
    carrier = cast("IClientIdentified", credentials)
    carrier.clientIdentity = session.identity
    carrier.session = session
    alsoProvides(credentials, IClientIdentified)


class _Carrier:
    """Stands in for credentials that take no further attributes."""

    def __init__(self, credentials: ICredentials) -> None:
        self._credentials = credentials
        directlyProvides(self, providedBy(credentials))

    def __getattr__(self, name: str) -> object:
        return getattr(self._credentials, name)


@implementer(IRealm)
class _Gate:
    """
    Takes the place of a portal's realm for one login.

    :ivar denial: why the realm was not asked; None if it was.
    """

    def __init__(self, realm: IRealm, hearing: Hearing) -> None:
        self.denial: LoginRefusedError | None = None
        self._realm = realm
        self._hearing = hearing

    def __getattr__(self, name: str) -> object:
        return getattr(self._realm, name)

    def requestAvatar(
        self, avatarId: _AvatarId, mind: object, *interfaces: type[Interface]
    ) -> Deferred[_Avatar]:
        """See :meth:`twisted.cred.portal.IRealm.requestAvatar`."""
        return Deferred.fromCoroutine(self._admit(avatarId, mind, interfaces))

    async def _admit(
        self, avatarId: _AvatarId, mind: object, interfaces: tuple[type[Interface], ...]
    ) -> _Avatar:
        try:
            await self._hearing.after_password(_text(avatarId))
        except LoginRefusedError as error:
            self.denial = error
            raise
        self.denial = None
        avatar = self._realm.requestAvatar(avatarId, mind, *interfaces)
        return await avatar if isinstance(avatar, Deferred) else avatar


def _why(error: Exception) -> str:
    """What the log says of wrong credentials."""
    if type(error) is UnauthorizedLogin:
        return str(error) or "wrong user name or password"
    return f"{type(error).__name__} {error}".rstrip()


def _text(avatar_id: bytes | str | tuple[()]) -> str:
    if isinstance(avatar_id, bytes):
        return avatar_id.decode("utf-8", "backslashreplace")
    return str(avatar_id) if avatar_id else ""

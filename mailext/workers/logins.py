"""Logins at a worker, which the main process judges."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.cred.credentials import ICredentials
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from mailext.accounts.portal import ChainedPortal
from mailext.accounts.scram import IScramLogin
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.login import AnyPortal
from mailext.clientid.result import Login, LoginUnavailableError
from mailext.storage.identity_keys import ID_DIGITS, IdentityKeys
from mailext.values import ClientIdentity, LoginAttempt, SessionView
from mailext.workers.channel import Channel, ChannelError
from mailext.workers.messages import Admission, LogIn, SessionEnded

__all__ = ["DistantLoginJudge"]


@implementer(IScramLogin)
@dataclass
class _ScramProof:
    """What an exchange by SCRAM has come to, without the exchange."""

    account: str
    proved: bool


class DistantLoginJudge:
    """
    A :class:`~mailext.clientid.login.AnyLoginJudge` that asks the main process. The avatar is
    made here, by the realm of the portal.

    :param portal: the worker's own.
    :param dispositions: of the listener.
    :param keys: what logs name identities by.
    """

    def __init__(
        self, channel: Channel, portal: ChainedPortal, dispositions: Dispositions, keys: IdentityKeys
    ) -> None:
        self._channel = channel
        self._portal = portal
        self._dispositions = dispositions
        self._keys = keys

    def login(
        self,
        portal: AnyPortal,  # noqa: ARG002 - it is the one that this was made with
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        *interfaces: type[Interface],
    ) -> Deferred[Login]:
        """See :meth:`mailext.clientid.login.LoginJudge.login`."""
        return Deferred.fromCoroutine(self._login(credentials, attempt, identity, interfaces))

    def name_of(self, identity: ClientIdentity | None) -> str:
        """See :meth:`mailext.clientid.login.LoginJudge.name_of`."""
        named = self._dispositions.for_log(identity)
        return "" if named is None else self._keys.hashes(named)[0][:ID_DIGITS]

    def session_ended(self, session: SessionView) -> None:
        """See :meth:`mailext.clientid.login.LoginJudge.session_ended`."""
        self._channel.tell(SessionEnded(session))

    async def _login(
        self,
        credentials: ICredentials,
        attempt: LoginAttempt,
        identity: ClientIdentity | None,
        interfaces: tuple[type[Interface], ...],
    ) -> Login:
        try:
            answer = await self._channel.ask(LogIn(_portable(credentials), attempt, identity))
        except ChannelError as error:
            raise LoginUnavailableError(str(error)) from error
        if not isinstance(answer, Admission):
            raise answer.error()
        avatar = self._portal.realm.requestAvatar(answer.avatar_id.encode(), None, *interfaces)
        provided, made, logout = await avatar if isinstance(avatar, Deferred) else avatar
        return Login(provided, made, logout, answer.avatar_id, answer.refusal)


def _portable(credentials: ICredentials) -> ICredentials:
    if IScramLogin.providedBy(credentials):
        return _ScramProof(credentials.account, credentials.proved)
    return credentials

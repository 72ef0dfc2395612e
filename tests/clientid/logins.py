"""A small site to log in to, for the tests of logins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import ICredentials, IUsernamePassword, UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import Interface, implementer

from mailext.clientid.journal import LoginJournal
from mailext.clientid.login import Login, LoginJudge, RejectAt
from mailext.interfaces import IClientIdentityChecker
from mailext.testing import login_attempt
from mailext.values import ClientIdentity

PHONE = ClientIdentity("UUID", "23bf83be-aad7-46aa-9e0f-39191ccf402f")


class IMailbox(Interface):
    """What the site's avatars provide."""


@implementer(IRealm)
class Realm:
    """Gives everybody an avatar, unless it has been given something else to do."""

    def __init__(self, instead: Callable[[], object] | None = None) -> None:
        self.asked: list[object] = []
        self.logged_out: list[object] = []
        self._instead = instead

    def requestAvatar(self, avatarId, mind, *interfaces):
        self.asked.append(avatarId)
        if self._instead is not None:
            return self._instead()
        return interfaces[0], ("mailbox", avatarId), lambda: self.logged_out.append(avatarId)


@implementer(ICredentialsChecker)
class CountingPasswords:
    """A checker of ann's password that counts how often it had to look."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: Callable[[], object] | None = None) -> None:
        self.seen: list[ICredentials] = []
        self._answer = answer
        self._passwords = InMemoryUsernamePasswordDatabaseDontUse(ann=b"secret")

    def requestAvatarId(self, credentials):
        self.seen.append(credentials)
        return self._passwords.requestAvatarId(credentials) if self._answer is None else self._answer()


class Site:
    """Everything that a login needs, with ways to replace each part."""

    def __init__(
        self,
        *checkers: IClientIdentityChecker,
        realm: IRealm | None = None,
        passwords: ICredentialsChecker | None = None,
        reject_at: RejectAt = RejectAt.AUTH,
        journal: LoginJournal | None = None,
    ) -> None:
        self.clock = Clock()
        self.realm = realm or Realm()
        self.passwords = passwords or CountingPasswords()
        self.portal = Portal(self.realm, [self.passwords])
        self.judge = LoginJudge(checkers, self.clock, 10.0, reject_at, journal)

    def login(
        self,
        password: bytes = b"secret",
        identity: ClientIdentity | None = PHONE,
        portal: object | None = None,
        credentials: ICredentials | None = None,
    ) -> Deferred[Login]:
        return self.judge.login(
            portal or self.portal,
            credentials or UsernamePassword(b"ann", password),
            login_attempt(identity, "ann"),
            identity,
            IMailbox,
        )


def outcomes(calls: Sequence[tuple[object, ...]]) -> list[object]:
    """The outcomes that a scripted checker was told."""
    return [call[2] for call in calls if call[0] == "settled"]

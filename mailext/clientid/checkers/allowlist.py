"""
The built-in checker ``allowlist``: is this identity on the account's list?

The list of an account is what the registry holds as enrolled or approved (U1,
C17, draft-storey-smtp-client-id-13 sections 6.1 and 6.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments, Ruling
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, LoginAttempt, Verdict

__all__ = ["AllowListChecker", "AllowListCheckerFactory"]


class AllowListChecker(ClientIdentityChecker):
    """
    Refuses whoever does not present an identity of the account's list.

    :param accounts: globs of the accounts that it has to do with; empty: all.
    :param unlisted: what becomes of the clients of an account without a list.
    """

    def __init__(self, services: IPluginServices, accounts: Sequence[str], unlisted: Ruling) -> None:
        self._identities = services.identities
        self._clock = services.clock
        self._accounts = tuple(accounts)
        self._unlisted = unlisted

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        if self._accounts and not any(fnmatchcase(avatarId, glob) for glob in self._accounts):
            return ACCEPTED
        return Deferred.fromCoroutine(self._judge(avatarId, attempt.session.identity))

    async def _judge(self, account: str, identity: ClientIdentity | None) -> Verdict:
        if identity is not None:
            record = await self._identities.find(account, identity)
            if record is not None and record.is_trusted(self._clock.seconds()):
                return ACCEPTED
        if self._unlisted is Ruling.ACCEPT and not await self._identities.trustedCount(account):
            return ACCEPTED
        return Verdict.refuse("not on the account's list")


class AllowListCheckerFactory(CheckerFactory):
    """Makes the checker ``allowlist``."""

    name = "allowlist"
    help = """
    Admits to an account the identities that are on its list, and nobody else:
    those that were enrolled or approved. With one on the list the account can
    be used from this one device only.

    accounts names the accounts that this holds for, with * and ?; it holds
    for all if it is not given. unlisted says what becomes of the clients of an
    account that has no list.
    """
    argStringFormat = "[mode=observe|enforce][:accounts=GLOB,...][:unlisted=accept|refuse]"
    keys = frozenset({"accounts", "unlisted"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        return AllowListChecker(
            services, arguments.words("accounts"), arguments.choice("unlisted", Ruling.ACCEPT)
        )

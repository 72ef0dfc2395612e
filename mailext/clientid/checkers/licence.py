"""
The built-in checker ``licence``: was this token set up by the operator?

A licence key is agreed on outside of any session, and required in order to
log in (U4, draft-storey-smtp-client-id-13 section 6.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.checkers.globs import matches_any
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, LoginAttempt, LoginOutcome, Verdict

__all__ = ["LicenceChecker", "LicenceCheckerFactory"]


class LicenceChecker(ClientIdentityChecker):
    """
    Refuses whoever does not present a licence that is in force, and good for
    the account.

    :param types: globs of the identity types that are licences, upper case.
    """

    def __init__(self, services: IPluginServices, types: Sequence[str] = ("*",)) -> None:
        self._licences = services.licences
        self._clock = services.clock
        self._types = tuple(types)

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._checked(attempt, attempt.account)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        # As a rule it is the account that was meant, and judged before.
        return ACCEPTED if avatarId == attempt.account else self._checked(attempt, avatarId)

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> Deferred[None] | None:
        """See :meth:`IClientIdentityChecker.settled`."""
        identity = attempt.session.identity
        if outcome is not LoginOutcome.SUCCESS or identity is None:
            return None
        return self._licences.used(identity, self._clock.seconds())

    def _checked(self, attempt: LoginAttempt, account: str) -> Verdict | Deferred[Verdict]:
        identity = attempt.session.identity
        if identity is None or not matches_any(identity.type, self._types):
            return Verdict.refuse("no licence was presented")
        return Deferred.fromCoroutine(self._judge(account, identity))

    async def _judge(self, account: str, identity: ClientIdentity) -> Verdict:
        licence = await self._licences.find(identity)
        if licence is None:
            return Verdict.refuse("a licence that was never set up")
        if licence.revoked:
            return Verdict.refuse("a licence that was revoked")
        if not licence.in_force(self._clock.seconds()):
            return Verdict.refuse("a licence that is not in force now")
        if licence.account not in (None, account):
            return Verdict.refuse("a licence of another account")
        return ACCEPTED


class LicenceCheckerFactory(CheckerFactory):
    """Makes the checker ``licence``."""

    name = "licence"
    help = """
    Requires an identity that was set up beforehand with mailext licence add:
    in force, not revoked, and free or bound to this very account. types names
    the identity types that are licences, with * and ?; any if it is not given.
    """
    argStringFormat = "[mode=observe|enforce][:types=TYPE,...]"
    keys = frozenset({"types"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        return LicenceChecker(services, [each.upper() for each in arguments.words("types")] or ["*"])

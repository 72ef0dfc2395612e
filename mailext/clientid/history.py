"""
The built-in checker ``history``: which identities each account is used with.

The registry keeps account, type, keyed hash, first and last use and their
count, apart from all credentials (C22, draft-storey-smtp-client-id-13 section
7). An identity that an account was not used with before is told to the log.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.bases import ClientIdentityChecker
from mailext.clientid.observe import ObservingChecker
from mailext.interfaces import IClientIdentityChecker, IClientIdentityCheckerFactory, IPluginServices
from mailext.plugins import parse_arguments, single
from mailext.values import ACCEPTED, IdentityRecord, LoginAttempt, Verdict

__all__ = ["HistoryChecker", "HistoryCheckerFactory"]


class HistoryChecker(ClientIdentityChecker):
    """
    Refuses an identity that the account was not used with before. It is the
    login's journal that records them.
    """

    def __init__(self, services: IPluginServices) -> None:
        self._identities = services.identities

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        identity = attempt.session.identity
        if identity is None:
            return ACCEPTED
        return self._identities.find(avatarId, identity).addCallback(_judge)


def _judge(record: IdentityRecord | None) -> Verdict:
    if record is None:
        return Verdict.refuse("this account was not used with this identity before")
    return ACCEPTED


@implementer(IClientIdentityCheckerFactory)
class HistoryCheckerFactory:
    """Makes the checker ``history``."""

    name = "history"
    help = """
    Keeps a history of the client identities that each account is used with:
    type, keyed hash, first and last use, count. With mode=observe, the only
    one there is yet, an identity that is new to its account is logged and
    nobody is refused.
    """
    argStringFormat = "mode=observe"

    def generateChecker(self, argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`IClientIdentityCheckerFactory.generateChecker`."""
        mode = single(parse_arguments(argstring, {"mode"}), "mode", "observe")
        if mode != "observe":
            raise ValueError(f"there is no mode {mode!r}; the modes are: observe")
        return ObservingChecker(HistoryChecker(services), self.name)

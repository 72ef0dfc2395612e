"""
The built-in checker ``choose``: other checkers for some clients than for others.

A client that presents an identity can be trusted further than one that does
not, and one type further than another (U5, draft-storey-smtp-client-id-13
section 6.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.checkers.globs import matches_any
from mailext.clientid.checkers.sequence import CheckerSequence
from mailext.clientid.decisions import IDecisionsLogged
from mailext.interfaces import IClientIdentityChecker, IClientIdentityCheckerFactory, IPluginServices
from mailext.plugins import PluginError, make_checker
from mailext.values import LoginAttempt, LoginOutcome, SessionView, Verdict

__all__ = ["ChoosingChecker", "ChoosingCheckerFactory"]


@implementer(IDecisionsLogged)
class ChoosingChecker:
    """
    Leaves the judgement to one of two checkers.

    :param types: globs of identity types, upper case.
    :param then: judges clients with an identity of such a type.
    :param otherwise: judges all others, those without an identity among them.
    """

    name = "choose"
    identityTypes: frozenset[str] = frozenset()

    def __init__(self, types: Sequence[str], then: CheckerSequence, otherwise: CheckerSequence) -> None:
        self._types = tuple(types)
        self._then = then
        self._otherwise = otherwise

    def checkAttempt(self, attempt: LoginAttempt) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return self._chosen(attempt).checkAttempt(attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return self._chosen(attempt).checkLogin(attempt, avatarId)

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        """See :meth:`IClientIdentityChecker.settled`."""
        self._chosen(attempt).settled(attempt, outcome)

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        self._then.sessionEnded(session)
        self._otherwise.sessionEnded(session)

    def _chosen(self, attempt: LoginAttempt) -> CheckerSequence:
        identity = attempt.session.identity
        matches = identity is not None and matches_any(identity.type, self._types)
        return self._then if matches else self._otherwise


@implementer(IClientIdentityCheckerFactory)
class ChoosingCheckerFactory:
    """
    Makes the checker ``choose``.

    :cvar keys: the arguments that it takes.
    """

    name = "choose"
    help = r"""
    Asks other checkers, by what the client presents: those in then if it
    presents an identity, those in otherwise if it does not. With types it must
    be an identity of one of these types, with * and ?, for then to be asked.

    then and otherwise are lists of plugin strings, whose own colons and commas
    take a backslash: then=history\:mode=enforce. Each of them has its mode;
    choose has none.
    """
    argStringFormat = "[types=TYPE,...][:then=CHECKER,...][:otherwise=CHECKER,...]"
    keys = frozenset({"types", "then", "otherwise"})

    def generateChecker(self, argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`IClientIdentityCheckerFactory.generateChecker`."""
        arguments = Arguments(argstring, self.keys)
        if not (arguments.words("then") or arguments.words("otherwise")):
            raise ValueError("it needs then or otherwise")
        return ChoosingChecker(
            [glob.upper() for glob in arguments.words("types")] or ["*"],
            _sequence("then", arguments, services),
            _sequence("otherwise", arguments, services),
        )


def _sequence(key: str, arguments: Arguments, services: IPluginServices) -> CheckerSequence:
    try:
        return CheckerSequence(key, [make_checker(string, services) for string in arguments.words(key)])
    except PluginError as error:
        raise ValueError(f"{key}: {error}") from error

"""
What a third party may ship: four small identity checkers and their factories.

It imports from mailext what the documentation tells plugin authors of, and
nothing from its tests.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.bases import ClientIdentityChecker
from mailext.clientid.modes import ObservingChecker
from mailext.interfaces import IClientIdentityChecker, IClientIdentityCheckerFactory, IPluginServices
from mailext.plugins import parse_arguments, single
from mailext.values import ACCEPTED, LoginAttempt, Verdict


class TypesRequired(ClientIdentityChecker):
    """Wants an identity, of one of these types if any are named."""

    def __init__(self, types: frozenset[str]) -> None:
        self._types = types

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        identity = attempt.session.identity
        if identity is None:
            return Verdict.refuse("no identity was presented")
        if self._types and identity.type not in self._types:
            return Verdict.refuse(f"an identity of type {identity.type}")
        return ACCEPTED


class TypesRefused(ClientIdentityChecker):
    """Refuses identities of these types."""

    def __init__(self, types: frozenset[str]) -> None:
        self.identityTypes = types

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        return Verdict.refuse("a type on the list")


class TokensRevoked(ClientIdentityChecker):
    """Refuses tokens whose keyed hash is on a list, or which a glob matches."""

    def __init__(self, ids: frozenset[str], globs: tuple[str, ...], services: IPluginServices) -> None:
        self._ids = ids
        self._globs = globs
        self._identities = services.identities

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        identity = attempt.session.identity
        if identity is None:
            return ACCEPTED
        if self._identities.fingerprint(identity) in self._ids:
            return Verdict.refuse("a revoked token")
        if any(fnmatchcase(identity.token, glob) for glob in self._globs):
            return Verdict.refuse("a token of a bad batch")
        return ACCEPTED


class AccountsList(ClientIdentityChecker):
    """Refuses identities that the account holder has not used before."""

    def __init__(self, services: IPluginServices) -> None:
        self._identities = services.identities

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        identity = attempt.session.identity
        if identity is None:
            return Verdict.refuse("no identity was presented")
        return self._identities.find(avatarId, identity).addCallback(
            lambda record: Verdict.refuse("not on the account's list") if record is None else ACCEPTED
        )


@implementer(IClientIdentityCheckerFactory)
class AcmeFactory:
    name = "acme"
    help = """
    Judges client identities by what Acme knows of them: types that are
    required or refused, tokens that are revoked, and each account's own list.
    """
    argStringFormat = (
        "rule=require|refuse|revoked|listed[:types=TYPE,...][:ids=ID,...][:mode=observe|enforce]"
    )

    def generateChecker(self, argstring: str, services: IPluginServices) -> IClientIdentityChecker:
        arguments = parse_arguments(argstring, {"rule", "types", "ids", "tokens", "mode"})
        types = frozenset(each.upper() for each in arguments.get("types", ()))
        checkers = {
            "require": lambda: TypesRequired(types),
            "refuse": lambda: TypesRefused(types),
            "revoked": lambda: TokensRevoked(
                frozenset(arguments.get("ids", ())), arguments.get("tokens", ()), services
            ),
            "listed": lambda: AccountsList(services),
        }
        rule = single(arguments, "rule", "")
        if rule not in checkers:
            raise ValueError(f"there is no rule {rule!r}; there are: {', '.join(checkers)}")
        if rule == "refuse" and not types:
            raise ValueError("rule=refuse needs types=TYPE,...")
        checker = checkers[rule]()
        if single(arguments, "mode", "enforce") == "observe":
            return ObservingChecker(checker, f"acme {rule}")
        return checker

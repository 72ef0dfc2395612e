"""
The built-in checker ``types``: which identity types may log in.

No type is mandatory, and one that nobody has heard of is as good as any
(C20, draft-storey-smtp-client-id-13 section 7), unless the operator says here
that it is not (C13, C14, section 6.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments, Ruling
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.checkers.globs import best_match
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, LoginAttempt, Verdict

__all__ = ["TypesChecker", "TypesCheckerFactory"]


class TypesChecker(ClientIdentityChecker):
    """
    An access list of identity types.

    :param accept: globs; if there are any, other types are refused.
    :param refuse: globs.
    :param absent: what becomes of a client without an identity.
    """

    def __init__(self, accept: Sequence[str], refuse: Sequence[str], absent: Ruling) -> None:
        self._rules = {glob.upper(): Ruling.REFUSE for glob in refuse}
        self._rules.update({glob.upper(): Ruling.ACCEPT for glob in accept})
        self._otherwise = Ruling.REFUSE if accept else Ruling.ACCEPT
        self._absent = absent

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        identity = attempt.session.identity
        if identity is None:
            return ACCEPTED if self._absent is Ruling.ACCEPT else Verdict.refuse("no identity was presented")
        glob = best_match(identity.type, self._rules)
        ruling = self._otherwise if glob is None else self._rules[glob]
        if ruling is Ruling.ACCEPT:
            return ACCEPTED
        return Verdict.refuse(f"the identity type {identity.type} is not accepted")


class TypesCheckerFactory(CheckerFactory):
    """Makes the checker ``types``."""

    name = "types"
    help = """
    An access list of identity types, applied before the password is looked at.
    accept and refuse name types, with * and ?; the exact name beats a glob, a
    longer glob a shorter one. Where accept is given, a type that neither names
    is refused. absent=refuse requires an identity.
    """
    argStringFormat = "[mode=observe|enforce][:accept=TYPE,...][:refuse=TYPE,...][:absent=accept|refuse]"
    keys = frozenset({"accept", "refuse", "absent"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:  # noqa: ARG002
        """See :meth:`CheckerFactory.make`."""
        accept, refuse = arguments.words("accept"), arguments.words("refuse")
        both = {glob.upper() for glob in accept} & {glob.upper() for glob in refuse}
        if both:
            raise ValueError(f"both accepted and refused: {', '.join(sorted(both))}")
        absent = arguments.choice("absent", Ruling.ACCEPT)
        if not (accept or refuse or absent is Ruling.REFUSE):
            raise ValueError("it needs accept, refuse or absent=refuse")
        return TypesChecker(accept, refuse, absent)

"""A portal that asks several checkers about credentials of one kind."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from zope.interface import Interface, implementer

__all__ = ["ChainedPortal", "CheckerChain"]


@implementer(ICredentialsChecker)
class CheckerChain:
    """
    Asks one checker after the other; the first that accepts decides. Where
    none does, a checker that could not answer makes it a temporary failure:
    it might have accepted.
    """

    _log = Logger()

    def __init__(self, credential_interface: type[Interface]) -> None:
        self.credentialInterfaces = (credential_interface,)
        self._checkers: list[ICredentialsChecker] = []

    def append(self, checker: ICredentialsChecker) -> None:
        """Ask this one too, after the others."""
        self._checkers.append(checker)

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[bytes | tuple[()]]:
        """
        :return: a Deferred of the avatar id. It fails with the first error
            of a checker, and with UnauthorizedLogin if all just said no.
        """
        return Deferred.fromCoroutine(self._ask(credentials))

    async def _ask(self, credentials: ICredentials) -> bytes | tuple[()]:
        trouble: Exception | None = None
        for checker in self._checkers:
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except UnauthorizedLogin:
                continue
            except Exception as error:  # noqa: BLE001 - it is someone else's code
                self._log.failure("A credentials checker failed")
                trouble = trouble or error
        raise trouble or UnauthorizedLogin()


class ChainedPortal(Portal):
    """
    A portal whose checkers of one interface are tried in the order in which
    they were registered. A plain Portal keeps the last one only.
    """

    def __init__(self, realm: IRealm, checkers: Iterable[ICredentialsChecker] = ()) -> None:
        self._chains: dict[type[Interface], CheckerChain] = {}
        super().__init__(realm, checkers)

    def registerChecker(self, checker: ICredentialsChecker, *credentialInterfaces: type[Interface]) -> None:
        for each in credentialInterfaces or checker.credentialInterfaces:
            chain = self._chains.setdefault(each, CheckerChain(each))
            chain.append(checker)
            super().registerChecker(chain, each)

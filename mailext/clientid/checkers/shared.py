"""
The built-in checker ``shared``: is one identity used with many accounts?

A client that has got into many accounts shows itself by the identity that it
presents to all of them (U2, draft-storey-smtp-client-id-13 section 6.3). So
does a service that reads the mail of many people at their wish; such ones are
exempted.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.checkers.globs import matches_any
from mailext.clientid.decisions import Decision, Stage, log_decision
from mailext.clientid.sources import address_of
from mailext.interfaces import IClientIdentityChecker, IIdentityRegistry, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, LoginAttempt, Verdict

__all__ = ["Exemptions", "SharedIdentityChecker", "SharedIdentityCheckerFactory"]


@dataclass(frozen=True, slots=True)
class Exemptions:
    """
    Who may be used with any number of accounts.

    :param ids: ids of identities, as the registry tells them.
    :param types: globs of identity types, upper case.
    """

    ids: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def cover(self, attempt: LoginAttempt, identity: ClientIdentity, registry: IIdentityRegistry) -> bool:
        """Whether the attempt is by one of these."""
        address = address_of(attempt)
        return (
            matches_any(identity.type, self.types)
            or (bool(self.ids) and registry.fingerprint(identity) in self.ids)
            or (address is not None and any(address in network for network in self.networks))
        )


class SharedIdentityChecker(ClientIdentityChecker):
    """
    Refuses an identity that is used with too many accounts.

    :param alert: from how many accounts on the log warns.
    :param refuse: from how many accounts on it is refused, with all of them.
    """

    def __init__(
        self, services: IPluginServices, alert: int, refuse: int, exemptions: Exemptions = Exemptions()
    ) -> None:
        self._identities = services.identities
        self._alert = alert
        self._refuse = refuse
        self._exemptions = exemptions

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        identity = self._concerned(attempt)
        if identity is None:
            return ACCEPTED
        return Deferred.fromCoroutine(self._judge(attempt, avatarId, identity))

    def _concerned(self, attempt: LoginAttempt) -> ClientIdentity | None:
        identity = attempt.session.identity
        if identity is None or self._exemptions.cover(attempt, identity, self._identities):
            return None
        return identity

    async def _judge(self, attempt: LoginAttempt, account: str, identity: ClientIdentity) -> Verdict:
        record = await self._identities.find(account, identity)
        is_further = record is None or record.count == 0
        # A login that is only observed may have been recorded meanwhile, so this account is counted apart.
        accounts = 1 + await self._identities.otherAccountsOf(account, identity, self._refuse)
        if accounts >= self._refuse:
            return Verdict.refuse(f"this identity is used with {self._refuse} accounts or more")
        if is_further and accounts >= self._alert:
            reason = f"this identity is used with {accounts} accounts"
            log_decision(SharedIdentityCheckerFactory.name, Stage.LOGIN, Decision.ALERT, attempt, reason)
        return ACCEPTED


class SharedIdentityCheckerFactory(CheckerFactory):
    """Makes the checker ``shared``."""

    name = "shared"
    help = """
    Counts the accounts that have logged in with one identity. From alert=N
    accounts on the log warns of each further one (3 if it is not said); from
    refuse=N on the identity is refused, with all of them (5).

    Exempted are services that read the mail of many people at their wish: by
    the identity's id, as mailext identity list shows it, by its type, or by
    the network that they come from.
    """
    argStringFormat = (
        "[mode=observe|enforce][:alert=N][:refuse=N]"
        "[:exempt-ids=ID,...][:exempt-types=TYPE,...][:exempt-networks=NETWORK,...]"
    )
    keys = frozenset({"alert", "refuse", "exempt-ids", "exempt-types", "exempt-networks"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        alert, refuse = arguments.number("alert", "3"), arguments.number("refuse", "5")
        if alert > refuse:
            raise ValueError("it would refuse before it alerts: alert is greater than refuse")
        exemptions = Exemptions(
            frozenset(each.lower() for each in arguments.words("exempt-ids")),
            tuple(each.upper() for each in arguments.words("exempt-types")),
            tuple(map(_network, arguments.words("exempt-networks"))),
        )
        return SharedIdentityChecker(services, alert, refuse, exemptions)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"exempt-networks: {error}") from error

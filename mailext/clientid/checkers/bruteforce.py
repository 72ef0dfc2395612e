"""
The built-in checker ``bruteforce``: somebody guesses passwords.

Three patterns tell it (U7, draft-storey-smtp-client-id-13 section 6.3). Many
failures from one source are a local attack on whatever accounts. Many failures
at one account, from whatever sources, are a distributed one. Failures at many
accounts from one source try a few passwords everywhere. Failures are counted,
never passwords. Whoever makes up another identity for each guess shows himself
by that (U12, section 6.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments, Limit
from mailext.clientid.checkers.devices import Devices
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.sources import source_of
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, LoginAttempt, LoginOutcome, Tally, Verdict

__all__ = ["BruteForceChecker", "BruteForceCheckerFactory", "SourceLimits"]


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """
    How often one source may fail.

    :param failures: at whatever accounts.
    :param accounts: at how many different ones.
    """

    failures: Limit
    accounts: Limit


@dataclass(frozen=True, slots=True)
class _Source:
    """
    Where failures come from.

    :param kind: ``identity`` or ``address``.
    """

    kind: str
    name: str
    limits: SourceLimits

    @property
    def failures(self) -> Tally:
        return self.limits.failures.tally("failures", self.kind, self.name)

    @property
    def accounts(self) -> Tally:
        return self.limits.accounts.tally("failed-accounts", self.kind, self.name)


class BruteForceChecker(ClientIdentityChecker):
    """
    Refuses sources that have failed too often, and strangers at an account
    that is under attack. A known device answers for its own failures alone.

    :param identity: the limits of one identity.
    :param address: the limits of the strangers at one address together.
    :param account: how often strangers together may fail at one account.
    :param forged: how many identities that accounts do not know may have failed
        in one network, or at one account.
    """

    def __init__(
        self,
        services: IPluginServices,
        identity: SourceLimits,
        address: SourceLimits,
        account: Limit,
        forged: Limit,
    ) -> None:
        self._counters = services.counters
        self._identities = services.identities
        self._devices = Devices(services)
        self._identity_limits = identity
        self._address_limits = address
        self._account_limit = account
        self._forged_limit = forged
        self._clock = services.clock

    def checkAttempt(self, attempt: LoginAttempt) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return Deferred.fromCoroutine(self._judge(attempt))

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> Deferred[None] | None:
        """See :meth:`IClientIdentityChecker.settled`."""
        if outcome is not LoginOutcome.BAD_CREDENTIALS or attempt.repeated:
            return None
        return Deferred.fromCoroutine(self._count(attempt))

    async def _judge(self, attempt: LoginAttempt) -> Verdict:
        identity = attempt.session.identity
        if identity is not None and (excess := await self._excess_from(self._device(identity))):
            return Verdict.refuse(excess)
        excess = (
            await self._excess_from(self._address(attempt))
            or await self._excess_at(attempt.account)
            or await self._forgery(attempt)
        )
        if excess and not await self._devices.knows(attempt.account, identity):
            return Verdict.refuse(excess)
        return ACCEPTED

    async def _excess_from(self, source: _Source) -> str | None:
        failures, accounts = await self._counters.counts([source.failures, source.accounts])
        if failures >= source.limits.failures.count:
            return f"local attack: {failures} failures from one {source.kind}"
        if accounts >= source.limits.accounts.count:
            return f"one {source.kind} failed at {accounts} accounts"
        return None

    async def _excess_at(self, account: str) -> str | None:
        (failures,) = await self._counters.counts([self._account(account)])
        if failures >= self._account_limit.count:
            return f"distributed attack: {failures} failures of strangers at one account"
        return None

    async def _forgery(self, attempt: LoginAttempt) -> str | None:
        limit = self._forged_limit
        since = self._clock.seconds() - limit.window
        churn = await self._identities.churn(attempt.account, attempt.place, since)
        if churn.account >= limit.count:
            return f"forged: {churn.account} strange identities at one account"
        if churn.network >= limit.count and attempt.session.identity is not None:
            return f"forged: {churn.network} strange identities from one network"
        return None

    async def _count(self, attempt: LoginAttempt) -> None:
        identity = attempt.session.identity
        sources = [] if identity is None else [self._device(identity)]
        tallies = []
        if not await self._devices.knows(attempt.account, identity):
            sources.append(self._address(attempt))
            tallies.append(self._account(attempt.account))
        await self._counters.add(tallies + [source.failures for source in sources])
        for source in sources:
            await self._counters.addMember(source.accounts, attempt.account)

    def _device(self, identity: ClientIdentity) -> _Source:
        return _Source("identity", self._identities.fingerprint(identity), self._identity_limits)

    def _address(self, attempt: LoginAttempt) -> _Source:
        return _Source("address", source_of(attempt), self._address_limits)

    def _account(self, account: str) -> Tally:
        return self._account_limit.tally("failures", "account", account)


class BruteForceCheckerFactory(CheckerFactory):
    """Makes the checker ``bruteforce``."""

    name = "bruteforce"
    help = """
    Refuses, before the password is looked at, whoever guesses passwords:
    identity and address say how many failures, as COUNT/DURATION, one source
    may have; identity-accounts and address-accounts at how many different
    accounts; account how many failures one account may have from everywhere;
    forged how many identities that accounts do not know may have failed at one
    account, or in one network, whose clients with such identities are then
    refused.
    The same password tried again by a second mechanism is one failure.

    What is counted of an address or of an account is counted of strangers, and
    held against strangers: a device that has logged in to the account before
    is refused for failures of its own alone.

    Without arguments: identity=10/15m, address=50/15m, account=50/1h,
    identity-accounts=5/1h, address-accounts=20/1h, forged=50/1h.
    """
    argStringFormat = (
        "[mode=observe|enforce][:identity=COUNT/DURATION][:address=COUNT/DURATION][:account=COUNT/DURATION]"
        "[:identity-accounts=COUNT/DURATION][:address-accounts=COUNT/DURATION]"
        "[:forged=COUNT/DURATION]"
    )
    keys = frozenset({"identity", "address", "account", "identity-accounts", "address-accounts", "forged"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        return BruteForceChecker(
            services,
            SourceLimits(arguments.limit("identity", "10/15m"), arguments.limit("identity-accounts", "5/1h")),
            SourceLimits(arguments.limit("address", "50/15m"), arguments.limit("address-accounts", "20/1h")),
            arguments.limit("account", "50/1h"),
            arguments.limit("forged", "50/1h"),
        )

"""
The built-in checker ``rate``: how often, and how many at a time.

Limits go by the identity and not by the address, behind which thousands of
devices can be; by the address where no identity is given (U6,
draft-storey-smtp-client-id-13 sections 6.2 and 6.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments, Limit
from mailext.clientid.checkers.devices import Devices
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.sources import source_of
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, LoginAttempt, LoginOutcome, SessionView, Tally, Verdict

__all__ = ["RateChecker", "RateCheckerFactory", "RateLimits"]

_log = Logger()


@dataclass(frozen=True, slots=True)
class RateLimits:
    """
    How often somebody may try to log in, and how many sessions may be logged
    in at a time. None: there is no limit.

    :param account: for strangers together, not for known devices.
    :param address: for clients without an identity.
    :param account_sessions: as ``account``; so is ``address_sessions`` as
        ``address``.
    """

    identity: Limit | None = None
    account: Limit | None = None
    address: Limit | None = None
    identity_sessions: int | None = None
    account_sessions: int | None = None
    address_sessions: int | None = None


@dataclass(frozen=True, slots=True)
class _Party:
    """
    Somebody whose attempts and sessions are counted.

    :param kind: ``identity``, ``account`` or ``address``.
    """

    kind: str
    name: str
    rate: Limit | None
    sessions: int | None

    @property
    def tally(self) -> Tally | None:
        return self.rate.tally("rate", self.kind, self.name) if self.rate else None

    @property
    def place(self) -> str:
        return f"rate/{self.kind}/{self.name}"


class RateChecker(ClientIdentityChecker):
    """
    Refuses clients that come too often, or too many at a time. What was
    refused is not counted.
    """

    def __init__(self, services: IPluginServices, limits: RateLimits) -> None:
        self._counters = services.counters
        self._identities = services.identities
        self._devices = Devices(services)
        self._limits = limits

    def checkAttempt(self, attempt: LoginAttempt) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return Deferred.fromCoroutine(self._judge(attempt))

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> Deferred[None] | None:
        """See :meth:`IClientIdentityChecker.settled`."""
        if outcome is LoginOutcome.REFUSED or attempt.repeated:
            return None
        return Deferred.fromCoroutine(self._count(attempt, outcome))

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        self._counters.leave(session.id).addErrback(
            lambda failure: _log.failure("The places of a session were not given back", failure)
        )

    async def _judge(self, attempt: LoginAttempt) -> Verdict:
        excess = await self._excess(self._client(attempt))
        if excess is not None:
            return excess
        excess = await self._excess(self._account(attempt))
        # Strangers who besiege an account do not lock its holder out.
        if excess is not None and not await self._devices.knows(attempt.account, attempt.session.identity):
            return excess
        return ACCEPTED

    async def _excess(self, party: _Party) -> Verdict | None:
        if party.rate and party.tally:
            (count,) = await self._counters.counts([party.tally])
            if count >= party.rate.count:
                return Verdict.refuse(f"too many logins for one {party.kind}")
        if party.sessions is not None:
            (taken,) = await self._counters.places([party.place])
            if taken >= party.sessions:
                return Verdict.refuse(f"too many sessions at a time for one {party.kind}")
        return None

    async def _count(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        parties = [self._client(attempt)]
        if not await self._devices.knows(attempt.account, attempt.session.identity):
            parties.append(self._account(attempt))
        await self._counters.add([party.tally for party in parties if party.tally])
        if outcome is LoginOutcome.SUCCESS:
            places = [party.place for party in parties if party.sessions is not None]
            await self._counters.enter(places, attempt.session.id)

    def _client(self, attempt: LoginAttempt) -> _Party:
        limits, identity = self._limits, attempt.session.identity
        if identity is None:
            return _Party("address", source_of(attempt), limits.address, limits.address_sessions)
        name = self._identities.fingerprint(identity)
        return _Party("identity", name, limits.identity, limits.identity_sessions)

    def _account(self, attempt: LoginAttempt) -> _Party:
        return _Party("account", attempt.account, self._limits.account, self._limits.account_sessions)


class RateCheckerFactory(CheckerFactory):
    """Makes the checker ``rate``."""

    name = "rate"
    help = """
    Limits how often a client may log in, as COUNT/DURATION, and how many of
    its sessions may be logged in at a time; none lifts a limit. A client with
    an identity is limited by that, whatever address it shares with others; one
    without an identity by its address. The limits of an account are for
    strangers: a device that has logged in to it before is not hit by them.

    Without arguments: identity=120/1h, account=240/1h, address=120/1h,
    identity-sessions=20, and no other limits of sessions.
    """
    argStringFormat = (
        "[mode=observe|enforce][:identity=COUNT/DURATION][:account=COUNT/DURATION][:address=COUNT/DURATION]"
        "[:identity-sessions=N][:account-sessions=N][:address-sessions=N]"
    )
    keys = frozenset(
        {"identity", "account", "address", "identity-sessions", "account-sessions", "address-sessions"}
    )

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        limits = RateLimits(
            identity=arguments.limit_or_none("identity", "120/1h"),
            account=arguments.limit_or_none("account", "240/1h"),
            address=arguments.limit_or_none("address", "120/1h"),
            identity_sessions=arguments.number_or_none("identity-sessions", "20"),
            account_sessions=arguments.number_or_none("account-sessions", "none"),
            address_sessions=arguments.number_or_none("address-sessions", "none"),
        )
        return RateChecker(services, limits)

"""
The built-in checker ``attack-mode``: under attack, known devices alone.

While an attack lasts, logins are only for connections that present an identity
(U9), or one with which the account has logged in before (U10,
draft-storey-smtp-client-id-13 section 6.2). Everybody else is refused before
the password is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from twisted.internet.defer import Deferred

from mailext.bases import ClientIdentityChecker
from mailext.clientid.attack import AttackScope, ScopeKind, mode_by_hand
from mailext.clientid.checkers.arguments import Arguments, Limit
from mailext.clientid.checkers.devices import Devices
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.clientid.decisions import Decision, Stage, log_decision
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, AttackMode, LoginAttempt, LoginOutcome, Verdict

__all__ = ["AlarmRule", "AttackModeChecker", "AttackModeCheckerFactory", "Require"]

_COUNTED = (LoginOutcome.BAD_CREDENTIALS, LoginOutcome.REFUSED)


class Require(StrEnum):
    """Who may log in while an attack lasts."""

    #: Whoever presents an identity.
    IDENTITY = "identity"
    #: A device that the account knows.
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """
    When an attack begins, and when it ends.

    :param kinds: where failures are counted, each scope of these kinds for
        itself.
    :param begins: from how many failed logins on.
    :param goes_on: how many failed or refused logins within the same window
        keep it going.
    :param calm: for how long there must be fewer of them before it ends, in
        seconds.
    """

    kinds: Sequence[ScopeKind]
    begins: Limit
    goes_on: int
    calm: float


class AttackModeChecker(ClientIdentityChecker):
    """
    Restricts logins where attack mode is on, by hand or by an alarm, and
    raises alarms.
    """

    def __init__(self, services: IPluginServices, rule: AlarmRule, require: Require = Require.KNOWN) -> None:
        self._counters = services.counters
        self._clock = services.clock
        self._devices = Devices(services)
        self._rule = rule
        self._require = require

    def checkAttempt(self, attempt: LoginAttempt) -> Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return Deferred.fromCoroutine(self._judge(attempt))

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> Deferred[None] | None:
        """See :meth:`IClientIdentityChecker.settled`."""
        if outcome not in _COUNTED or attempt.repeated:
            return None
        return Deferred.fromCoroutine(self._count(attempt, outcome))

    async def _judge(self, attempt: LoginAttempt) -> Verdict:
        if not await self._is_under_attack(attempt):
            return ACCEPTED
        identity = attempt.session.identity
        if identity is None:
            return Verdict.refuse("under attack: no identity was presented")
        if self._require is Require.KNOWN and not await self._devices.knows(attempt.account, identity):
            return Verdict.refuse("under attack: not a device that the account knows")
        return ACCEPTED

    async def _is_under_attack(self, attempt: LoginAttempt) -> bool:
        by_hand = mode_by_hand(await self._counters.attackModes(), attempt)
        if by_hand is not AttackMode.AUTO:
            return by_hand is AttackMode.ON
        alarms = await self._counters.alarms()
        return any(str(scope) in alarms for scope in self._scopes(attempt))

    async def _count(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        alarms = await self._counters.alarms()
        scopes = self._scopes(attempt)
        if outcome is LoginOutcome.REFUSED:
            # What a checker refuses without an attack is none of one.
            scopes = [scope for scope in scopes if str(scope) in alarms]
        tallies = [self._rule.begins.tally("attack", str(scope)) for scope in scopes]
        await self._counters.add(tallies)
        for scope, failures in zip(scopes, await self._counters.counts(tallies), strict=True):
            is_raised = str(scope) in alarms
            if failures < (self._rule.goes_on if is_raised else self._rule.begins.count):
                continue
            await self._counters.raiseAlarm(str(scope), self._clock.seconds() + self._rule.calm)
            if not is_raised:
                reason = f"an attack begins: {failures} failed logins, {scope}"
                log_decision(AttackModeCheckerFactory.name, Stage.ATTEMPT, Decision.ALERT, attempt, reason)

    def _scopes(self, attempt: LoginAttempt) -> list[AttackScope]:
        return [AttackScope.around(kind, attempt) for kind in self._rule.kinds]


class AttackModeCheckerFactory(CheckerFactory):
    """Makes the checker ``attack-mode``."""

    name = "attack-mode"
    help = """
    Restricts logins while an attack lasts, before the password is looked at:
    with require=known, as it is without being said, to devices that the
    account has logged in with before; with require=identity to clients that
    present any identity.

    mailext attack-mode sets it by hand. Where nothing is set, an attack begins
    with so many failed logins (begins=100/1m), and ends when there were fewer
    than goes-on=20 in that time for a while (calm=10m). They are counted for
    the whole server; scope counts them for each listener, account or network
    by itself. With several of these checkers each scope can have limits of its
    own.
    """
    argStringFormat = (
        "[mode=observe|enforce][:require=known|identity][:scope=global|listener|account|network,...]"
        "[:begins=COUNT/DURATION][:goes-on=N][:calm=DURATION]"
    )
    keys = frozenset({"require", "scope", "begins", "goes-on", "calm"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        begins, goes_on = arguments.limit("begins", "100/1m"), arguments.number("goes-on", "20")
        if goes_on > begins.count:
            raise ValueError("it would end before it begins: goes-on is greater than begins")
        rule = AlarmRule(
            arguments.choices("scope", [ScopeKind.GLOBAL]), begins, goes_on, arguments.duration("calm", "10m")
        )
        return AttackModeChecker(services, rule, arguments.choice("require", Require.KNOWN))

"""
The built-in checker ``history``: is this a device that the account knows?

The registry keeps what each account was used with, apart from all credentials
(C22, draft-storey-smtp-client-id-13 section 7); the login procedure itself
tells it of every attempt. Here it is asked (U3, section 6.3).
"""

from __future__ import annotations

from enum import StrEnum

from twisted.internet.defer import Deferred, DeferredLock
from twisted.python.failure import Failure

from mailext.bases import ClientIdentityChecker
from mailext.clientid.checkers.arguments import Arguments, Ruling
from mailext.clientid.checkers.devices import is_known
from mailext.clientid.checkers.factory import CheckerFactory
from mailext.interfaces import IClientIdentityChecker, IPluginServices
from mailext.values import ACCEPTED, ClientIdentity, IdentityRecord, LoginAttempt, LoginOutcome, Verdict

__all__ = ["HistoryChecker", "HistoryCheckerFactory", "NewIdentity", "RevocationChecker"]


_REVOKED = Verdict.refuse("this identity is revoked")


class NewIdentity(StrEnum):
    """What becomes of an identity that the account was not used with before."""

    REFUSE = "refuse"
    #: The first ones become the account's own; others are refused.
    ENROL = "enrol"
    #: It waits for the user or the operator.
    HOLD = "hold"


class HistoryChecker(ClientIdentityChecker):
    """
    Knows the devices of each account, and what to do with a new one.

    :param devices: how many are enrolled by themselves.
    :param absent: what becomes of a client without an identity.
    """

    def __init__(
        self,
        services: IPluginServices,
        new: NewIdentity = NewIdentity.REFUSE,
        devices: int = 1,
        absent: Ruling = Ruling.ACCEPT,
    ) -> None:
        self._identities = services.identities
        self._clock = services.clock
        self._new = new
        self._enrolled = devices
        self._absent = absent
        # By account: a device is enrolled while this is held.
        self._enrolling: dict[str, DeferredLock] = {}

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        identity = attempt.session.identity
        if identity is not None:
            return Deferred.fromCoroutine(self._judge(avatarId, identity))
        if self._absent is Ruling.REFUSE:
            return Verdict.refuse("no identity was presented")
        return ACCEPTED

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> Deferred[None] | None:
        """See :meth:`IClientIdentityChecker.settled`."""
        identity, account = attempt.session.identity, attempt.session.avatar_id
        if identity is None or account is None:
            return None
        if self._new is NewIdentity.ENROL and outcome is LoginOutcome.SUCCESS:
            return self._enrol_in_turn(account, identity)
        # The password was right, or there would be no account.
        if self._new is NewIdentity.HOLD and outcome is LoginOutcome.REFUSED:
            return Deferred.fromCoroutine(self._hold(account, identity))
        return None

    async def _judge(self, account: str, identity: ClientIdentity) -> Verdict:
        if account in self._enrolling:
            # Whether there is room is only known when those before are written down.
            await self._enrolling[account].run(lambda: None)
        record, now = await self._identities.find(account, identity), self._clock.seconds()
        if record is not None and record.is_revoked(now):
            return _REVOKED
        if self._new is not NewIdentity.ENROL:
            if is_known(record, now):
                return ACCEPTED
            return Verdict.refuse("this account was not used with this identity before")
        if (record is not None and record.is_trusted(now)) or await self._has_room(account):
            return ACCEPTED
        return Verdict.refuse("this account has enrolled its devices, and this is none of them")

    def _enrol_in_turn(self, account: str, identity: ClientIdentity) -> Deferred[None]:
        lock = self._enrolling.setdefault(account, DeferredLock())
        done: Deferred[None] = lock.run(lambda: Deferred.fromCoroutine(self._enrol(account, identity)))

        def finish(result: Failure | None) -> Failure | None:
            if not lock.locked:
                self._enrolling.pop(account, None)
            return result

        return done.addBoth(finish)

    async def _enrol(self, account: str, identity: ClientIdentity) -> None:
        record = await self._identities.find(account, identity)
        now = self._clock.seconds()
        if record is None or not record.is_trusted(now):
            await self._identities.enrol(account, identity, now, self._enrolled)

    async def _hold(self, account: str, identity: ClientIdentity) -> None:
        record, now = await self._identities.find(account, identity), self._clock.seconds()
        is_revoked = record is not None and record.is_revoked(now)
        if not is_revoked and not is_known(record, now):
            await self._identities.holdForApproval(account, identity, now)

    async def _has_room(self, account: str) -> bool:
        return await self._identities.trustedCount(account) < self._enrolled


class RevocationChecker(ClientIdentityChecker):
    """
    Refuses an identity that user or operator have revoked, for a time or for
    good (C16). The server asks it before all others, and has no mode for it:
    a revocation is somebody's decision already, and not to be tried out.
    """

    def __init__(self, services: IPluginServices) -> None:
        self._identities = services.identities
        self._clock = services.clock

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        identity = attempt.session.identity
        if identity is None:
            return ACCEPTED
        return self._identities.find(avatarId, identity).addCallback(self._judge)

    def _judge(self, record: IdentityRecord | None) -> Verdict:
        if record is not None and record.is_revoked(self._clock.seconds()):
            return _REVOKED
        return ACCEPTED


class HistoryCheckerFactory(CheckerFactory):
    """Makes the checker ``history``."""

    name = "history"
    help = """
    Asks whether the account has logged in with this identity before. With
    new=refuse an identity that is new to its account is refused. With
    new=enrol the first ones become the account's own, devices=N of them (one
    if it is not said), and all others are refused unless they are approved.
    With new=hold a new one waits, once the password was right, until it is
    approved.

    absent says what becomes of a client that presents no identity.
    """
    argStringFormat = "[mode=observe|enforce][:new=refuse|enrol|hold][:devices=N][:absent=accept|refuse]"
    keys = frozenset({"new", "devices", "absent"})

    def make(self, arguments: Arguments, services: IPluginServices) -> IClientIdentityChecker:
        """See :meth:`CheckerFactory.make`."""
        new = arguments.choice("new", NewIdentity.REFUSE)
        if arguments.words("devices") and new is not NewIdentity.ENROL:
            raise ValueError("devices belongs to new=enrol")
        return HistoryChecker(
            services, new, arguments.number("devices", "1"), arguments.choice("absent", Ruling.ACCEPT)
        )

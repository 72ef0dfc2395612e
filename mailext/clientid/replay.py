"""
Trying checkers on logins that have happened.

The attempts that were kept are judged once more, by other checkers, at their
own times; what these say, and what would then have been recorded, is all that
differs. Tokens were not kept (C24), so an identity is known by its id alone:
what a checker reads out of a token itself, as ``mac`` does, is not judged, nor
is how many sessions there were at one time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs
from zope.interface import implementer

from mailext.clientid.counters import MemoryCounterStore
from mailext.clientid.decisions import Decision, Stage
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.entries import LoginEntry
from mailext.clientid.memory import MemoryIdentityRegistry
from mailext.clientid.panel import NoVerdictError, first_refusal, judges, tell
from mailext.clientid.services import PluginServices
from mailext.interfaces import IClientIdentityChecker, ILicenceRegistry, IPluginServices
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    Licence,
    LoginAttempt,
    LoginOutcome,
    SessionView,
    Verdict,
)

__all__ = ["ListenerRules", "LockedOut", "Replay", "ReplayReport"]

_MAC_OCTETS = 5
_REFUSALS = frozenset({Decision.REFUSE.value, Decision.WOULD_REFUSE.value})
_JUDGED_BY_PEOPLE = frozenset({IdentityStatus.APPROVED, IdentityStatus.REVOKED})


@dataclass(frozen=True, slots=True)
class ListenerRules:
    """
    What is tried at one listener.

    :param make_checkers: makes the checkers.
    """

    make_checkers: Callable[[IPluginServices], Sequence[IClientIdentityChecker]]
    dispositions: Dispositions


@dataclass(frozen=True, slots=True)
class LockedOut:
    """
    Whom one checker would have refused, though the login succeeded.

    :param clientid: the id of the identity, empty without one.
    :param checker: its name.
    :param enforced: False where it would only have observed.
    :param logins: how many logins.
    :param first: the first of them; wall clock, seconds since the epoch.
    :param last: the latest.
    :param reason: of the latest.
    """

    account: str
    clientid: str
    type: str
    checker: str
    enforced: bool
    logins: int
    first: float
    last: float
    reason: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """
    :param logins: how many logins succeeded.
    :param refused: how many of these would have been refused.
    :param failures: how many attempts had wrong credentials.
    :param stopped: how many of these would have been refused before the
        password was looked at.
    :param undecided: how many attempts a checker gave no verdict on.
    :param locked_out: who, most logins first.
    """

    logins: int
    refused: int
    failures: int
    stopped: int
    undecided: int
    locked_out: tuple[LockedOut, ...]


class Replay:
    """
    Judges entries anew. What the registry knows now is taken as far as it was
    known when the first entry was made; what people have approved or revoked
    holds from the beginning.

    :param rules: what is tried at each listener, by its name.
    :param known: what the registry knows.
    :param licences: as they are now.
    :param start: when the first entry was made; wall clock, seconds since the
        epoch.
    :raise mailext.plugins.PluginError: if a checker cannot be made.
    """

    def __init__(
        self,
        rules: Mapping[str, ListenerRules],
        known: Iterable[IdentityRecord],
        licences: Iterable[Licence],
        start: float,
    ) -> None:
        self._clock = Clock()
        self._clock.advance(start)
        # The ids that stand-ins for identities have.
        self._ids: dict[ClientIdentity, str] = {}
        self._registry = MemoryIdentityRegistry(self._ids.__getitem__)
        for record in known:
            if record.status in _JUDGED_BY_PEOPLE or record.first_seen < start:
                self._registry.put(replace(record, count=int(record.first_seen < start), place=None))
        services = PluginServices(
            self._clock, self._registry, _Licences(licences, self._ids), MemoryCounterStore(self._clock)
        )
        self._checkers = {name: each.make_checkers(services) for name, each in rules.items()}
        self._dispositions = {name: each.dispositions for name, each in rules.items()}
        self._locked_out: dict[tuple[str, str, str, bool], LockedOut] = {}
        self._number = 0
        self._counts = {"logins": 0, "refused": 0, "failures": 0, "stopped": 0, "undecided": 0}

    def run(self, entries: Iterable[LoginEntry]) -> None:
        """
        Judge more entries. One of a listener without rules is passed over.

        :param entries: in the order of their times.
        """
        for entry in entries:
            if entry.listener in self._checkers:
                self._replay(entry)

    def report(self) -> ReplayReport:
        """What came of it so far."""
        ordered = sorted(self._locked_out.values(), key=lambda each: (-each.logins, each.account, each.last))
        return ReplayReport(**self._counts, locked_out=tuple(ordered))

    def _replay(self, entry: LoginEntry) -> None:
        self._clock.advance(max(0.0, entry.time - self._clock.seconds()))
        self._number += 1
        identity = None
        if entry.clientid:
            identity = ClientIdentity(entry.type, _stand_in(entry))
            self._ids[identity] = entry.clientid
        attempt = self._attempt(entry, identity)
        checkers = [each for each in self._checkers[entry.listener] if judges(each, attempt)]
        with capturedLogs() as events:
            outcome, proved = self._judged(checkers, attempt, entry)
        self._count(entry, outcome, _refusals(events))
        if proved:
            attempt = replace(attempt, session=replace(attempt.session, avatar_id=entry.account))
        tell(checkers, attempt, outcome)
        kept = self._dispositions[entry.listener].for_registry(identity)
        if kept is not None:
            circumstances = Circumstances(outcome, entry.protocol, entry.place, proved)
            self._registry.record(entry.account, kept, entry.time, circumstances)
        for checker in checkers:
            checker.sessionEnded(attempt.session)

    def _attempt(self, entry: LoginEntry, identity: ClientIdentity | None) -> LoginAttempt:
        session = SessionView(
            id=f"replay-{self._number}",
            protocol=entry.protocol,
            listener=entry.listener,
            peer=entry.place.address,
            identity=self._dispositions[entry.listener].for_authentication(identity),
            clientid=entry.clientid,
        )
        return LoginAttempt(
            entry.account, entry.mechanism, session, entry.account, entry.place, repeated=entry.repeated
        )

    def _judged(
        self, checkers: Sequence[IClientIdentityChecker], attempt: LoginAttempt, entry: LoginEntry
    ) -> tuple[LoginOutcome, bool]:
        """:return: the outcome, and whether the password was found right."""
        try:
            if _asked(checkers, lambda checker: checker.checkAttempt(attempt), Stage.ATTEMPT, attempt):
                return LoginOutcome.REFUSED, False
            if not entry.proved:
                # What was refused before its password was looked at: nobody
                # knows whether it was right.
                known = entry.outcome is LoginOutcome.BAD_CREDENTIALS
                return (LoginOutcome.BAD_CREDENTIALS if known else LoginOutcome.ERROR), False
            account = entry.account
            if _asked(checkers, lambda checker: checker.checkLogin(attempt, account), Stage.LOGIN, attempt):
                return LoginOutcome.REFUSED, True
        except NoVerdictError:
            return LoginOutcome.ERROR, False
        return LoginOutcome.SUCCESS, True

    def _count(self, entry: LoginEntry, outcome: LoginOutcome, refusals: Sequence[LogEvent]) -> None:
        self._counts["undecided"] += outcome is LoginOutcome.ERROR and (
            entry.proved or entry.outcome is LoginOutcome.BAD_CREDENTIALS
        )
        refused = outcome is LoginOutcome.REFUSED
        if entry.outcome is LoginOutcome.BAD_CREDENTIALS:
            self._counts["failures"] += 1
            self._counts["stopped"] += refused
        if entry.outcome is not LoginOutcome.SUCCESS:
            return
        self._counts["logins"] += 1
        self._counts["refused"] += refused
        for event in refusals:
            self._lock_out(entry, event)

    def _lock_out(self, entry: LoginEntry, event: LogEvent) -> None:
        checker, enforced = str(event["checker"]), event["decision"] == Decision.REFUSE.value
        key = entry.account, entry.clientid, checker, enforced
        before = self._locked_out.get(key)
        self._locked_out[key] = LockedOut(
            account=entry.account,
            clientid=entry.clientid,
            type=entry.type,
            checker=checker,
            enforced=enforced,
            logins=before.logins + 1 if before else 1,
            first=before.first if before else entry.time,
            last=entry.time,
            reason=str(event["reason"]),
        )


def _asked(
    checkers: Sequence[IClientIdentityChecker],
    question: Callable[[IClientIdentityChecker], Verdict | Deferred[Verdict]],
    stage: Stage,
    attempt: LoginAttempt,
) -> bool:
    """
    :return: whether one refuses.
    :raise NoVerdictError: if one gives no verdict, or does not give it at once.
    """
    answers: list[Verdict | None] = []
    failures: list[NoVerdictError] = []
    asked = Deferred.fromCoroutine(first_refusal(checkers, question, stage, attempt))
    asked.addCallbacks(answers.append, lambda failure: failures.append(failure.value))
    if failures:
        raise failures[0]
    if not answers:
        asked.cancel()
        raise NoVerdictError("a checker waits for something that does not come in a replay")
    return answers[0] is not None


def _refusals(events: Iterable[LogEvent]) -> list[LogEvent]:
    """The events of checkers that have refused, or would have."""
    return [each for each in events if each.get("event") == "identity" and each["decision"] in _REFUSALS]


@implementer(ILicenceRegistry)
class _Licences:
    def __init__(self, licences: Iterable[Licence], ids: Mapping[ClientIdentity, str]) -> None:
        self._licences = {licence.id: licence for licence in licences}
        self._ids = ids

    def find(self, identity: ClientIdentity) -> Deferred[Licence | None]:
        """See :meth:`ILicenceRegistry.find`."""
        return succeed(self._licences.get(self._ids[identity]))

    def used(self, identity: ClientIdentity, when: float) -> Deferred[None]:  # noqa: ARG002 - it is not kept
        """See :meth:`ILicenceRegistry.used`."""
        return succeed(None)


def _stand_in(entry: LoginEntry) -> str:
    """A token in place of the one that was not kept."""
    if entry.type != "MAC":
        return entry.clientid
    # One that nothing is wrong with: nobody knows what the true one was.
    octets = [entry.clientid[2 * number : 2 * number + 2] for number in range(_MAC_OCTETS)]
    return "-".join(["00", *octets])

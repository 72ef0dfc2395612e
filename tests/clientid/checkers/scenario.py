"""Scenarios in words: who logs in, from where, with what, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.logger import LogEvent, capturedLogs
from twisted.python.failure import Failure

from mailext.clientid.configured import make_checkers
from mailext.clientid.journal import LoginJournal
from mailext.clientid.login import Login, LoginJudge, LoginRefusedError
from mailext.testing import FakeServices, session_view
from mailext.units import parse_duration
from mailext.values import (
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    LoginAttempt,
    LoginOutcome,
    Place,
    SessionView,
)
from tests.clientid.logins import CountingPasswords, IMailbox, Realm

#: The time when every scenario begins: midnight, some day.
START = 1_800_000_000.0

_ACCOUNTS = ("ann", "ben", "cho", "dev", "eve", "fay")


def device(name: str) -> ClientIdentity | None:
    """The identity of a device by its name: ``-`` for none, else ``TYPE:TOKEN``, or just a name."""
    if name == "-":
        return None
    kind, colon, token = name.partition(":")
    return ClientIdentity(kind, token) if colon else ClientIdentity("UUID", f"the-secret-of-the-{name}")


class Scenario:
    """
    A site with checkers, as the server has it, where everybody's password is
    "right".

    :param checkers: plugin strings, in their order.
    :param places: what a database of addresses knows, by address.
    :param services: what the checkers are given.
    """

    def __init__(
        self,
        *checkers: str,
        places: Mapping[str, Place] | None = None,
        services: FakeServices | None = None,
    ) -> None:
        self.services = services or FakeServices()
        self.clock = self.services.clock
        self.clock.advance(START)
        self.events: list[LogEvent] = []
        self._places = places or {}
        self._passwords = CountingPasswords()
        self._passwords._passwords = InMemoryUsernamePasswordDatabaseDontUse(
            **dict.fromkeys(_ACCOUNTS, b"right")
        )
        self._portal = Portal(Realm(), [self._passwords])
        self._judge = LoginJudge(
            make_checkers(checkers, self.services),
            self.clock,
            10.0,
            journal=LoginJournal(registry=self.services.identities),
            completed=self._located,
        )
        self._numbers = count(1)
        self._sessions: dict[tuple[str, str], list[SessionView]] = {}

    def play(self, table: str) -> None:
        """
        Play the lines of a table. Its columns, two blanks apart: when (seconds,
        minutes ... since the beginning of the table), who, from where, with
        which device, with which password, and what becomes of it: ``in``,
        ``wrong password``, ``refused`` (the password was right) or ``refused
        unheard`` (nobody looked at the password).
        """
        begin = self.clock.seconds()
        played, wanted = [], []
        for line in filter(None, map(str.strip, table.splitlines())):
            when, who, where, what, password, outcome = re.split(r" {2,}", line)
            self.clock.advance(max(begin + parse_duration(when) - self.clock.seconds(), 0.0))
            became = self.login(who, where, what, password)
            wanted.append(line)
            played.append(line.removesuffix(outcome) + became)
        assert played == wanted

    def login(
        self,
        who: str,
        where: str = "192.0.2.1",
        what: str = "-",
        password: str = "right",
        *,
        repeated: bool = False,
    ) -> str:
        """Try to log in, in a session of its own, and say what became of it."""
        session = replace(session_view(device(what)), id=f"session-{next(self._numbers)}", peer=where)
        attempt = LoginAttempt(who, "PLAIN", session, repeated=repeated)
        credentials = UsernamePassword(who.encode(), password.encode())
        looked = len(self._passwords.seen)
        ends: list[Login | Failure] = []
        with capturedLogs() as events:
            self._judge.login(self._portal, credentials, attempt, device(what), IMailbox).addBoth(ends.append)
        self.events += events
        (end,) = ends
        if isinstance(end, Login):
            self._sessions.setdefault((who, what), []).append(session)
            return "in"
        assert isinstance(end.value, LoginRefusedError), end
        self._judge.session_ended(session)
        if len(self._passwords.seen) == looked:
            return "refused unheard"
        return "wrong password" if end.value.outcome is LoginOutcome.BAD_CREDENTIALS else "refused"

    def leave(self, who: str, what: str) -> None:
        """The oldest session of an account and a device ends."""
        self._judge.session_ended(self._sessions[who, what].pop(0))

    def has(self, who: str, what: str, status: IdentityStatus, *, revoked_until: float | None = None) -> None:
        """Somebody has decided how an account and a device stand to each other."""
        identity = device(what)
        assert identity is not None
        registry = self.services.identities
        now = self.clock.seconds()
        record = IdentityRecord(
            registry.fingerprint(identity),
            who,
            identity.type,
            "",
            status,
            now,
            now,
            1,
            revoked_until=revoked_until,
        )
        registry.put(record)

    def status(self, who: str, what: str) -> IdentityStatus | None:
        """How they stand to each other."""
        name = self.services.identities.fingerprint(device(what))
        records = self.services.identities.records
        return next((each.status for each in records if (each.account, each.id) == (who, name)), None)

    def decisions(self, decision: str) -> list[tuple[str, str, str]]:
        """The events of one kind of decision: checker, account, reason."""
        return [
            (event["checker"], event["account"], event["reason"])
            for event in self.events
            if event.get("event") == "identity" and event["decision"] == decision
        ]

    def _located(self, attempt: LoginAttempt) -> LoginAttempt:
        place = self._places.get(attempt.session.peer)
        return attempt if place is None else replace(attempt, place=place)

"""The login's line in the log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogEvent, LogLevel, capturedLogs, eventAsText

from mailext.clientid.dispositions import Disposition, Dispositions
from mailext.clientid.entries import LoginEntry
from mailext.clientid.journal import LoginJournal
from mailext.testing import MemoryIdentityRegistry, ScriptedChecker, login_attempt
from mailext.values import (
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    Protocol,
    Verdict,
)
from tests.clientid.logins import PHONE, Site
from tests.support import failure_result_of, success_result_of


def record(
    *flags: str, identity: ClientIdentity | None = PHONE, outcome: LoginOutcome = LoginOutcome.SUCCESS
) -> list[LogEvent]:
    journal = LoginJournal(Dispositions.from_names({"*": flags}), MemoryIdentityRegistry())
    with capturedLogs() as events:
        journal.record(login_attempt(identity, "ann"), identity, outcome, "", 1.0)
    return list(events)


def the_line(events: list[LogEvent]) -> LogEvent:
    (line,) = (event for event in events if event.get("event") == "login")
    return line


@pytest.mark.requirement("C23")
@pytest.mark.parametrize(
    ("flag", "is_named"),
    [
        ("ignore", False),
        ("debug", False),
        ("authenticate", False),
        ("system-log", True),
        ("user-log", False),
        ("alert-failure", True),
        ("alert-success", True),
    ],
)
def test_the_flags_say_whether_the_line_names_the_identity(flag: str, is_named: bool) -> None:
    line = the_line(record(flag))
    assert line["clientid"] == (MemoryIdentityRegistry().fingerprint(PHONE) if is_named else "")
    assert line["flags"] == ((flag,) if is_named else ())


@pytest.mark.requirement("C23")
def test_debug_is_for_the_debugging_log_alone() -> None:
    named = [event for event in record("debug") if event.get("clientid")]
    assert [event["log_level"] for event in named] == [LogLevel.debug]
    assert not [event for event in record("ignore") if event.get("clientid")]


@pytest.mark.requirement("C23")
@pytest.mark.parametrize("outcome", list(LoginOutcome))
def test_alerts(outcome: LoginOutcome) -> None:
    succeeded = outcome is LoginOutcome.SUCCESS
    on_success = the_line(record("alert-success", outcome=outcome))["log_level"]
    on_failure = the_line(record("alert-failure", outcome=outcome))["log_level"]
    assert on_success is (LogLevel.warn if succeeded else LogLevel.info)
    assert on_failure is (LogLevel.info if succeeded else LogLevel.warn)


def test_what_a_line_tells() -> None:
    journal = LoginJournal(registry=MemoryIdentityRegistry())
    with capturedLogs() as events:
        success_result_of(Site(journal=journal).login())
    line = the_line(list(events))
    assert eventAsText(line, includeTimestamp=False, includeSystem=False) == (
        "login of 'ann' by PLAIN from 192.0.2.1 on submission: success"
        f" session=session-1 clientid={MemoryIdentityRegistry().fingerprint(PHONE)} reason=''"
    )


def test_a_refusal_gives_its_reason() -> None:
    with capturedLogs() as events:
        failure_result_of(Site(ScriptedChecker(Verdict.refuse("not on the list"))).login())
    line = the_line(list(events))
    assert (line["outcome"], line["reason"]) == ("refused", "ScriptedChecker: not on the list")


def test_a_user_name_begins_no_line_of_its_own() -> None:
    with capturedLogs() as events:
        LoginJournal().record(
            login_attempt(None, "ann\r\nlogin of root"), None, LoginOutcome.REFUSED, "a\nb", 1.0
        )
    assert eventAsText(events[0]).count("\n") == 0


HERE = Place("192.0.2.1", "192.0.2.0/24")
TABLET = ClientIdentity("X-TABLET", "0123456789")


@pytest.mark.requirement("C22")
def test_the_registry_learns_of_every_login() -> None:
    registry = MemoryIdentityRegistry()
    site = Site(journal=LoginJournal(registry=registry))
    for wait, identity in ((100.0, PHONE), (50.0, TABLET), (25.0, PHONE), (10.0, None)):
        site.clock.advance(wait)
        success_result_of(site.login(identity=identity))
    failure_result_of(site.login(b"wrong"))
    seen = IdentityStatus.OBSERVED
    smtp = frozenset({Protocol.ESMTP})
    assert registry.records == (
        IdentityRecord(
            registry.fingerprint(PHONE), "ann", "UUID", "", seen, 100.0, 175.0, 2, 1, 0, HERE, smtp
        ),
        IdentityRecord(
            registry.fingerprint(TABLET), "ann", "X-TABLET", "", seen, 150.0, 150.0, 1, 0, 0, HERE, smtp
        ),
    )
    assert PHONE.token not in repr(registry.records)


def test_what_was_refused_behind_the_right_password_is_known() -> None:
    registry = MemoryIdentityRegistry()
    checker = ScriptedChecker(login=Verdict.refuse("new"))
    failure_result_of(Site(checker, journal=LoginJournal(registry=registry)).login())
    (record,) = registry.records
    assert (record.count, record.refusals) == (0, 1)
    assert [call[1].session.avatar_id for call in checker.calls if call[0] == "settled"] == ["ann"]


@pytest.mark.requirement("U12")
def test_strangers_are_churn_and_not_the_accounts_own() -> None:
    registry = MemoryIdentityRegistry()
    site = Site(journal=LoginJournal(registry=registry))
    for number in range(5):
        failure_result_of(site.login(b"wrong", ClientIdentity("UUID", f"forged-{number}")))
    failure_result_of(
        Site(ScriptedChecker(Verdict.refuse("attack")), journal=LoginJournal(registry=registry)).login()
    )
    assert registry.records == ()
    churn = success_result_of(registry.churn("ann", HERE, 0.0))
    assert (churn.account, churn.network) == (6, 6)


@pytest.mark.requirement("C23")
@pytest.mark.parametrize("flag", [flag.value for flag in Disposition])
def test_what_is_to_be_disregarded_is_not_kept(flag: str) -> None:
    registry = MemoryIdentityRegistry()
    journal = LoginJournal(Dispositions.from_names({"*": [flag]}), registry)
    success_result_of(Site(journal=journal).login())
    assert bool(registry.records) == (flag not in ("ignore", "debug"))


@pytest.mark.requirement("C23")
def test_a_second_mechanism_with_the_same_password_is_no_news_to_the_holder() -> None:
    entries: list[LoginEntry] = []

    class Sink:
        def take(self, entry: LoginEntry) -> Deferred[None]:
            entries.append(entry)
            return succeed(None)

    journal = LoginJournal(Dispositions.from_names({"*": ["user-log"]}), None, [Sink()])
    for repeated in (False, True):
        attempt = replace(login_attempt(PHONE, "ann"), repeated=repeated)
        journal.record(attempt, PHONE, LoginOutcome.BAD_CREDENTIALS, "", 1.0)
    assert [(entry.repeated, entry.user_log) for entry in entries] == [(False, True), (True, False)]

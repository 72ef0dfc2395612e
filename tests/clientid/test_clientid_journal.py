"""The login's line in the log."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent, LogLevel, capturedLogs, eventAsText

from mailext.clientid.dispositions import Dispositions
from mailext.clientid.journal import LoginJournal
from mailext.testing import MemoryIdentityRegistry, ScriptedChecker, login_attempt
from mailext.values import ClientIdentity, LoginOutcome, Verdict
from tests.clientid.logins import PHONE, Site
from tests.support import failure_result_of, success_result_of


def record(
    *flags: str, identity: ClientIdentity | None = PHONE, outcome: LoginOutcome = LoginOutcome.SUCCESS
) -> list[LogEvent]:
    journal = LoginJournal(Dispositions.from_names({"*": flags}), MemoryIdentityRegistry())
    with capturedLogs() as events:
        journal.record(login_attempt(identity, "ann"), identity, outcome, "")
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
        ("user-log", True),
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
        LoginJournal().record(login_attempt(None, "ann\r\nlogin of root"), None, LoginOutcome.REFUSED, "a\nb")
    assert eventAsText(events[0]).count("\n") == 0

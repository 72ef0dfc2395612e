"""Trying checkers on logins that have happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from twisted.internet.defer import Deferred

from mailext.clientid.configured import make_checkers
from mailext.clientid.dispositions import Dispositions
from mailext.clientid.entries import LoginEntry
from mailext.clientid.replay import ListenerRules, LockedOut, Replay, ReplayReport
from mailext.testing import ScriptedChecker
from mailext.values import IdentityRecord, IdentityStatus, Licence, LoginOutcome, Place, Protocol

DAY = 86400.0
PHONE, LAPTOP, THIEF = "1111111111111111", "2222222222222222", "fedcba9876543210"


def entry(
    time: float,
    device: str = PHONE,
    outcome: LoginOutcome = LoginOutcome.SUCCESS,
    *,
    account: str = "ann",
    proved: bool = True,
    peer: str = "192.0.2.1",
    kind: str = "UUID",
    listener: str = "submission",
) -> LoginEntry:
    return LoginEntry(
        time=time,
        account=account,
        proved=proved and outcome is not LoginOutcome.BAD_CREDENTIALS,
        outcome=outcome,
        reason="",
        protocol=Protocol.ESMTP,
        listener=listener,
        mechanism="PLAIN",
        place=Place.of(peer),
        type=kind if device else "",
        clientid=device,
        authenticate=True,
    )


def known(device: str, status: IdentityStatus, first_seen: float, account: str = "ann") -> IdentityRecord:
    return IdentityRecord(device, account, "UUID", "", status, first_seen, 9e9, 99)


def play(
    *checkers: str,
    entries: Iterable[LoginEntry],
    records: Iterable[IdentityRecord] = (),
    licences: Iterable[Licence] = (),
    flags: Iterable[str] = ("authenticate",),
    start: float = 1000.0,
) -> ReplayReport:
    rules = ListenerRules(
        lambda services: make_checkers(checkers, services), Dispositions.from_names({"*": flags})
    )
    played = Replay({"submission": rules}, records, licences, start)
    played.run(entries)
    return played.report()


def counts(report: ReplayReport) -> tuple[int, int, int, int, int]:
    return report.logins, report.refused, report.failures, report.stopped, report.undecided


def locked(report: ReplayReport) -> list[tuple[str, str, str, bool, int]]:
    return [
        (each.account, each.clientid, each.checker, each.enforced, each.logins) for each in report.locked_out
    ]


@pytest.mark.requirement("U3")
def test_a_device_that_is_new_would_have_been_refused_each_time() -> None:
    report = play(
        "history:mode=enforce",
        records=[
            known(PHONE, IdentityStatus.OBSERVED, 500.0),
            known(LAPTOP, IdentityStatus.OBSERVED, 1001.0),
        ],
        entries=[entry(1000.0), entry(1001.0, LAPTOP), entry(1002.0, LAPTOP), entry(1003.0, "")],
    )
    assert counts(report) == (4, 2, 0, 0, 0)
    assert report.locked_out == (
        LockedOut(
            "ann",
            LAPTOP,
            "UUID",
            "history",
            True,
            2,
            1001.0,
            1002.0,
            "this account was not used with this identity before",
        ),
    )


def test_what_only_observes_refuses_nobody_and_is_told_of() -> None:
    report = play("history", entries=[entry(1000.0), entry(1001.0), entry(1002.0, LAPTOP)])
    assert counts(report) == (3, 0, 0, 0, 0)
    # From the second time on a device is known: it was let in.
    assert locked(report) == [("ann", PHONE, "history", False, 1), ("ann", LAPTOP, "history", False, 1)]


@pytest.mark.requirement("C16")
def test_what_people_have_decided_holds_from_the_beginning() -> None:
    report = play(
        "history:mode=enforce",
        records=[known(PHONE, IdentityStatus.REVOKED, 500.0), known(LAPTOP, IdentityStatus.APPROVED, 5000.0)],
        entries=[entry(1000.0), entry(1001.0, LAPTOP)],
    )
    assert locked(report) == [("ann", PHONE, "revoked", True, 1)]


def test_enrolment_goes_by_the_times_of_the_attempts() -> None:
    report = play(
        "history:mode=enforce:new=enrol",
        records=[known(LAPTOP, IdentityStatus.ENROLLED, 1002.0)],
        entries=[entry(1001.0), entry(1002.0, LAPTOP), entry(1003.0)],
    )
    assert locked(report) == [("ann", LAPTOP, "history", True, 1)]


def test_rates_go_by_the_times_of_the_attempts() -> None:
    def report(step: float) -> ReplayReport:
        times = [1000.0 + number * step for number in range(4)]
        return play("rate:mode=enforce:identity=2/1h", entries=[entry(time) for time in times])

    assert report(60.0).refused == 2
    assert report(3600.0).refused == 0


@pytest.mark.requirement("U7")
def test_who_guesses_would_have_been_stopped() -> None:
    failures = [entry(1000.0 + n, THIEF, LoginOutcome.BAD_CREDENTIALS, peer="192.0.2.9") for n in range(10)]
    report = play(
        "bruteforce:mode=enforce:account=3/1h",
        records=[known(PHONE, IdentityStatus.OBSERVED, 1.0)],
        entries=[*failures, entry(1100.0), entry(1101.0, LAPTOP)],
    )
    assert counts(report) == (2, 1, 10, 7, 0)
    assert locked(report) == [("ann", LAPTOP, "bruteforce", True, 1)]


def test_what_was_refused_before_its_password_was_looked_at_counts_for_nothing() -> None:
    refused = [entry(1000.0 + n, THIEF, LoginOutcome.REFUSED, proved=False) for n in range(10)]
    report = play("bruteforce:mode=enforce:account=3/1h", entries=[*refused, entry(1100.0)])
    assert counts(report) == (1, 0, 0, 0, 0)


def test_a_password_that_was_right_may_now_be_enough() -> None:
    report = play("history", entries=[entry(1000.0, outcome=LoginOutcome.REFUSED)])
    assert counts(report) == (0, 0, 0, 0, 0)


@pytest.mark.requirement("C23")
def test_the_flags_that_are_tried_hold() -> None:
    entries = [entry(1000.0), entry(1001.0, LAPTOP)]
    for flags, logins in ((["authenticate"], 0), (["system-log"], 2), (["ignore"], 2)):
        report = play("history:mode=enforce:absent=refuse", entries=entries, flags=flags, records=[
            known(PHONE, IdentityStatus.OBSERVED, 1.0), known(LAPTOP, IdentityStatus.OBSERVED, 1.0)
        ])  # fmt: skip
        assert report.refused == logins


def test_what_a_token_says_is_not_judged() -> None:
    """Tokens were not kept."""
    report = play("mac:mode=enforce", entries=[entry(1000.0, THIEF, kind="MAC")])
    assert counts(report) == (1, 0, 0, 0, 0)


def test_licences_are_known_by_their_ids() -> None:
    licence = Licence(PHONE, "LICENSE", "ann", "", 0.0)
    entries = [entry(1000.0, kind="LICENSE"), entry(1001.0, LAPTOP, kind="LICENSE")]
    report = play("licence:mode=enforce:types=LICENSE", entries=entries, licences=[licence])
    assert locked(report) == [("ann", LAPTOP, "licence", True, 1)]


def test_a_listener_without_rules_is_passed_over() -> None:
    assert counts(play("history", entries=[entry(1000.0, listener="imap")])) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("answer", [Deferred, lambda: ValueError("broken")])
def test_where_a_checker_gives_no_verdict_nothing_can_be_said(answer: Callable[[], object]) -> None:
    checker = ScriptedChecker(login=answer())
    rules = ListenerRules(lambda services: [checker], Dispositions())
    played = Replay({"submission": rules}, (), (), 0.0)
    played.run([entry(1.0)])
    assert counts(played.report()) == (1, 0, 0, 0, 1)


def test_checkers_hear_of_outcomes_and_of_the_end_of_sessions() -> None:
    checker = ScriptedChecker()
    rules = ListenerRules(lambda services: [checker], Dispositions())
    Replay({"submission": rules}, (), (), 0.0).run([entry(1.0, THIEF, LoginOutcome.BAD_CREDENTIALS)])
    assert [call[0] for call in checker.calls] == ["checkAttempt", "settled", "sessionEnded"]
    assert checker.calls[1][2] is LoginOutcome.BAD_CREDENTIALS


def test_who_is_locked_out_most_comes_first() -> None:
    entries = [entry(1000.0, LAPTOP), *(entry(1001.0 + n, account="ben") for n in range(3))]
    report = play("history:mode=enforce", entries=entries)
    assert [(each.account, each.logins) for each in report.locked_out] == [("ben", 3), ("ann", 1)]

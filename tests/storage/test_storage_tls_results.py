"""What became of TLS is kept by day and domain, in bounds, and each report is planned once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mailext.storage.store import Store
from mailext.tlsrpt.report import FailureDetails, PolicyFigures
from mailext.tlsrpt.store import DomainFigures, PlannedReport, ReportState
from mailext.values import (
    HopSession,
    PolicyResult,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from tests.support import success_result_of

MONDAY, TUESDAY = date(2026, 6, 1), date(2026, 6, 2)
STS = TlsPolicy(TlsPolicyType.STS, "example.net", ("version: STSv1", "mode: enforce"), ("*.example.net",))
NONE = TlsPolicy(TlsPolicyType.NOT_FOUND, "example.net")
EXPIRED = TlsFailure(TlsResultType.CERTIFICATE_EXPIRED, "certificate has expired")
SESSION = HopSession("192.0.2.1", "198.51.100.7", "mx.example.net")
GOOD = TlsResult("example.net", PolicyResult(STS), "a.example.net", SESSION)
BAD = TlsResult("example.net", PolicyResult(STS, EXPIRED), "a.example.net", SESSION)


def figures(store: Store, domain: str | None = None) -> list[DomainFigures]:
    return success_result_of(store.tls_results.figures(MONDAY, TUESDAY, domain))


def test_results_add_up(offline: Store) -> None:
    add = offline.tls_results.add
    success_result_of(add({(MONDAY, GOOD): 3, (MONDAY, BAD): 2}))
    success_result_of(add({(MONDAY, BAD): 5, (TUESDAY, GOOD): 1, (MONDAY, replace(GOOD, mx_host="b")): 1}))
    policy = PolicyFigures("sts", "example.net", STS.strings, STS.mx_hosts)
    expired = FailureDetails(
        "certificate-expired",
        7,
        mx_host="a.example.net",
        helo="mx.example.net",
        receiving_ip="192.0.2.1",
        sending_ip="198.51.100.7",
        reason="certificate has expired",
    )
    assert figures(offline) == [
        DomainFigures(MONDAY, "example.net", (replace(policy, successes=4, failures=7, details=(expired,)),)),
        DomainFigures(TUESDAY, "example.net", (replace(policy, successes=1),)),
    ]


def test_policies_and_domains_are_kept_apart(offline: Store) -> None:
    other = replace(GOOD, domain="example.com", result=PolicyResult(NONE))
    success_result_of(
        offline.tls_results.add(
            {
                (MONDAY, GOOD): 1,
                (MONDAY, other): 2,
                (MONDAY, replace(GOOD, result=PolicyResult(NONE, EXPIRED))): 3,
            }
        )
    )
    found = [
        (each.domain, policy.policy_type, policy.successes, policy.failures)
        for each in figures(offline)
        for policy in each.policies
    ]
    assert found == [
        ("example.com", "no-policy-found", 2, 0),
        ("example.net", "no-policy-found", 0, 3),
        ("example.net", "sts", 1, 0),
    ]
    assert [each.domain for each in figures(offline, "example.com")] == ["example.com"]
    assert figures(offline, "example.org") == []


def test_what_differs_each_time_is_counted_without_its_details(offline: Store) -> None:
    def failure(number: int) -> TlsResult:
        return replace(BAD, session=replace(SESSION, helo=f"host{number}"))

    def policy(number: int) -> TlsResult:
        return replace(GOOD, result=PolicyResult(replace(STS, domain=f"d{number}")))

    for numbers in (range(600), range(600, 1200)):
        counts = {(MONDAY, each(number)): 1 for number in numbers for each in (failure, policy)}
        success_result_of(offline.tls_results.add(counts))
    [kept] = figures(offline)
    assert sum(each.failures for each in kept.policies) == 1200
    assert sum(each.successes for each in kept.policies) == 1200
    assert len(kept.policies) == 51
    details = [each for every in kept.policies for each in every.details]
    assert len(details) == 501
    assert FailureDetails("certificate-expired", 700) in details


PLANNED = PlannedReport(MONDAY, "example.net", "abc", due=100.0)


def test_a_report_is_planned_once(offline: Store) -> None:
    store = offline.tls_results
    success_result_of(store.add({(MONDAY, GOOD): 1, (TUESDAY, GOOD): 1}))
    assert success_result_of(store.unplanned(MONDAY, MONDAY)) == [(MONDAY, "example.net")]
    success_result_of(store.plan([PLANNED]))
    assert success_result_of(store.unplanned(MONDAY, TUESDAY)) == [(TUESDAY, "example.net")]
    assert [each.report for each in figures(offline)] == [ReportState.PENDING, None]


def test_a_report_is_due_until_it_is_settled(offline: Store) -> None:
    store = offline.tls_results
    later = replace(PLANNED, domain="example.com", due=50.0)
    success_result_of(store.plan([PLANNED, later]))
    assert success_result_of(store.next_due()) == 50.0
    assert success_result_of(store.due(99.0, 10)) == [later]
    assert success_result_of(store.due(100.0, 10)) == [later, PLANNED]
    assert success_result_of(store.due(100.0, 1)) == [later]
    tried = replace(later, due=200.0, began=99.0, attempts=1, said="451 not now")
    success_result_of(store.settle(tried))
    success_result_of(store.settle(replace(PLANNED, state=ReportState.SENT)))
    assert success_result_of(store.due(1000.0, 10)) == [tried]
    success_result_of(store.settle(replace(tried, state=ReportState.FAILED)))
    assert success_result_of(store.next_due()) is None


def test_old_days_are_forgotten(offline: Store) -> None:
    store = offline.tls_results
    success_result_of(store.add({(MONDAY, BAD): 1, (TUESDAY, BAD): 1}))
    success_result_of(store.plan([PLANNED]))
    success_result_of(store.forget(TUESDAY))
    assert [each.day for each in figures(offline)] == [TUESDAY]
    assert success_result_of(store.next_due()) is None

"""Figures of several days, or of several reports, as one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from mailext.tlsrpt.report import FailureDetails, PolicyFigures, Report

__all__ = ["distinct", "summed"]


def distinct(reports: Iterable[Report]) -> list[Report]:
    """Each report once, however often it was sent (RFC 8460 section 5.3)."""
    return list({(report.organization, report.id): report for report in reports}.values())


def summed(policies: Iterable[PolicyFigures]) -> list[PolicyFigures]:
    """
    :return: one for each domain and type of policy, in this order, without the
        policies' own words; what failed most stands first in each.
    """
    grouped: defaultdict[tuple[str, str], list[PolicyFigures]] = defaultdict(list)
    for each in policies:
        grouped[each.domain, each.policy_type].append(each)
    return [
        PolicyFigures(
            policy_type,
            domain,
            successes=sum(each.successes for each in group),
            failures=sum(each.failures for each in group),
            details=_summed(details for each in group for details in each.details),
        )
        for (domain, policy_type), group in sorted(grouped.items())
    ]


def _summed(details: Iterable[FailureDetails]) -> tuple[FailureDetails, ...]:
    sessions: Counter[FailureDetails] = Counter()
    for each in details:
        sessions[replace(each, sessions=0)] += each.sessions
    return tuple(replace(kind, sessions=count) for kind, count in sessions.most_common())

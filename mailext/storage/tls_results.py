"""What became of TLS, by UTC day and domain, and which reports of it were sent."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, delete, func, select, update
from twisted.internet.defer import Deferred

from mailext.storage.schema import tls_failure, tls_policy, tls_report
from mailext.storage.transactions import Transactions
from mailext.tlsrpt.report import FailureDetails, PolicyFigures
from mailext.tlsrpt.store import DomainFigures, PlannedReport, ReportState
from mailext.values import HopSession, TlsFailure, TlsPolicy, TlsResult

__all__ = ["SqlTlsResults"]

# How much of a domain's day is kept in all detail. What goes beyond is counted,
# by type alone: whoever publishes what we look at could make it differ each time.
_MOST_POLICIES = 50
_MOST_FAILURES = 500

Counts = Mapping[tuple[date, TlsResult], int]


class SqlTlsResults:
    """
    A :class:`~mailext.tlsrpt.store.TlsReportStore` in a database.

    :param transactions: what runs its operations.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(self, counts: Counts) -> Deferred[None]:
        """See :meth:`TlsReportStore.add`."""
        return self._transactions.write(partial(_add, counts=counts))

    def figures(self, first: date, last: date, domain: str | None) -> Deferred[Sequence[DomainFigures]]:
        """See :meth:`TlsReportStore.figures`."""
        return self._transactions.read(partial(_figures, first=first, last=last, domain=domain))

    def unplanned(self, first: date, last: date) -> Deferred[Sequence[tuple[date, str]]]:
        """See :meth:`TlsReportStore.unplanned`."""
        return self._transactions.read(partial(_unplanned, first=first, last=last))

    def plan(self, reports: Sequence[PlannedReport]) -> Deferred[None]:
        """See :meth:`TlsReportStore.plan`."""
        return self._transactions.write(partial(_plan, reports=reports))

    def due(self, now: float, limit: int) -> Deferred[Sequence[PlannedReport]]:
        """See :meth:`TlsReportStore.due`."""
        return self._transactions.read(partial(_due, now=now, limit=limit))

    def next_due(self) -> Deferred[float | None]:
        """See :meth:`TlsReportStore.next_due`."""
        return self._transactions.read(_next_due)

    def settle(self, report: PlannedReport) -> Deferred[None]:
        """See :meth:`TlsReportStore.settle`."""
        return self._transactions.write(partial(_settle, report=report))

    def forget(self, before: date) -> Deferred[None]:
        """See :meth:`TlsReportStore.forget`."""
        return self._transactions.write(partial(_forget, before=before))


def _add(connection: Connection, counts: Counts) -> None:
    by_domain: defaultdict[tuple[date, str], list[tuple[TlsResult, int]]] = defaultdict(list)
    for (day, result), count in counts.items():
        by_domain[day, result.domain].append((result, count))
    for (day, domain), counted in by_domain.items():
        ledger = _Ledger(connection, day, domain)
        for result, count in counted:
            ledger.add(result, count)


class _Ledger:
    """The rows of one domain and day, within one transaction."""

    def __init__(self, connection: Connection, day: date, domain: str) -> None:
        self._connection = connection
        self._day = day
        self._domain = domain
        self._policies = set(connection.scalars(select(tls_policy.c.key).where(self._mine(tls_policy))))
        failures = select(tls_failure.c.policy, tls_failure.c.key).where(self._mine(tls_failure))
        self._failures = {(row.policy, row.key) for row in connection.execute(failures)}

    def _mine(self, table: Table) -> ColumnElement[bool]:
        return and_(table.c.day == self._day, table.c.domain == self._domain)

    def add(self, result: TlsResult, count: int) -> None:
        failure = result.result.failure
        policy = self._add_policy(result.result.policy, count if failure is None else 0)
        if failure is not None:
            self._add_failure(policy, failure, result.mx_host, result.session, count)

    def _add_policy(self, policy: TlsPolicy, successes: int) -> str:
        key = _key(policy.type, policy.domain, policy.strings, policy.mx_hosts)
        if key not in self._policies and len(self._policies) >= _MOST_POLICIES:
            policy = TlsPolicy(policy.type, self._domain)
            key = _key(policy.type, policy.domain, policy.strings, policy.mx_hosts)
        if key in self._policies:
            self._connection.execute(
                update(tls_policy)
                .where(self._mine(tls_policy), tls_policy.c.key == key)
                .values(successes=tls_policy.c.successes + successes)
            )
        else:
            self._policies.add(key)
            self._connection.execute(
                tls_policy.insert().values(
                    day=self._day,
                    domain=self._domain,
                    key=key,
                    type=policy.type.value,
                    policy_domain=policy.domain,
                    strings=json.dumps(policy.strings),
                    mx_hosts=json.dumps(policy.mx_hosts),
                    successes=successes,
                )
            )
        return key

    def _add_failure(
        self, policy: str, failure: TlsFailure, mx_host: str, session: HopSession, count: int
    ) -> None:
        key = _failure_key(failure, mx_host, session)
        if (policy, key) not in self._failures and len(self._failures) >= _MOST_FAILURES:
            failure, mx_host, session = TlsFailure(failure.type), "", HopSession()
            key = _failure_key(failure, mx_host, session)
        if (policy, key) in self._failures:
            self._connection.execute(
                update(tls_failure)
                .where(self._mine(tls_failure), tls_failure.c.policy == policy, tls_failure.c.key == key)
                .values(sessions=tls_failure.c.sessions + count)
            )
        else:
            self._failures.add((policy, key))
            self._connection.execute(
                tls_failure.insert().values(
                    day=self._day,
                    domain=self._domain,
                    policy=policy,
                    key=key,
                    type=failure.type.value,
                    mx_host=mx_host,
                    helo=session.helo,
                    receiving_ip=session.address,
                    sending_ip=session.local_address,
                    reason=failure.reason,
                    sessions=count,
                )
            )


def _failure_key(failure: TlsFailure, mx_host: str, session: HopSession) -> str:
    return _key(failure.type, failure.reason, mx_host, session.address, session.local_address, session.helo)


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _figures(connection: Connection, first: date, last: date, domain: str | None) -> list[DomainFigures]:
    def rows(table: Table, *order: ColumnElement[object]) -> Iterable[RowMapping]:
        statement = select(table).where(table.c.day.between(first, last))
        if domain is not None:
            statement = statement.where(table.c.domain == domain)
        return connection.execute(statement.order_by(table.c.day, table.c.domain, *order)).mappings()

    details: defaultdict[tuple[date, str, str], list[FailureDetails]] = defaultdict(list)
    for row in rows(tls_failure, tls_failure.c.type, tls_failure.c.sessions.desc(), tls_failure.c.key):
        details[row["day"], row["domain"], row["policy"]].append(_details(row))
    states = {(row["day"], row["domain"]): ReportState(row["state"]) for row in rows(tls_report)}
    found = rows(tls_policy, tls_policy.c.type, tls_policy.c.policy_domain, tls_policy.c.key)
    return [
        DomainFigures(*day, tuple(_policy(row, details[*day, row["key"]]) for row in group), states.get(day))
        for day, group in groupby(found, lambda row: (row["day"], row["domain"]))
    ]


def _policy(row: RowMapping, details: Sequence[FailureDetails]) -> PolicyFigures:
    return PolicyFigures(
        policy_type=row["type"],
        domain=row["policy_domain"],
        strings=tuple(json.loads(row["strings"])),
        mx_hosts=tuple(json.loads(row["mx_hosts"])),
        successes=row["successes"],
        failures=sum(each.sessions for each in details),
        details=tuple(details),
    )


def _details(row: RowMapping) -> FailureDetails:
    return FailureDetails(
        result_type=row["type"],
        sessions=row["sessions"],
        mx_host=row["mx_host"],
        helo=row["helo"],
        receiving_ip=row["receiving_ip"],
        sending_ip=row["sending_ip"],
        reason=row["reason"],
    )


def _unplanned(connection: Connection, first: date, last: date) -> list[tuple[date, str]]:
    same = and_(tls_report.c.day == tls_policy.c.day, tls_report.c.domain == tls_policy.c.domain)
    statement = (
        select(tls_policy.c.day, tls_policy.c.domain)
        .distinct()
        .where(tls_policy.c.day.between(first, last))
        .where(~select(tls_report).where(same).exists())
        .order_by(tls_policy.c.day, tls_policy.c.domain)
    )
    return [(row.day, row.domain) for row in connection.execute(statement)]


def _plan(connection: Connection, reports: Sequence[PlannedReport]) -> None:
    connection.execute(tls_report.insert(), [_report_row(report) for report in reports])


def _due(connection: Connection, now: float, limit: int) -> list[PlannedReport]:
    statement = (
        select(tls_report)
        .where(tls_report.c.state == ReportState.PENDING.value, tls_report.c.due <= now)
        .order_by(tls_report.c.due)
        .limit(limit)
    )
    return [_report(row) for row in connection.execute(statement).mappings()]


def _next_due(connection: Connection) -> float | None:
    pending = tls_report.c.state == ReportState.PENDING.value
    found: float | None = connection.scalar(select(func.min(tls_report.c.due)).where(pending))
    return found


def _settle(connection: Connection, report: PlannedReport) -> None:
    connection.execute(
        update(tls_report)
        .where(tls_report.c.day == report.day, tls_report.c.domain == report.domain)
        .values(_report_row(report))
    )


def _report_row(report: PlannedReport) -> dict[str, object]:
    return {
        "day": report.day,
        "domain": report.domain,
        "id": report.id,
        "due": report.due,
        "began": report.began,
        "attempts": report.attempts,
        "state": report.state.value,
        "said": report.said,
    }


def _report(row: RowMapping) -> PlannedReport:
    return PlannedReport(
        day=row["day"],
        domain=row["domain"],
        id=row["id"],
        due=row["due"],
        began=row["began"],
        attempts=row["attempts"],
        state=ReportState(row["state"]),
        said=row["said"],
    )


def _forget(connection: Connection, before: date) -> None:
    for table in (tls_policy, tls_failure, tls_report):
        connection.execute(delete(table).where(table.c.day < before))

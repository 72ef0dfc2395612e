"""What the room asks of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Protocol

from twisted.internet.defer import Deferred

from mailext.tlsrpt.report import PolicyFigures
from mailext.values import TlsResult

__all__ = ["DomainFigures", "PlannedReport", "ReportState", "TlsReportStore"]


class ReportState(Enum):
    """What became of the report to a domain about a day."""

    #: It is still to be sent, or to be tried again.
    PENDING = "pending"
    SENT = "sent"
    #: The domain wants none, or by no way that is open to us.
    UNWANTED = "unwanted"
    #: It could not be delivered for a day.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """
    The report to a domain about a UTC day.

    :param id: digits and lower-case letters; the same each time it is tried.
    :param due: when it is to be sent; wall clock, seconds since the epoch.
    :param began: when it was first tried; likewise. None: not yet.
    :param attempts: how often it was tried.
    :param said: what came of the last attempt, in words.
    """

    day: date
    domain: str
    id: str
    due: float
    began: float | None = None
    attempts: int = 0
    state: ReportState = ReportState.PENDING
    said: str = ""


@dataclass(frozen=True, slots=True)
class DomainFigures:
    """
    What became of TLS on a UTC day with the hosts of a domain.

    :param report: what became of the report about it; None where none is
        planned.
    """

    day: date
    domain: str
    policies: tuple[PolicyFigures, ...]
    report: ReportState | None = None


class TlsReportStore(Protocol):
    """Keeps what was counted, and which reports were sent."""

    def add(self, counts: Mapping[tuple[date, TlsResult], int]) -> Deferred[None]:
        """
        Add what was counted.

        :param counts: how many sessions of a UTC day had this result.
        """

    def figures(self, first: date, last: date, domain: str | None) -> Deferred[Sequence[DomainFigures]]:
        """
        :param first: the first UTC day.
        :param last: the last one.
        :param domain: of whose hosts; None: everybody's.
        :return: a Deferred of what was counted, by day and domain.
        """

    def unplanned(self, first: date, last: date) -> Deferred[Sequence[tuple[date, str]]]:
        """
        :return: a Deferred of the days, from the first to the last, and domains
            of which something was counted and no report is planned.
        """

    def plan(self, reports: Sequence[PlannedReport]) -> Deferred[None]:
        """Keep in mind what is to be sent."""

    def due(self, now: float, limit: int) -> Deferred[Sequence[PlannedReport]]:
        """
        :param now: wall clock, seconds since the epoch.
        :param limit: how many at most.
        :return: a Deferred of pending reports that are due, the first due first.
        """

    def next_due(self) -> Deferred[float | None]:
        """:return: a Deferred of when a pending report is due next, None if there is none."""

    def settle(self, report: PlannedReport) -> Deferred[None]:
        """Keep in mind what came of a report."""

    def forget(self, before: date) -> Deferred[None]:
        """Forget all of the days before this one."""

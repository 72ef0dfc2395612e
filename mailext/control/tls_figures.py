"""What an operator asks about TLS on the way to other domains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypedDict

from attrs import frozen
from twisted.internet.defer import Deferred

from mailext.control.requests import RequestRefusedError
from mailext.control.tls_requests import ShowTlsFigures
from mailext.routing.names import host_name
from mailext.tlsrpt.as_json import policy_as_json
from mailext.tlsrpt.report import day_of
from mailext.tlsrpt.store import DomainFigures, TlsReportStore

__all__ = ["TlsFigureOperations", "TlsFiguresJson"]


class TlsFiguresJson(TypedDict):
    """One domain on one UTC day. The policies are as in a report (RFC 8460 section 4.4)."""

    day: str
    domain: str
    report: str | None
    policies: list[dict[str, object]]


@frozen
class TlsFigureOperations:
    """
    :param store: what was counted.
    :param flush: brings what is counted in memory into the store.
    :param wall: the wall clock, in seconds since the epoch.
    """

    store: TlsReportStore
    flush: Callable[[], Deferred[None]]
    wall: Callable[[], float]

    async def show(self, request: ShowTlsFigures) -> list[TlsFiguresJson]:
        """
        The oldest day first.

        :raise RequestRefusedError: if these are no days, or this is no domain.
        """
        await self.flush()
        today = day_of(self.wall())
        try:
            first = today - timedelta(days=request.days - 1)
            domain = host_name(request.domain) if request.domain is not None else None
        except (ValueError, OverflowError) as error:
            raise RequestRefusedError(str(error)) from error
        return [_as_json(figures) for figures in await self.store.figures(first, today, domain)]


def _as_json(figures: DomainFigures) -> TlsFiguresJson:
    return TlsFiguresJson(
        day=figures.day.isoformat(),
        domain=figures.domain,
        report=figures.report.value if figures.report is not None else None,
        policies=[policy_as_json(policy) for policy in figures.policies],
    )

"""When reports are sent, that each is sent once, and what happens if it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from mailext.gathering import all_of
from mailext.tlsrpt.collecting import ResultCollector
from mailext.tlsrpt.courier import Courier, Delivery, Fate, Submitter
from mailext.tlsrpt.report import day_of, start_of
from mailext.tlsrpt.store import DomainFigures, PlannedReport, ReportState, TlsReportStore

__all__ = ["ReportingRules", "TlsReporter"]

_log = Logger()

_DAY = 86400.0
# RFC 8460 section 4.1: a random delay of up to four hours.
_LONGEST_DELAY = 4 * 3600
# A report about a day that ended longer ago is of no use any more.
_LATEST = timedelta(days=2)
# RFC 8460 section 5.5: tried again for a day, ever more slowly.
_FIRST_RETRY = 15 * 60.0
_GIVE_UP_AFTER = _DAY
# How many are sent at one time.
_AT_ONCE = 5
# The wall clock may be set meanwhile; and after trouble with the store this is
# when it is tried again.
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class ReportingRules:
    """
    :param submitter: who sends reports; None: nobody does.
    :param keep_days: for how many days figures are kept.
    """

    submitter: Submitter | None = None
    keep_days: int = 30


class TlsReporter:
    """
    Sends the report about each UTC day when it is over, and forgets old days.

    :param clock: its ``seconds()`` is the wall clock.
    :param random: spreads the reports over the hours, and makes their ids.
    """

    def __init__(
        self,
        store: TlsReportStore,
        collector: ResultCollector,
        courier: Courier,
        clock: IReactorTime,
        *,
        random: Random,
        rules: ReportingRules,
    ) -> None:
        self._store = store
        self._collector = collector
        self._courier = courier
        self._clock = clock
        self._random = random
        self._rules = rules
        self._timer: IDelayedCall | None = None
        self._round: Deferred[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin to work."""
        self._run()

    def configure(self, courier: Courier, rules: ReportingRules) -> None:
        """Go on with another courier, by other rules, from the next report on."""
        self._courier = courier
        self._rules = rules

    def stop(self) -> None:
        """Leave what is under way for the next start."""
        self._stopping = True
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if self._round is not None:
            self._round.cancel()

    def _run(self) -> None:
        self._timer = None
        self._round = Deferred.fromCoroutine(self._work())
        self._round.addErrback(lambda failure: failure.trap(CancelledError))

    async def _work(self) -> None:
        wait = _LONGEST_WAIT
        try:
            await self._collector.flush()
            today = day_of(self._clock.seconds())
            await self._store.forget(today - timedelta(days=self._rules.keep_days))
            if self._rules.submitter is not None:
                await self._plan(today)
                await self._send(self._rules.submitter)
                wait = await self._until_next()
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001 - reports come second
            _log.failure("TLS reports have to wait")
        self._round = None
        if not self._stopping:
            self._timer = self._clock.callLater(wait, self._run)

    async def _plan(self, today: date) -> None:
        found = await self._store.unplanned(today - _LATEST, today - timedelta(days=1))
        if found:
            await self._store.plan([self._planned(day, domain) for day, domain in found])

    def _planned(self, day: date, domain: str) -> PlannedReport:
        over = start_of(day).timestamp() + _DAY
        due = max(over, self._clock.seconds()) + self._random.uniform(1, _LONGEST_DELAY)
        return PlannedReport(day, domain, f"{self._random.getrandbits(64):016x}", due)

    async def _send(self, submitter: Submitter) -> None:
        while due := await self._store.due(self._clock.seconds(), _AT_ONCE):
            await self._send_together(due, submitter)

    async def _send_together(self, reports: Sequence[PlannedReport], submitter: Submitter) -> None:
        await all_of(Deferred.fromCoroutine(self._send_one(report, submitter)) for report in reports)

    async def _send_one(self, report: PlannedReport, submitter: Submitter) -> None:
        found = await self._store.figures(report.day, report.day, report.domain)
        figures = found[0] if found else DomainFigures(report.day, report.domain, ())
        began = self._clock.seconds() if report.began is None else report.began
        delivery = await self._courier.deliver(report, figures, submitter)
        settled = self._settled(replace(report, began=began, attempts=report.attempts + 1), began, delivery)
        _log.info(
            "tls-report day={day} domain={domain} reportId={reportId} state={state} attempts={attempts} said={said}",
            event="tls-report",
            day=settled.day.isoformat(),
            domain=settled.domain,
            reportId=settled.id,
            state=settled.state.value,
            attempts=settled.attempts,
            said=settled.said,
        )
        await self._store.settle(settled)

    def _settled(self, report: PlannedReport, began: float, delivery: Delivery) -> PlannedReport:
        report = replace(report, said=delivery.said)
        if delivery.fate is Fate.TAKEN:
            return replace(report, state=ReportState.SENT)
        if delivery.fate is Fate.UNWANTED:
            return replace(report, state=ReportState.UNWANTED)
        due = self._clock.seconds() + _FIRST_RETRY * 2.0 ** (report.attempts - 1)
        if due > began + _GIVE_UP_AFTER:
            return replace(report, state=ReportState.FAILED)
        return replace(report, due=due)

    async def _until_next(self) -> float:
        """Seconds to the next report, or to the end of the day."""
        now = self._clock.seconds()
        tomorrow = start_of(day_of(now)).timestamp() + _DAY
        due = await self._store.next_due()
        next_event = tomorrow if due is None else min(due, tomorrow)
        return min(max(next_event - now, 1.0), _LONGEST_WAIT)

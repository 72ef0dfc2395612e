"""Failures, delays and deliveries are reported to the sender."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.message.headers import HeaderSection
from mailext.message.report import compose_report
from mailext.message.report_values import Report
from mailext.queue.clock import QueueClock
from mailext.queue.content import read_headers
from mailext.queue.events import log_report, log_unreported
from mailext.queue.notification import (
    NotificationRules,
    count_unreported,
    recipient_reports,
    report_envelope,
)
from mailext.values import Mailbox, Outcome, QueueEntry, Settlement

__all__ = ["ReportError", "ReportFailures"]

_log = Logger()


class ReportError(Exception):
    """The report was not taken."""


@dataclass(frozen=True, slots=True)
class ReportFailures:
    """
    Tells the sender, and keeps no message for the operator. An
    :class:`~mailext.queue.aftermath.Aftermath`.

    The report is safe before the settlement is recorded. A crash between the
    two lets the attempt happen again, and its report with it: a report may come
    twice, it is never lost.

    :param store: has the messages' header sections.
    :param target: gives where reports go: the queue itself.
    :param hostname: gives the name of who reports.
    :param unique: makes what no other report has in its ``Message-ID``.
    :param clock: tells the time of attempts.
    :param give_up_after: gives how long a message may be in the queue, in
        seconds.
    :param rules: which recipients a report is due for.
    """

    store: IQueueStore
    target: Callable[[], IDeliveryTarget]
    hostname: Callable[[], str]
    unique: Callable[[], str]
    clock: QueueClock
    give_up_after: Callable[[], float]
    rules: NotificationRules = field(default_factory=NotificationRules)

    def weigh(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome]
    ) -> Settlement:
        """See :meth:`~mailext.queue.aftermath.Aftermath.weigh`."""
        return self.rules.mark(entry, settlement, outcomes, self.clock.wall())

    async def prepare(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome]
    ) -> None:
        """
        See :meth:`~mailext.queue.aftermath.Aftermath.prepare`.

        :raise ReportError: if the target did not take the report.
        """
        now = self.clock.wall()
        told = recipient_reports(entry, settlement, outcomes, now=now, give_up_after=self.give_up_after())
        reverse_path = entry.envelope.reverse_path
        if unreported := count_unreported(entry, settlement):
            log_unreported(entry, unreported)
        if reverse_path is None or not told:
            return
        report = Report(
            hostname=self.hostname(),
            unique=self.unique(),
            date=datetime.fromtimestamp(now, UTC),
            to=reverse_path,
            recipients=told,
            arrived=datetime.fromtimestamp(entry.arrived, UTC),
            envid=entry.envelope.options.envid,
            tls_demand=entry.envelope.tls_demand,
            headers=await self._headers(entry),
        )
        outcome = await self._send(entry, report)
        if not outcome.delivered:
            raise ReportError(str(outcome))
        log_report(entry, report, outcome)

    async def _headers(self, entry: QueueEntry) -> HeaderSection:
        try:
            headers, _ = read_headers(await self.store.readContent(entry))
        except Exception:  # noqa: BLE001 - a report without them is better than none
            _log.failure("The header section of {queueId} cannot be read", queueId=entry.id)
            return HeaderSection()
        return headers

    async def _send(self, entry: QueueEntry, report: Report) -> Outcome:
        headers, body = compose_report(report)
        delivery = self.target().startDelivery(report_envelope(entry.envelope, report.to), headers)
        if isinstance(delivery, Deferred):
            delivery = await delivery
        try:
            if (taken := delivery.write(body)) is not None:
                await taken
        except BaseException:
            delivery.abort()
            raise
        return (await delivery.commit())[report.to]

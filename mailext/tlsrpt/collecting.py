"""Sessions are counted in memory, and now and then in the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from mailext.interfaces import ITlsResultSink
from mailext.message.harmless import line
from mailext.tlsrpt.report import day_of
from mailext.tlsrpt.store import TlsReportStore
from mailext.values import TlsPolicy, TlsResult

__all__ = ["ResultCollector"]

_log = Logger()

# How long results may wait in memory, in seconds. What a crash takes with it
# are figures.
_INTERVAL = 60.0
# How many that differ may wait.
_MOST_WAITING = 10_000

# What others say is kept in their words, up to a point. A policy may have 64
# KiB (RFC 8461 section 3.3).
_LONGEST_TEXT = 255
_MOST_STRINGS = 64


@implementer(ITlsResultSink)
class ResultCollector:
    """
    Counts sessions by UTC day and result.

    :param store: where the counts end up.
    :param clock: its ``seconds()`` is the wall clock.
    """

    def __init__(self, store: TlsReportStore, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._counts: Counter[tuple[date, TlsResult]] = Counter()
        self._lost = 0
        self._timer: IDelayedCall | None = None
        self._writing = DeferredLock()

    def record(self, result: TlsResult) -> None:
        """See :meth:`mailext.interfaces.ITlsResultSink.record`."""
        key = (day_of(self._clock.seconds()), _bounded(result))
        if key not in self._counts and len(self._counts) >= _MOST_WAITING:
            self._lost += 1
            return
        self._counts[key] += 1
        if self._timer is None:
            self._timer = self._clock.callLater(_INTERVAL, self._on_time)

    def flush(self) -> Deferred[None]:
        """
        Bring what was counted into the store.

        :return: a Deferred that fires when that is done, or has failed: it is
            logged then, and the figures are lost.
        """
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return self._write()

    def _on_time(self) -> None:
        self._timer = None
        self._write()

    def _write(self) -> Deferred[None]:
        return self._writing.run(lambda: Deferred.fromCoroutine(self._add()))

    async def _add(self) -> None:
        counts, self._counts = self._counts, Counter()
        lost, self._lost = self._lost, 0
        try:
            if counts:
                await self._store.add(counts)
        except Exception:  # noqa: BLE001 - no figures are worth more than the mail
            _log.failure("What became of TLS in {sessions} sessions is not counted", sessions=counts.total())
        if lost:
            _log.warn("What became of TLS in {lost} sessions is not counted: too many differ", lost=lost)


def _bounded(result: TlsResult) -> TlsResult:
    judged, session = result.result, result.session
    failure = judged.failure
    if failure is not None:
        failure = replace(failure, reason=line(failure.reason, _LONGEST_TEXT))
    return replace(
        result,
        result=replace(judged, policy=_bounded_policy(judged.policy), failure=failure),
        session=replace(session, helo=line(session.helo, _LONGEST_TEXT)),
    )


def _bounded_policy(policy: TlsPolicy) -> TlsPolicy:
    return replace(
        policy,
        strings=tuple(line(each, _LONGEST_TEXT) for each in policy.strings[:_MOST_STRINGS]),
        mx_hosts=tuple(line(each, _LONGEST_TEXT) for each in policy.mx_hosts[:_MOST_STRINGS]),
    )

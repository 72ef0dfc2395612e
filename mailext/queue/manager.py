"""The queue manager: what is due is attempted, and what came of it is settled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import Random

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.aftermath import HOLD_FAILURES, Aftermath
from mailext.queue.attempt import DeliveryAttempts
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import NOWHERE_ELSE, Dispatch
from mailext.queue.events import log_attempt, log_done
from mailext.queue.schedule import RetrySchedule
from mailext.queue.settlement import SettlementRules
from mailext.values import QueueEntry, RecipientState

__all__ = ["QueueManager"]

_log = Logger()

# How long a message that was claimed is nobody else's, in seconds. A manager
# never starts a second attempt of a message beside its own first one, however
# long that takes.
_LEASE = 3600.0

# How long to leave a store alone that failed, in seconds.
_PAUSE_AFTER_FAULT = 5.0


class QueueManager:
    """
    Delivers what is in the queue.

    One message's trouble is its own: every attempt ends in a settlement, and
    the others go on.

    :param store: the queue.
    :param target: where recipients go that the dispatch sends nowhere else.
    :param schedule: when to try again.
    :param clock: tells the time and wakes the manager when a message is due.
    :param random: for the schedule's jitter.
    :param aftermath: what is done about failures, delays and deliveries
        before they are recorded.
    :param dispatch: tells which recipients go elsewhere.
    :param concurrency: how many messages are attempted at the same time.
    """

    def __init__(
        self,
        store: IQueueStore,
        target: IDeliveryTarget,
        schedule: RetrySchedule,
        clock: QueueClock,
        random: Random,
        *,
        aftermath: Aftermath = HOLD_FAILURES,
        dispatch: Dispatch = NOWHERE_ELSE,
        concurrency: int = 20,
    ) -> None:
        self._store = store
        self._attempts = DeliveryAttempts(store, target, clock, dispatch)
        self._clock = clock
        self._random = random
        self.reschedule(schedule)
        self._aftermath = aftermath
        self._concurrency = concurrency
        self._running = False
        self._claiming = False
        self._more = False
        self._under_way: set[str] = set()
        self._timer: IDelayedCall | None = None
        self._timer_due = 0.0
        self._pauses: set[Deferred[None]] = set()
        self._quiet: list[Deferred[None]] = []

    def start(self) -> None:
        """Begin with what is due."""
        self._running = True
        self.wake()

    def reschedule(self, schedule: RetrySchedule) -> None:
        """Go by another schedule, from the next settlement on."""
        self._rules = SettlementRules(schedule, self._clock, self._random)

    def stop(self) -> Deferred[None]:
        """
        Begin no attempt any more.

        :return: a Deferred that fires when those under way have been settled.
        """
        self._running = False
        self._cancel_timer()
        for pause in tuple(self._pauses):
            pause.cancel()
        if self._is_quiet():
            return succeed(None)
        quiet: Deferred[None] = Deferred()
        self._quiet.append(quiet)
        return quiet

    def wake(self) -> None:
        """Something may be due: a message was added or released."""
        self._more = True
        self._claim_more()

    def _claim_more(self) -> None:
        free = self._concurrency - len(self._under_way)
        if self._running and self._more and not self._claiming and free > 0:
            self._more = False
            self._claiming = True
            Deferred.fromCoroutine(self._claim(free)).addBoth(self._claimed)

    async def _claim(self, limit: int) -> None:
        now = self._clock.steady()
        entries = await self._store.claimDue(now, now + _LEASE, limit)
        if self._running:
            for entry in entries:
                if entry.id not in self._under_way:
                    self._begin(entry)
        if len(entries) == limit:
            self._more = True
        elif self._timer is None and (due := await self._store.nextDue()) is not None:
            self._wake_at(due)

    def _claimed(self, result: object) -> None:
        self._claiming = False
        if isinstance(result, Failure):
            _log.failure("The queue could not be read", result)
            self._wake_at(self._clock.steady() + _PAUSE_AFTER_FAULT)
        self._claim_more()
        self._tell_if_quiet()

    def _begin(self, entry: QueueEntry) -> None:
        self._under_way.add(entry.id)
        Deferred.fromCoroutine(self._attempt(entry)).addBoth(self._ended, entry)

    async def _attempt(self, entry: QueueEntry) -> None:
        outcomes = await self._attempts.deliver(entry)
        settlement = self._aftermath.weigh(entry, self._rules.settle(entry, outcomes), outcomes)
        log_attempt(entry, outcomes, settlement)
        await self._record(entry, partial(self._aftermath.prepare, entry, settlement, outcomes))
        await self._record(entry, partial(self._store.settle, settlement))
        if settlement.hold:
            return
        if any(recipient.state is RecipientState.QUEUED for recipient in settlement.recipients):
            self._wake_at(settlement.next_attempt)
        else:
            log_done(entry, settlement, self._clock.wall())

    async def _record(self, entry: QueueEntry, step: Callable[[], Awaitable[None]]) -> None:
        # Delivered but not recorded means delivered twice: recording is tried
        # until it succeeds or the server stops.
        while True:
            try:
                await step()
            except Exception:
                if not self._running:
                    raise
                _log.failure("The outcomes of {queueId} could not be recorded", queueId=entry.id)
                await self._pause()
            else:
                return

    async def _pause(self) -> None:
        pause = self._clock.pause(_PAUSE_AFTER_FAULT)
        self._pauses.add(pause)
        # Cancelled by stop(): then there is one try more.
        with suppress(CancelledError):
            await pause
        self._pauses.discard(pause)

    def _ended(self, result: object, entry: QueueEntry) -> None:
        self._under_way.discard(entry.id)
        if isinstance(result, Failure):
            _log.failure("The attempt of {queueId} is not recorded", result, queueId=entry.id)
        self._claim_more()
        self._tell_if_quiet()

    def _wake_at(self, due: float) -> None:
        """Wake at that steady time, or earlier if something else is due earlier."""
        if not self._running or (self._timer is not None and self._timer_due <= due):
            return
        self._cancel_timer()
        self._timer_due = due
        self._timer = self._clock.call_later(due - self._clock.steady(), self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self.wake()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_quiet(self) -> bool:
        return not self._claiming and not self._under_way

    def _tell_if_quiet(self) -> None:
        if not self._running and self._is_quiet():
            quiet, self._quiet = self._quiet, []
            for waiting in quiet:
                waiting.callback(None)

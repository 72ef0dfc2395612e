"""The queue manager: what is due is attempted, and what came of it is settled."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.aftermath import HOLD_FAILURES, Aftermath
from mailext.queue.attempt import DeliveryAttempts
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import NOWHERE_ELSE, Dispatch
from mailext.queue.events import log_done
from mailext.queue.intake import NOT_LEASED
from mailext.queue.recorder import PAUSE_AFTER_FAULT, Recorder
from mailext.queue.schedule import RetrySchedule
from mailext.queue.settlement import SettlementRules, given_back
from mailext.queue.turn import Turn, TurnMeans
from mailext.values import QueueEntry, RecipientState

__all__ = ["QueueManager"]

_log = Logger()

# How long a message that was claimed is nobody else's, in seconds. A manager
# never starts a second attempt of a message beside its own first one, however
# long that takes.
_LEASE = 3600.0
# How many are claimed together: the reactor does nothing else until they have begun.
_CLAIM = 100


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
        self._clock = clock
        self._rules = SettlementRules(schedule, clock, random)
        self._recorder = Recorder(clock)
        self._means = TurnMeans(
            store=store,
            attempts=DeliveryAttempts(store, target, clock, dispatch),
            rules=self._rules,
            aftermath=aftermath,
            recorder=self._recorder,
            clock=clock,
        )
        self._concurrency = concurrency
        self._running = False
        self._claiming = False
        self._more = False
        self._under_way: dict[str, Turn] = {}
        self._reserved = 0
        self._timer: IDelayedCall | None = None
        self._timer_due = 0.0
        self._quiet: list[Deferred[None]] = []

    def start(self) -> None:
        """Begin with what is due."""
        self._running = True
        self._more = True
        self._claiming = True
        Deferred.fromCoroutine(self._resume()).addBoth(self._claimed)

    def reschedule(self, schedule: RetrySchedule) -> None:
        """Go by another schedule, from the next settlement on."""
        self._rules.reschedule(schedule)

    def stop(self, grace: float = 20.0) -> Deferred[None]:
        """
        Begin no attempt any more.

        :param grace: how long those under way have to come to their end, in
            seconds; then they are cut off, and who was not served yet is due
            when a manager starts again.
        :return: a Deferred that fires when those under way have been settled.
        """
        self._running = False
        self._cancel_timer()
        self._recorder.stop()
        if self._is_quiet():
            return succeed(None)
        quiet: Deferred[None] = Deferred()
        self._quiet.append(quiet)
        patience = self._clock.call_later(grace, self._cut_off)
        return quiet.addCallback(lambda _: patience.cancel() if patience.active() else None)

    def wake(self) -> None:
        """Something may be due: a message was added or released."""
        self._more = True
        self._claim_more()

    def reserve(self) -> float:
        """See :meth:`mailext.queue.intake.Intake.reserve`: who waits in the store goes first."""
        if not self._running or self._more or self._free <= 0:
            return NOT_LEASED
        self._reserved += 1
        return self._clock.steady() + _LEASE

    def begin(self, entry: QueueEntry) -> None:
        """See :meth:`mailext.queue.intake.Intake.begin`."""
        self._reserved -= 1
        # The leases of a manager that has stopped are given back when the next one starts.
        if self._running:
            self._begin(entry)

    def withdraw(self) -> None:
        """See :meth:`mailext.queue.intake.Intake.withdraw`."""
        self._reserved -= 1
        self._claim_more()

    def abandon(self, queue_id: str) -> None:
        """
        A message was dropped: if it is under way, that ends, and nothing is
        recorded or reported.
        """
        if (turn := self._under_way.get(queue_id)) is not None:
            turn.abandon()

    def _cut_off(self) -> None:
        _log.warn("Attempts under way are cut off: {queueIds}", queueIds=", ".join(self._under_way))
        for turn in tuple(self._under_way.values()):
            turn.cut_off()

    @property
    def _free(self) -> int:
        return self._concurrency - len(self._under_way) - self._reserved

    async def _resume(self) -> None:
        # The wall clock may have been set back while nobody worked.
        await self._store.bringForward(self._rules.latest())

    def _claim_more(self) -> None:
        free = self._free
        if self._running and self._more and not self._claiming and free > 0:
            self._more = False
            self._claiming = True
            Deferred.fromCoroutine(self._claim(min(free, _CLAIM))).addBoth(self._claimed)

    async def _claim(self, limit: int) -> None:
        now = self._clock.steady()
        entries = await self._store.claimDue(now, now + _LEASE, limit)
        if not self._running:
            for entry in entries:
                await self._store.settle(given_back(entry))
            return
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
            self._wake_at(self._clock.steady() + PAUSE_AFTER_FAULT)
        self._claim_more()
        self._tell_if_quiet()

    def _begin(self, entry: QueueEntry) -> None:
        turn = self._under_way[entry.id] = Turn(entry, self._means)
        Deferred.fromCoroutine(self._attempt(entry, turn)).addBoth(self._ended, entry)

    async def _attempt(self, entry: QueueEntry, turn: Turn) -> None:
        settlement = await turn.take()
        if settlement is None or settlement.hold:
            return
        if any(recipient.state is RecipientState.QUEUED for recipient in settlement.recipients):
            self._wake_at(settlement.next_attempt)
        else:
            log_done(entry, settlement, self._clock.wall())

    def _ended(self, result: object, entry: QueueEntry) -> None:
        del self._under_way[entry.id]
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

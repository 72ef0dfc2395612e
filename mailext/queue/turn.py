"""A message's turn: from its claim to its settlement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.aftermath import Aftermath
from mailext.queue.attempt import LOCAL_TROUBLE, DeliveryAttempts, for_all
from mailext.queue.clock import QueueClock
from mailext.queue.dispatch import Deferral, Group
from mailext.queue.events import log_attempt, log_left_alone
from mailext.queue.recorder import Recorder
from mailext.queue.settlement import SettlementRules, without_second_doubt
from mailext.queue.undelivered import LeftAloneError
from mailext.values import Mailbox, Outcome, Progress, QueueEntry, Recipient, RecipientState, Settlement

__all__ = ["Turn", "TurnMeans"]

_log = Logger()

# How many groups of one message are delivered at a time: each has the content
# open, and one message with many destinations is not to have all there is.
_GROUPS = 100

_Deliver = Callable[[Group, IDeliveryTarget], Deferred[Mapping[Mailbox, Outcome]]]


@dataclass(frozen=True, slots=True)
class TurnMeans:
    """
    What turns are taken with.

    :param store: where outcomes are recorded.
    :param aftermath: what is done about them before.
    """

    store: IQueueStore
    attempts: DeliveryAttempts
    rules: SettlementRules
    aftermath: Aftermath
    recorder: Recorder
    clock: QueueClock


class Turn:
    """
    Attempts one message and settles what came of it.

    Its groups are delivered at the same time. As a group ends it is recorded
    who has the message, or may have it: a crash does not let them be served
    again. Everything else waits for the last group, for one settlement and one
    report; a message with one group has no other.

    :param entry: the message, claimed.
    """

    def __init__(self, entry: QueueEntry, means: TurnMeans) -> None:
        #: As it is recorded.
        self._entry = entry
        self._means = means
        self._outcomes: dict[Mailbox, Outcome] = {}
        self._unrecorded: dict[Mailbox, Outcome] = {}
        self._left_alone: dict[Mailbox, float] = {}
        self._deliveries: list[Deferred[Mapping[Mailbox, Outcome]]] = []
        self._groups_left = 0
        self._is_cut_off = False
        self._is_abandoned = False

    async def take(self) -> Settlement | None:
        """
        :return: how it was settled; None if it was abandoned.
        :raise Exception: if that could not be recorded, and the server stops.
        """
        groups = self._means.attempts.groups(self._entry, self._due())
        self._groups_left = len(groups)
        if len(groups) == 1:
            # As a rule: it waits for nobody.
            await self._serve(groups[0], self._deliver)
        else:
            in_turn = partial(DeferredSemaphore(_GROUPS).run, self._deliver)
            await gatherResults([Deferred.fromCoroutine(self._serve(group, in_turn)) for group in groups])
        return None if self._is_abandoned else await self._settle()

    def cut_off(self) -> None:
        """
        Have it end at once: who was not served yet is as before, and due.
        """
        self._is_cut_off = True
        # Those that wait for others first, lest they begin.
        for delivery in reversed(self._deliveries):
            delivery.cancel()

    def abandon(self) -> None:
        """Have it end at once, and nothing recorded or reported: the message is no more."""
        self._is_abandoned = True
        self.cut_off()

    def _due(self) -> Sequence[Recipient]:
        now = self._means.clock.steady()
        return tuple(
            queued.recipient
            for queued in self._entry.recipients
            if queued.state is RecipientState.QUEUED and queued.next_attempt <= now
        )

    async def _serve(self, group: Group, deliver: _Deliver) -> None:
        outcomes = without_second_doubt(self._entry, await self._outcomes_of(group, deliver))
        self._outcomes.update(outcomes)
        self._unrecorded.update(outcomes)
        self._groups_left -= 1
        if self._groups_left and not self._is_abandoned:
            try:
                await self._record(_had(outcomes))
            except Exception:  # noqa: BLE001 - it goes with the rest
                _log.failure("Some outcomes of {queueId} are recorded at the end", queueId=self._entry.id)

    async def _outcomes_of(self, group: Group, deliver: _Deliver) -> Mapping[Mailbox, Outcome]:
        way = group.way
        if isinstance(way, Outcome):
            return for_all(group.recipients, way)
        delivery = deliver(group, way)
        self._deliveries.append(delivery)
        try:
            return await delivery
        except CancelledError:
            return {} if self._is_cut_off else for_all(group.recipients, LOCAL_TROUBLE)

    def _deliver(self, group: Group, target: IDeliveryTarget) -> Deferred[Mapping[Mailbox, Outcome]]:
        return Deferred.fromCoroutine(self._pass(group, target))

    async def _pass(self, group: Group, target: IDeliveryTarget) -> Mapping[Mailbox, Outcome]:
        if (deferral := group.gate.enter()) is not None:
            return self._leave_alone(group, deferral)
        try:
            return await self._means.attempts.deliver(self._entry, group.recipients, target)
        except LeftAloneError as error:
            return self._leave_alone(group, error.deferral)
        finally:
            group.gate.leave()

    def _leave_alone(self, group: Group, deferral: Deferral) -> Mapping[Mailbox, Outcome]:
        self._left_alone.update((recipient.address, deferral.until) for recipient in group.recipients)
        return for_all(group.recipients, deferral.outcome)

    async def _record(self, outcomes: Mapping[Mailbox, Outcome]) -> None:
        """Record these before the end."""
        if not outcomes:
            return
        entry, means = self._entry, self._means
        settlement = means.aftermath.weigh(entry, means.rules.settle(entry, outcomes), outcomes)
        changed = {
            position: after
            for position, (before, after) in enumerate(
                zip(entry.recipients, settlement.recipients, strict=True)
            )
            if after != before
        }
        await means.recorder.record(entry, partial(means.aftermath.prepare, entry, settlement, outcomes))
        await means.recorder.record(entry, partial(means.store.record, Progress(entry.id, changed)))
        # Meanwhile another group may have been recorded.
        recipients = [changed.get(at, queued) for at, queued in enumerate(self._entry.recipients)]
        self._entry = replace(self._entry, recipients=tuple(recipients))
        for address in outcomes:
            del self._unrecorded[address]

    async def _settle(self) -> Settlement:
        entry, outcomes, means = self._entry, self._unrecorded, self._means
        settlement = means.rules.settle(entry, outcomes, self._left_alone)
        settlement = means.aftermath.weigh(entry, settlement, outcomes)
        if self._outcomes.keys() - self._left_alone.keys():
            log_attempt(entry, self._outcomes, settlement)
        elif self._outcomes:
            log_left_alone(entry, self._outcomes)
        await means.recorder.record(entry, partial(means.aftermath.prepare, entry, settlement, outcomes))
        await means.recorder.record(entry, partial(means.store.settle, settlement))
        return settlement


def _had(outcomes: Mapping[Mailbox, Outcome]) -> Mapping[Mailbox, Outcome]:
    """Those of recipients that have the message, or may have it."""
    return {
        address: outcome for address, outcome in outcomes.items() if outcome.delivered or outcome.in_doubt
    }

"""What the outcomes of an attempt mean for the message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from mailext.queue.clock import QueueClock
from mailext.queue.schedule import RetrySchedule
from mailext.values import (
    Mailbox,
    Outcome,
    QueuedRecipient,
    QueueEntry,
    RecipientState,
    Settlement,
)

__all__ = ["SettlementRules", "given_back", "without_second_doubt"]

_NOBODY: Mapping[Mailbox, float] = MappingProxyType({})


class SettlementRules:
    """
    Folds the outcomes of an attempt into a :class:`~mailext.values.Settlement`.

    A recipient that was deferred is tried again until the message expires;
    then it counts as failed. What becomes of failures is decided elsewhere
    (:mod:`mailext.queue.aftermath`).

    :param random: where the jitter of the schedule comes from.
    """

    def __init__(self, schedule: RetrySchedule, clock: QueueClock, random: Random) -> None:
        self._schedule = schedule
        self._clock = clock
        self._random = random

    def reschedule(self, schedule: RetrySchedule) -> None:
        """Go by another schedule from now on."""
        self._schedule = schedule

    def latest(self) -> float:
        """When whatever waits for its time is to be due, steady time."""
        return self._clock.steady() + self._schedule.longest_delay

    def settle(
        self,
        entry: QueueEntry,
        outcomes: Mapping[Mailbox, Outcome],
        left_alone: Mapping[Mailbox, float] = _NOBODY,
    ) -> Settlement:
        """
        :param outcomes: one for the address of each recipient that it is about;
            the others stay as they are.
        :param left_alone: those of them that were not tried, and until when, in
            steady time.
        """
        now = self._clock.steady()
        expired = self._schedule.has_expired(entry.arrived, self._clock.wall())
        # Who was tried together is tried again together.
        chance = self._random.random()

        def settled(queued: QueuedRecipient) -> QueuedRecipient:
            address = queued.recipient.address
            outcome = outcomes.get(address)
            if outcome is None or queued.state is not RecipientState.QUEUED:
                return queued
            state = _state(outcome, expired=expired)
            if (until := left_alone.get(address)) is not None:
                due = now + self._schedule.pause(until - now, chance)
                # The last reply says more, if there was one.
                reply = queued.last_reply if queued.attempts else str(outcome)
                return replace(queued, state=state, last_reply=reply, next_attempt=due)
            attempts = queued.attempts + 1
            return replace(
                queued,
                state=state,
                attempts=attempts,
                last_reply=str(outcome),
                next_attempt=now + self._schedule.delay(attempts, chance),
                in_doubt=outcome.in_doubt,
            )

        recipients = tuple(map(settled, entry.recipients))
        waiting = [
            each.next_attempt or entry.next_attempt
            for each in recipients
            if each.state is RecipientState.QUEUED
        ]
        return Settlement(entry.id, recipients, next_attempt=min(waiting, default=now))


def _state(outcome: Outcome, *, expired: bool) -> RecipientState:
    if outcome.delivered:
        return RecipientState.DELIVERED
    return RecipientState.QUEUED if outcome.is_temporary and not expired else RecipientState.FAILED


def without_second_doubt(entry: QueueEntry, outcomes: Mapping[Mailbox, Outcome]) -> Mapping[Mailbox, Outcome]:
    """
    A message that may have arrived is tried once more, lest it is lost; if that
    leaves it in doubt again it has failed, lest it arrives many times.

    :param outcomes: what an attempt has brought.
    :return: the same, but for recipients that are in doubt for the second time
        in a row.
    """
    doubtful = {queued.recipient.address for queued in entry.recipients if queued.in_doubt}
    if not doubtful:
        return outcomes
    return {
        address: _doubt_confirmed(outcome) if outcome.in_doubt and address in doubtful else outcome
        for address, outcome in outcomes.items()
    }


def _doubt_confirmed(outcome: Outcome) -> Outcome:
    return Outcome(
        554, "5.4.2", f"It may have arrived, and is not tried a third time: {outcome.text}", in_doubt=True
    )


def given_back(entry: QueueEntry) -> Settlement:
    """The settlement of a message that was claimed and not attempted."""
    return Settlement(entry.id, entry.recipients, entry.next_attempt)

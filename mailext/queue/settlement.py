"""What the outcomes of an attempt mean for the message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

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

__all__ = ["NO_OUTCOME", "SettlementRules"]

#: Of a recipient of which a target says nothing.
NO_OUTCOME = Outcome(451, "4.3.0", "No outcome")


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

    def settle(self, entry: QueueEntry, outcomes: Mapping[Mailbox, Outcome]) -> Settlement:
        """
        :param outcomes: one for the address of each recipient that was tried; a
            missing one is a temporary failure.
        """
        expired = self._schedule.has_expired(entry.arrived, self._clock.wall())
        recipients = tuple(
            _tried(queued, outcomes.get(queued.recipient.address, NO_OUTCOME), expired=expired)
            if queued.state is RecipientState.QUEUED
            else queued
            for queued in entry.recipients
        )
        waiting = [queued.attempts for queued in recipients if queued.state is RecipientState.QUEUED]
        delay = self._schedule.delay(max(waiting), self._random) if waiting else 0.0
        return Settlement(
            queue_id=entry.id,
            recipients=recipients,
            next_attempt=self._clock.steady() + delay,
        )


def _tried(queued: QueuedRecipient, outcome: Outcome, *, expired: bool) -> QueuedRecipient:
    if outcome.delivered:
        state = RecipientState.DELIVERED
    elif outcome.is_temporary and not expired:
        state = RecipientState.QUEUED
    else:
        state = RecipientState.FAILED
    return replace(queued, state=state, attempts=queued.attempts + 1, last_reply=str(outcome))

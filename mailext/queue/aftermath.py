"""
What follows from an attempt before it is recorded: the joint between the queue
manager and who deals with failures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from mailext.values import Mailbox, Outcome, QueueEntry, RecipientState, Settlement

__all__ = ["HOLD_FAILURES", "Aftermath", "HoldFailures"]


class Aftermath(Protocol):
    """
    Deals with what an attempt brought: what is recorded before its end, and
    what is recorded then.
    """

    def weigh(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome]
    ) -> Settlement:
        """
        Decide, without doing anything yet.

        :param entry: the message as it is recorded.
        :param settlement: what the attempt brought.
        :param outcomes: likewise, one for the address of each recipient that
            the settlement is about; the others stay as they are.
        :return: the settlement to record.
        """

    async def prepare(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome]
    ) -> None:
        """
        Do what has to be safe before the settlement is recorded: once it is, a
        failed recipient is forgotten.

        :param settlement: as :meth:`weigh` left it.
        :raise Exception: if it could not be done; it is then asked again.
        """


class HoldFailures:
    """
    Keeps a message of which some recipient failed, and nothing is left to be
    tried, for the operator. Nobody is told.
    """

    def weigh(
        self,
        entry: QueueEntry,  # noqa: ARG002
        settlement: Settlement,
        outcomes: Mapping[Mailbox, Outcome],  # noqa: ARG002
    ) -> Settlement:
        """See :meth:`Aftermath.weigh`."""
        states = {queued.state for queued in settlement.recipients}
        hold = RecipientState.FAILED in states and RecipientState.QUEUED not in states
        return replace(settlement, hold=hold)

    async def prepare(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome]
    ) -> None:
        """See :meth:`Aftermath.prepare`: nothing is forgotten."""


#: What a queue manager does that was told nothing else.
HOLD_FAILURES: Aftermath = HoldFailures()

"""
Which recipients of a message go where: the joint between the queue and who
knows what is local.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mailext.interfaces import IDeliveryTarget
from mailext.values import Outcome, QueueEntry, Recipient

__all__ = ["NOWHERE_ELSE", "OPEN", "Deferral", "Dispatch", "Gate", "Group", "NowhereElse", "Open"]


@dataclass(frozen=True, slots=True)
class Deferral:
    """
    Why recipients are not even tried for now. It is no attempt of theirs.

    :param outcome: a temporary failure.
    :param until: when they may be tried, steady time.
    """

    outcome: Outcome
    until: float


class Gate(Protocol):
    """Before a destination: who may go on now."""

    def enter(self) -> Deferral | None:
        """
        :return: why there is to be no delivery for now; None: go on, and
            :meth:`leave` when it is over.
        """

    def leave(self) -> None:
        """The delivery is over, whatever came of it."""


class Open:
    """Lets everybody pass."""

    def enter(self) -> None:
        """See :meth:`Gate.enter`."""

    def leave(self) -> None:
        """See :meth:`Gate.leave`."""


#: Before what is always there.
OPEN: Gate = Open()


@dataclass(frozen=True, slots=True)
class Group:
    """
    Recipients that are delivered together, apart from all others.

    :param way: where they go; or an outcome, which is then what an attempt has
        brought.
    :param gate: tells, when their turn has come, whether they are tried.
    """

    recipients: tuple[Recipient, ...]
    way: IDeliveryTarget | Outcome
    gate: Gate = OPEN


class Dispatch(Protocol):
    """Sends recipients of queued messages elsewhere than to the queue's own target."""

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        """
        :param entry: the message.
        :param recipients: those that are still to be served.
        :return: groups of those that do not go to the queue's own target;
            nobody is in two of them.
        """


class NowhereElse:
    """Leaves every recipient to the queue's own target."""

    def elsewhere(
        self,
        entry: QueueEntry,  # noqa: ARG002 - a dispatch's signature
        recipients: Sequence[Recipient],  # noqa: ARG002 - likewise
    ) -> Sequence[Group]:
        """See :meth:`Dispatch.elsewhere`."""
        return ()


#: What a queue does that was told nothing else.
NOWHERE_ELSE: Dispatch = NowhereElse()

"""
How a new message comes to its first attempt: the joint between who adds
messages and who delivers them.

A message that the manager has room for is added with its lease already taken,
and goes straight from the commit to its attempt. One that it has no room for
is added without, and waits in the store to be claimed like any other.
"""

from __future__ import annotations

from typing import Protocol

from mailext.values import QueueEntry

__all__ = ["NOT_LEASED", "NO_INTAKE", "Intake"]

#: The lease of a message that is nobody's yet.
NOT_LEASED = 0.0


class Intake(Protocol):
    """Takes new messages over."""

    def reserve(self) -> float:
        """
        Keep a place for a message that is about to be added.

        :return: until when it is leased, steady time; :data:`NOT_LEASED` if
            there is no place.
        """

    def begin(self, entry: QueueEntry) -> None:
        """The message was added with its lease: attempt it."""

    def withdraw(self) -> None:
        """The message was not added: its place is free."""

    def wake(self) -> None:
        """Something in the store may be due."""


class NoIntake:
    """Of a store without manager: who starts next finds what is due."""

    def reserve(self) -> float:
        """See :meth:`Intake.reserve`."""
        return NOT_LEASED

    def begin(self, entry: QueueEntry) -> None:
        """See :meth:`Intake.begin`: it never comes to that."""

    def withdraw(self) -> None:
        """See :meth:`Intake.withdraw`: it never comes to that."""

    def wake(self) -> None:
        """See :meth:`Intake.wake`."""


#: The intake of a store without manager.
NO_INTAKE: Intake = NoIntake()

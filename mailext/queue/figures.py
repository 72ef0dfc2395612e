"""The queue as figures."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QueueFigures"]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """
    :param messages: how many there are.
    :param held: how many of them are on hold.
    :param oldest: when the oldest arrived, in seconds since the epoch; None if
        there is none.
    """

    messages: int
    held: int
    oldest: float | None

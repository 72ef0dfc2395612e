"""When a message is tried again, and when no more."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RetrySchedule"]


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """
    The delays between delivery attempts.

    :param delays: seconds to wait after the first, second ... attempt; the
        last one repeats.
    :param give_up_after: how long a message may be in the queue, in seconds.
    :param jitter: by which part of itself a delay may be longer or shorter, so
        that messages deferred together do not all come back together.
    :raise ValueError: if there is no delay, or one is not positive, or the
        jitter is not within 0 and 1.
    """

    delays: tuple[float, ...]
    give_up_after: float
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if not self.delays or min(self.delays) <= 0:
            raise ValueError("a retry schedule wants delays greater than zero")
        if not 0 <= self.jitter < 1:
            raise ValueError("the jitter of a retry schedule is at least 0 and less than 1")

    @property
    def longest_delay(self) -> float:
        """No delay is longer, in seconds."""
        return max(self.delays) * (1 + self.jitter)

    def delay(self, attempts: int, chance: float) -> float:
        """
        :param attempts: how many attempts were made, at least one.
        :param chance: from 0 to 1: how much of the jitter there is.
        :return: seconds from now to the next one.
        """
        base = self.delays[min(attempts, len(self.delays)) - 1]
        return base * (1 + self.jitter * (2 * chance - 1))

    def pause(self, seconds: float, chance: float) -> float:
        """
        :param seconds: how long someone must be left alone at least.
        :param chance: from 0 to 1: how much of the jitter there is.
        :return: seconds from now to the next attempt.
        """
        return seconds * (1 + self.jitter * chance)

    def has_expired(self, arrived: float, now: float) -> bool:
        """
        :param arrived: when the message was accepted, by the wall clock.
        :param now: the wall clock.
        """
        return now - arrived >= self.give_up_after

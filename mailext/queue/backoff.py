"""
Destinations that cannot be reached are left alone for a while: one dead host
costs one attempt, and not one for each message that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from mailext.queue.dispatch import Deferral
from mailext.values import Outcome

__all__ = ["DestinationBackoff"]


@dataclass(slots=True)
class _Trouble:
    """
    A destination that cannot be reached.

    :ivar pause: how long it is left alone, in seconds.
    :ivar until: when somebody may try again, steady time.
    :ivar probed: whether somebody does.
    """

    cause: Outcome
    pause: float
    until: float
    probed: bool = False


class DestinationBackoff:
    """
    Remembers which destinations could not be reached.

    When the time of one is over, one message tries it, and the others wait for
    what comes of that, though no longer than another pause. Each failure
    doubles the pause.

    :param steady: tells the time: seconds of a clock that never jumps.
    :param first: the first pause, in seconds.
    :param longest: no pause is longer, in seconds.
    :param short: the pause when the operator wants it tried, in seconds.
    """

    def __init__(
        self,
        steady: Callable[[], float],
        *,
        first: float = 60.0,
        longest: float = 1800.0,
        short: float = 10.0,
    ) -> None:
        self._steady = steady
        self._first = first
        self._short = short
        self._longest = longest
        self._troubles: dict[str, _Trouble] = {}

    def deferral(self, destination: str) -> Deferral | None:
        """
        Ask before a try.

        :return: why there is to be none for now; None: go on, and say what
            came of it by :meth:`reached` or :meth:`failed`.
        """
        trouble = self._troubles.get(destination)
        if trouble is None:
            return None
        now = self._steady()
        if now < trouble.until:
            text = f"{destination} is left alone for a while: {trouble.cause.text}"
            return Deferral(replace(trouble.cause, text=text), trouble.until)
        trouble.until = now + trouble.pause
        trouble.probed = True
        return None

    def reached(self, destination: str) -> None:
        """It answers: nothing is held against it any more."""
        self._troubles.pop(destination, None)

    def forget(self, destinations: Iterable[str]) -> None:
        """The operator wants these tried: the next message tries each, and the others wait for that."""
        for destination in destinations:
            if (trouble := self._troubles.get(destination)) is not None:
                self._troubles[destination] = _Trouble(trouble.cause, self._short, self._steady())

    def forget_all(self) -> None:
        """Likewise of all destinations."""
        self.forget(tuple(self._troubles))

    def failed(self, destination: str, cause: Outcome) -> None:
        """
        No host of it could be reached.

        :param cause: why, a temporary failure.
        """
        now = self._steady()
        trouble = self._troubles.get(destination)
        if trouble is None:
            self._forget_before(now - self._longest)
            self._troubles[destination] = _Trouble(cause, self._first, now + self._first)
        elif trouble.probed:
            pause = min(trouble.pause * 2, self._longest)
            self._troubles[destination] = _Trouble(cause, pause, now + pause)
        # Otherwise this try had begun before the first one failed.

    def _forget_before(self, time: float) -> None:
        """Forget where no message goes any more."""
        self._troubles = {name: each for name, each in self._troubles.items() if each.until >= time}

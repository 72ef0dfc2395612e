"""Queue ids."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

__all__ = ["QueueIds"]

# Digits and letters in the order of ASCII, less those that are misread; one
# case only, because an id is also a file name.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 7
_RANDOM_DIGITS = 8


class QueueIds:
    """
    Makes queue ids: 15 digits and lower-case letters, safe as file names, in
    the order of their making by the second.

    :param seconds: the wall clock.
    :param random: where the unguessable part comes from;
        :class:`random.SystemRandom` in a server.
    """

    def __init__(self, seconds: Callable[[], float], random: Random) -> None:
        self._seconds = seconds
        self._random = random

    def __call__(self) -> str:
        moment = _digits(int(self._seconds()), _TIME_DIGITS)
        return moment + _digits(self._random.getrandbits(5 * _RANDOM_DIGITS), _RANDOM_DIGITS)


def _digits(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (count - 1), -1, -5))

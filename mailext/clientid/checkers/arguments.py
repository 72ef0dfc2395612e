"""
The arguments of a checker's plugin string, read as what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from mailext.plugins import parse_arguments, single
from mailext.units import parse_duration
from mailext.values import Tally

__all__ = ["Arguments", "Limit", "Ruling"]

_E = TypeVar("_E", bound=StrEnum)

# Digits are bounded and ASCII: int() alone takes "_", "+" and other scripts.
_NUMBER = re.compile(r"[0-9]{1,9}")
_NONE = "none"


class Ruling(StrEnum):
    """What a rule says of those that it is about."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Limit:
    """
    So many in so long a time.

    :param window: seconds.
    """

    count: int
    window: float

    def tally(self, *name: str) -> Tally:
        """
        What is counted against this limit.

        :param name: what it is called, in parts.
        """
        return Tally("/".join(name), self.window)


class Arguments:
    """
    :param argstring: ``key=value[:key=value]...``.
    :param known: the keys that may be given.
    :raise ValueError: as every method here, saying what is wrong.
    """

    def __init__(self, argstring: str, known: Collection[str]) -> None:
        self._given: Mapping[str, tuple[str, ...]] = parse_arguments(argstring, known)

    def words(self, key: str) -> tuple[str, ...]:
        """A list; empty where it was not given."""
        return self._given.get(key, ())

    def text(self, key: str, default: str) -> str:
        """One value."""
        return single(self._given, key, default)

    def choice(self, key: str, default: _E) -> _E:
        """One of the members of an enumeration."""
        text = self.text(key, default.value)
        for member in type(default):
            if member.value == text:
                return member
        known = ", ".join(type(default))
        raise ValueError(f"there is no {key} {text!r}; there are: {known}")

    def choices(self, key: str, default: Collection[_E]) -> tuple[_E, ...]:
        """Some of the members of an enumeration."""
        kind = type(next(iter(default)))
        known = {member.value: member for member in kind}
        for word in self.words(key):
            if word not in known:
                raise ValueError(f"there is no {key} {word!r}; there are: {', '.join(known)}")
        return tuple(known[word] for word in self.words(key)) or tuple(default)

    def number(self, key: str, default: str) -> int:
        """A whole number, 1 or more."""
        text = self.text(key, default)
        if not _NUMBER.fullmatch(text) or int(text) == 0:
            raise ValueError(f"{key}: not a number from 1 on: {text!r}")
        return int(text)

    def number_or_none(self, key: str, default: str) -> int | None:
        """A whole number, 1 or more; None where it says ``none``."""
        return None if self.text(key, default) == _NONE else self.number(key, default)

    def duration(self, key: str, default: str) -> float:
        """A duration that is not 0, in seconds."""
        return _duration(key, self.text(key, default))

    def limit(self, key: str, default: str) -> Limit:
        """``COUNT/DURATION``, for example ``10/15m``."""
        text = self.text(key, default)
        count, slash, window = text.partition("/")
        if not slash or not _NUMBER.fullmatch(count) or int(count) == 0:
            raise ValueError(f'{key}: a number from 1 on, / and a duration, as in "10/15m", not {text!r}')
        return Limit(int(count), _duration(key, window))

    def limit_or_none(self, key: str, default: str) -> Limit | None:
        """``COUNT/DURATION``; None where it says ``none``."""
        return None if self.text(key, default) == _NONE else self.limit(key, default)


def _duration(key: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
    if not seconds:
        raise ValueError(f"{key}: a duration of nothing")
    return seconds

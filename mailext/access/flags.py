"""The flags of a message, which stand in its file's name: ``base:2,FLAGS``."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["FLAGS", "base_of", "file_name", "flags_of", "letters_of", "size_of", "split_name"]

_LETTERS = {"\\Answered": "R", "\\Flagged": "F", "\\Deleted": "T", "\\Seen": "S", "\\Draft": "D"}
_FLAGS = {letter: flag for flag, letter in _LETTERS.items()}
_BY_NAME = {flag.lower(): letter for flag, letter in _LETTERS.items()}

#: The flags that messages can have here.
FLAGS = tuple(_LETTERS)

_INFO = ":2,"
_SIZE = re.compile(r",S=([0-9]{1,18})(?:,|$)")


def split_name(name: str) -> tuple[str, frozenset[str]]:
    """The base and the letters of a file's name."""
    base, _, letters = name.partition(_INFO)
    return base, frozenset(letters)


def base_of(name: str) -> str:
    """What of a file's name never changes."""
    return split_name(name)[0]


def file_name(base: str, letters: Iterable[str]) -> str:
    """The name of a file in ``cur``."""
    return base + _INFO + "".join(sorted(letters))


def size_of(base: str) -> int | None:
    """The size of the file in octets, as its name tells it (Maildir++); None where it does not."""
    match = _SIZE.search(base)
    return int(match[1]) if match else None


def flags_of(letters: Iterable[str]) -> tuple[str, ...]:
    """The flags that letters stand for. Other programs' letters stand for none."""
    return tuple(_FLAGS[letter] for letter in sorted(letters) if letter in _FLAGS)


def letters_of(flags: Iterable[str]) -> frozenset[str]:
    """The letters of flags in any case. A flag that cannot be kept has none."""
    return frozenset(_BY_NAME[flag.lower()] for flag in flags if flag.lower() in _BY_NAME)

"""What finds out whether a value means something: by trying to make of it what it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import ParamSpec

from mailext.config.reader import Finding, KeyPath

__all__ = ["in_words", "said_twice", "tried"]

_P = ParamSpec("_P")


def tried(
    path: KeyPath, make: Callable[_P, object], *args: _P.args, **kwargs: _P.kwargs
) -> Iterator[Finding]:
    """
    :param make: raises :class:`ValueError` for values that make no sense.
    :return: what it raised.
    """
    try:
        make(*args, **kwargs)
    except ValueError as error:
        yield path, in_words(error)


def in_words(error: Exception) -> str:
    """What an exception says, if only its name."""
    return str(error) or type(error).__name__


def said_twice(path: KeyPath, keys: Iterable[str], meaning: Callable[[str], object]) -> Iterator[Finding]:
    """
    :param path: the table of these keys.
    :param meaning: what a key means; raises :class:`ValueError` for those that
        mean nothing.
    :return: each key that means the same as one before it.
    """
    spellings: dict[object, str] = {}
    for key in keys:
        with suppress(ValueError):
            first = spellings.setdefault(meaning(key), key)
            if first != key:
                yield (*path, key), f"the same as {first!r}"

"""
Globs of identity types: the exact name beats a glob, a longer glob a shorter one.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

__all__ = ["best_match", "matches_any"]


def best_match(name: str, globs: Iterable[str]) -> str | None:
    """
    :param name: upper case, as all globs are.
    :return: the glob that says most of a name; None if none matches it. Of
        equally long ones the first.
    """
    matching = [glob for glob in globs if fnmatchcase(name, glob)]
    return name if name in matching else max(matching, key=len, default=None)


def matches_any(name: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs matches."""
    return any(fnmatchcase(name, glob) for glob in globs)

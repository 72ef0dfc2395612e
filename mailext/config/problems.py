"""What is wrong with a configuration, and where it says so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

__all__ = ["COMMAND_LINE", "ConfigurationError", "Problem", "dotted"]

#: What stands for the file where a flag is to blame.
COMMAND_LINE = "command line"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@frozen
class Problem:
    """
    :param file: the configuration file, or what else was read; for a flag
        :data:`COMMAND_LINE`.
    :param key: the key as TOML writes it, dotted; empty where the whole file
        is meant.
    :param reason: what is wrong with it.
    """

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.reason) if part)


class ConfigurationError(Exception):
    """
    A configuration that cannot be used.

    :param problems: all that was found, at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def dotted(*path: str) -> str:
    """A key as TOML writes it, parts that are no bare keys in quotes."""
    return ".".join(part if _BARE_KEY.fullmatch(part) else f'"{part}"' for part in path)

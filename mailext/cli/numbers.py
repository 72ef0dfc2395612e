"""Numbers and durations on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from mailext.units import Seconds, parse_duration

__all__ = ["count", "duration"]

_MOST = 999_999
_COUNT = re.compile(r"[0-9]{1,6}", re.ASCII)


def count(text: str) -> int:
    """
    A number of things, at least one.

    :raise ArgumentTypeError: if it is none.
    """
    if not _COUNT.fullmatch(text) or not int(text):
        raise ArgumentTypeError(f"must be a number from 1 to {_MOST}: {text!r}")
    return int(text)


def duration(text: str) -> Seconds:
    """
    How long something is to last.

    :raise ArgumentTypeError: if it is no duration.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}: {text!r}") from None

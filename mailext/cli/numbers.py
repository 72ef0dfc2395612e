"""Numbers on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

__all__ = ["count"]

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

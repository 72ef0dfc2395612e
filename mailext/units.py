"""
Durations and sizes as an operator writes them: ``"5m"``, ``"50MiB"``.

Both are one whole number and one unit. What :func:`format_duration` and
:func:`format_size` write, the parsers read back as the same value.
"""

from __future__ import annotations

import re
from typing import NewType

__all__ = ["Octets", "Seconds", "format_duration", "format_size", "parse_duration", "parse_size"]

#: A duration, in seconds.
Seconds = NewType("Seconds", float)

#: A size, in octets.
Octets = NewType("Octets", int)

# Digits are bounded and ASCII: int() alone takes "_", "+" and other scripts.
_QUANTITY = re.compile(r"([0-9]{1,15})([A-Za-z]+)")

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_OCTETS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}


def parse_duration(text: str) -> Seconds:
    """
    :param text: digits and one of the units ms, s, m, h, d.
    :raise ValueError: if it is anything else.
    """
    return Seconds(_parse(text, _MILLISECONDS, "duration", "5m") / 1000)


def format_duration(seconds: Seconds) -> str:
    """The shortest form of a duration, to the millisecond."""
    return _format(round(seconds * 1000), _MILLISECONDS, "s")


def parse_size(text: str) -> Octets:
    """
    :param text: digits and one of the units B, KiB, MiB, GiB.
    :raise ValueError: if it is anything else.
    """
    return Octets(_parse(text, _OCTETS, "size", "50MiB"))


def format_size(octets: Octets) -> str:
    """The shortest form of a size."""
    return _format(octets, _OCTETS, "B")


def _parse(text: str, units: dict[str, int], noun: str, example: str) -> int:
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        known = ", ".join(reversed(units))
        raise ValueError(f'not a {noun}: a number and one of {known}, as in "{example}"')
    return int(match[1]) * units[match[2]]


def _format(quantity: int, units: dict[str, int], unit_of_zero: str) -> str:
    if quantity == 0:
        return f"0{unit_of_zero}"
    unit = next(unit for unit, factor in units.items() if quantity % factor == 0)
    return f"{quantity // units[unit]}{unit}"

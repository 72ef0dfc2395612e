"""Durations and sizes: what is written is read back, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.units import (
    Octets,
    Seconds,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@given(st.integers(0, 10**12))
def test_durations_round_trip(milliseconds: int) -> None:
    seconds = Seconds(milliseconds / 1000)
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 10**15 - 1))
def test_sizes_round_trip(octets: int) -> None:
    assert parse_size(format_size(Octets(octets))) == octets


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("250ms", 0.25), ("1s", 1), ("5m", 300), ("4h", 14400), ("5d", 432000)]
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(Seconds(seconds)) == text


@pytest.mark.parametrize(
    ("text", "octets"), [("0B", 0), ("500B", 500), ("256KiB", 262144), ("50MiB", 52428800), ("1GiB", 1 << 30)]
)
def test_size(text: str, octets: int) -> None:
    assert parse_size(text) == octets
    assert format_size(Octets(octets)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "m",
        "5 m",
        " 5m",
        "5m\n",
        "-5m",
        "+5m",
        "1_0s",
        "5M",
        "1.5s",
        "1h30m",
        "\u0665m",
        "9" * 16 + "s",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="a number and one of ms, s, m, h, d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "5MB", "5mib", "5 MiB", "-1B", "1_0B", "0x10B", "5m"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="a number and one of B, KiB, MiB, GiB"):
        parse_size(text)

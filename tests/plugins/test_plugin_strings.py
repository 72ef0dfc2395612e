"""The grammar of plugin strings."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.plugins import parse_arguments, single

KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
VALUES = st.lists(st.text() | st.text("\\:,=\n a"), min_size=1).map(tuple)


def written(arguments: Mapping[str, tuple[str, ...]]) -> str:
    """Arguments as an operator may write them."""
    return ":".join(
        f"{key}=" + ",".join(re.sub(r"([\\:,])", r"\\\1", value) for value in values)
        for key, values in arguments.items()
    )


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_is_read_back(arguments: dict[str, tuple[str, ...]]) -> None:
    assert parse_arguments(written(arguments), arguments.keys()) == arguments


@given(st.text("ab\\:,="))
def test_whatever_is_read_is_written_and_read_again(argstring: str) -> None:
    known = {"", "a", "b", "ab", "ba"}
    try:
        arguments = parse_arguments(argstring, known)
    except ValueError:
        return
    if "" not in arguments:
        assert parse_arguments(written(arguments), known) == arguments


@pytest.mark.parametrize(
    ("argstring", "arguments"),
    [
        ("", {}),
        ("a=", {"a": ("",)}),
        ("a=x", {"a": ("x",)}),
        ("a=x,y:b=z", {"a": ("x", "y"), "b": ("z",)}),
        ("a=,", {"a": ("", "")}),
        ("a=x=y", {"a": ("x=y",)}),
        (r"a=x\:y\,z\\", {"a": ("x:y,z\\",)}),
        (r"a=\x", {"a": ("x",)}),
        ("a=tcp\\:host=x\\:port=1", {"a": ("tcp:host=x:port=1",)}),
    ],
)
def test_examples(argstring: str, arguments: dict[str, tuple[str, ...]]) -> None:
    assert parse_arguments(argstring, {"a", "b"}) == arguments


@pytest.mark.parametrize(
    ("argstring", "reason"),
    [
        ("x", "expected key=value, got 'x'"),
        ("a=1:", "expected key=value, got ''"),
        ("a=1::b=2", "expected key=value, got ''"),
        ("x,y", "expected key=value, got 'x,y'"),
        ("c=1", "unknown argument 'c'; known: a, b"),
        ("=1", "unknown argument ''; known: a, b"),
        ("a=1:a=2", "argument 'a' is given twice"),
        ("a=1\\", "a backslash at the end quotes nothing"),
    ],
)
def test_errors_are_readable(argstring: str, reason: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_arguments(argstring, {"a", "b"})
    assert str(refusal.value) == reason


def test_an_argument_that_takes_no_list() -> None:
    assert single({"a": ("1",)}, "a", "0") == "1"
    assert single({}, "a", "0") == "0"
    with pytest.raises(ValueError, match="argument 'a' takes one value, not 2"):
        single({"a": ("1", "2")}, "a", "0")

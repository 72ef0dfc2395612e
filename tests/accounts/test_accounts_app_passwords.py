"""App passwords as they are made and compared."""

from __future__ import annotations

import re
import secrets

import pytest

from mailext.accounts.app_passwords import app_password_digest, make_app_password


def test_each_is_another_one_in_groups() -> None:
    made = {make_app_password(secrets.randbelow) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){5}", each) for each in made)


def test_all_letters_are_used() -> None:
    numbers = iter(list(range(32)) * 3)
    letters = "".join(make_app_password(lambda _: next(numbers)) for _ in range(4))
    assert set(letters) == set("abcdefghijklmnopqrstuvwxyz234567-")


@pytest.mark.parametrize(
    "typed", [b"abcd-efgh-ijkl-mnop-qrst-uv27", b"abcdefghijklmnopqrstuv27", b"ABCD EFGH IJKL MNOP QRST UV27"]
)
def test_how_it_is_typed_makes_no_difference(typed: bytes) -> None:
    assert app_password_digest(typed) == app_password_digest(b"abcd-efgh-ijkl-mnop-qrst-uv27")


@pytest.mark.parametrize(
    "other", [b"", b"secret", b"abcd-efgh-ijkl-mnop-qrst-uv2", b"abcd-efgh-ijkl-mnop-qrst-uv18", b"\xff" * 24]
)
def test_what_looks_otherwise_is_none(other: bytes) -> None:
    assert app_password_digest(other) is None

"""Names that a site may give to fields of its own."""

from __future__ import annotations

import pytest

from mailext.message.field_names import own_field_name


@pytest.mark.parametrize("name", ["X-Require-TLS", "Ask", "X-Received", "Importance", "Listless", "T" * 76])
def test_names(name: str) -> None:
    assert own_field_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "Subject",
        "RECEIVED",
        "tls-required",
        "Content-Type",
        "List-Id",
        "Resent-From",
        "ARC-Seal",
        "Return-Path",
    ],
)
def test_names_that_mail_goes_by(name: str) -> None:
    with pytest.raises(ValueError, match=f"mail goes by the field {name} already"):
        own_field_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "\u00fc", "a\r\nb", "\x7f"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no header field can be called"):
        own_field_name(name)


def test_a_name_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="longer than 76 characters") as caught:
        own_field_name("x" * 500)
    assert len(str(caught.value)) < 150

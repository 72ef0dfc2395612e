"""Hosts and ports as operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.routing.places import host_and_port, is_loopback


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("mail.example", ("mail.example", 25)),
        ("mail.example:2525", ("mail.example", 2525)),
        ("192.0.2.1:65535", ("192.0.2.1", 65535)),
        ("2001:db8::1", ("2001:db8::1", 25)),
        ("[2001:db8::1]", ("2001:db8::1", 25)),
        ("[2001:db8::1]:26", ("2001:db8::1", 26)),
        ("[192.0.2.1]", ("192.0.2.1", 25)),
        ("", ("", 25)),
    ],
)
def test_places(text: str, place: tuple[str, int]) -> None:
    assert host_and_port(text, 25) == place


@pytest.mark.parametrize(
    "text",
    [
        *("h:", "h:0", "h:65536", "h:99999999999", "h:x", "h:+1", "h:1_0", "h:\u0661"),
        *("[", "[::1", "[::1]26", "[::1]:", "[mail.example]:25", "[]"),
    ],
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a port|^not an address in brackets"):
        host_and_port(text, 25)


@given(st.text())
def test_whatever_it_is_it_is_a_place_or_an_error(text: str) -> None:
    try:
        host, port = host_and_port(text, 25)
    except ValueError:
        return
    assert host in text
    assert 0 < port < 65536


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("ip6-localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("localhost.example", False),
        ("0.0.0.0", False),
        ("", False),
    ],
)
def test_what_is_this_machine(host: str, *, here: bool) -> None:
    assert is_loopback(host) is here

"""Which name servers are asked, and which are believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailext.net.dns import NameServer, name_servers, system_name_servers


@pytest.mark.parametrize(
    ("place", "server"),
    [
        ("127.0.0.1", NameServer("127.0.0.1", 53, trusted=True)),
        ("127.0.0.53:5353", NameServer("127.0.0.53", 5353, trusted=True)),
        ("::1", NameServer("::1", 53, trusted=True)),
        ("[::1]", NameServer("::1", 53, trusted=True)),
        ("[::1]:5353", NameServer("::1", 5353, trusted=True)),
        ("::ffff:127.0.0.1", NameServer("::ffff:127.0.0.1", 53, trusted=True)),
        ("192.0.2.1", NameServer("192.0.2.1", 53, trusted=False)),
        ("192.0.2.1:54", NameServer("192.0.2.1", 54, trusted=False)),
        ("2001:db8::1", NameServer("2001:db8::1", 53, trusted=False)),
        ("fe80::1%eth0", NameServer("fe80::1%eth0", 53, trusted=False)),
    ],
)
def test_places(place: str, server: NameServer) -> None:
    assert name_servers([place]) == (server,)


def test_a_server_is_believed_where_the_operator_says_so() -> None:
    assert name_servers(["192.0.2.1"], trusted=True) == (NameServer("192.0.2.1", 53, trusted=True),)


@pytest.mark.parametrize(
    "place",
    [
        "",
        "dns.example",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "127.0.0.1:+53",
        "[::1",
        "[::1]53",
        "[::1]x",
    ],
)
def test_places_that_make_no_sense(place: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        name_servers([place])


def test_those_of_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("search example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.1\noptions ndots:2\n")
    assert system_name_servers(file) == (
        NameServer("127.0.0.53", 53, trusted=True),
        NameServer("192.0.2.1", 53, trusted=False),
    )
    assert all(server.trusted for server in system_name_servers(file, trusted=True))


def test_the_machine_itself_where_none_is_named(tmp_path: Path) -> None:
    assert system_name_servers(tmp_path / "missing") == (NameServer("127.0.0.1", 53, trusted=True),)


def test_a_file_that_makes_no_sense(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver elsewhere\n")
    with pytest.raises(ValueError, match=r"resolv\.conf: "):
        system_name_servers(file)

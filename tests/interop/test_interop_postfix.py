"""Debian's Postfix as a sending peer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.interop.postfix import Postfix
from tests.samples import SAMPLE, is_delivered, numbered

pytestmark = pytest.mark.interop("postfix")


@pytest.fixture
def postfix(server: RunningServer) -> Iterator[Postfix]:
    """A Postfix that sends everything to the server's mx listener, over TLS or not at all."""
    peer = Postfix(
        f"relayhost = [127.0.0.1]:{server.mx}\n"
        "smtp_tls_security_level = encrypt\n"
        "smtp_tls_loglevel = 1\n"
        "smtputf8_enable = yes\n"
        "message_size_limit = 52428800\n"
    )
    try:
        peer.start()
        yield peer
    finally:
        peer.stop()


def unix_lines(message: bytes) -> bytes:
    return message.replace(b"\r\n", b"\n")


def test_a_message_over_starttls(server: RunningServer, postfix: Postfix) -> None:
    postfix.send(unix_lines(SAMPLE), "bob@example.net", ADDRESS)
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)
    assert stored.startswith(b"Return-Path: <bob@example.net>")
    assert "TLS connection established to 127.0.0.1" in postfix.wait_until_sent()


def test_many_recipients_in_one_transaction(server: RunningServer, postfix: Postfix) -> None:
    addresses = [f"user{n}@example.org" for n in range(12)]
    for address in addresses:
        server.run("account", "add", address, "--password-stdin", stdin=b"a long password\n")
    postfix.send(unix_lines(SAMPLE), "bob@example.net", *addresses)
    for address in addresses:
        (stored,) = server.wait_for_messages(address=address)
        assert is_delivered(SAMPLE, stored)
    assert server.log.read_text("utf-8").count("accepted") == 1


def test_a_message_of_many_megabytes(server: RunningServer, postfix: Postfix) -> None:
    message = numbered(1, size=20 << 20)
    postfix.send(unix_lines(message), "bob@example.net", ADDRESS)
    (stored,) = server.wait_for_messages()
    assert is_delivered(message, stored)


def test_addresses_beyond_ascii(server: RunningServer, postfix: Postfix) -> None:
    server.run("account", "add", "jürgen@example.org", "--password-stdin", stdin=b"a long password\n")
    message = SAMPLE.replace(b"A sample", "Grüße".encode())
    postfix.send(unix_lines(message), "øystein@example.net", "jürgen@example.org")
    (stored,) = server.wait_for_messages(address="jürgen@example.org")
    assert is_delivered(message, stored)
    assert stored.startswith("Return-Path: <øystein@example.net>".encode())


def test_a_report_with_the_null_reverse_path(server: RunningServer, postfix: Postfix) -> None:
    postfix.send(unix_lines(SAMPLE), "", ADDRESS)
    (stored,) = server.wait_for_messages()
    assert is_delivered(SAMPLE, stored)
    assert stored.startswith(b"Return-Path: <>")

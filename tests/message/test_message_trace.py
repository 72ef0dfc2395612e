"""Trace fields: what they say, and what never gets into them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.message.headers import HeaderSection
from mailext.message.trace import delivered_to, original_to, received, return_path
from mailext.values import ClientIdentity, HeaderField, Mailbox, Protocol, SessionView, TlsFacts

SESSION = SessionView(
    id="0123",
    protocol=Protocol.ESMTP,
    listener="submission",
    peer="192.0.2.1",
    tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.example.org"),
    identity=ClientIdentity("UUID", "s3cret-t0ken"),
    avatar_id="ann@example.org",
    helo="client.example",
)
DATE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
BOB = Mailbox("bob", "example.org")


def field(session=SESSION, *, recipient=BOB, smtputf8=False) -> str:
    return received(session, by="mx.example.org", recipient=recipient, smtputf8=smtputf8, date=DATE).decode()


def test_received():
    assert field() == (
        "Received: from client.example ([192.0.2.1])\r\n"
        "\tby mx.example.org with ESMTPSA (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n"
        "\tfor <bob@example.org>; Wed, 02 Jan 2030 03:04:05 +0000"
    )


def test_of_several_recipients_none_is_named():
    assert "for <" not in field(recipient=None)
    assert field(recipient=None).endswith("SHA384); Wed, 02 Jan 2030 03:04:05 +0000")


@pytest.mark.requirement("C24")
def test_no_client_identity():
    assert "s3cret" not in field()
    assert "UUID" not in field()


@pytest.mark.parametrize(
    ("changes", "smtputf8", "keyword"),
    [
        ({}, False, "ESMTPSA"),
        ({"avatar_id": None}, False, "ESMTPS"),
        ({"tls": None}, False, "ESMTPA"),
        ({"tls": None, "avatar_id": None}, False, "ESMTP"),
        ({"tls": None, "avatar_id": None, "extended": False}, False, "SMTP"),
        ({}, True, "UTF8SMTPSA"),
        ({"tls": None, "avatar_id": None}, True, "UTF8SMTP"),
        ({"protocol": Protocol.LMTP, "avatar_id": None}, False, "LMTPS"),
        ({"protocol": Protocol.LMTP, "tls": None, "avatar_id": None}, True, "UTF8LMTP"),
    ],
)
def test_with_keyword(changes, smtputf8, keyword):
    assert f"with {keyword} " in field(replace(SESSION, **changes), smtputf8=smtputf8).replace("\r\n\t", " ")


@pytest.mark.parametrize(
    ("peer", "literal"),
    [
        ("192.0.2.1", " ([192.0.2.1])\r\n"),
        ("2001:db8::1", " ([IPv6:2001:db8::1])\r\n"),
        ("fe80::1%eth0", " ([IPv6:fe80::1])\r\n"),
        ("::ffff:192.0.2.1", " ([192.0.2.1])\r\n"),
        ("", "from client.example\r\n"),
        ("/run/lmtp.sock", "from client.example\r\n"),
    ],
)
def test_peer(peer, literal):
    assert literal in field(replace(SESSION, peer=peer))


@pytest.mark.parametrize(
    ("helo", "name"),
    [
        ("[192.0.2.7]", "[192.0.2.7]"),
        ("[IPv6:2001:db8::7]", "[IPv6:2001:db8::7]"),
        ("a b", "a?b"),
        ("x (evil)", "x??evil?"),
        ("x\r\nBcc: y", "x??Bcc:?y"),
        ("x\0\x1b[31m;", "x??[31m?"),
        ("bücher.example", "b?cher.example"),
        ("", "[192.0.2.1]"),
        ("x" * 300, "x" * 255),
    ],
)
def test_client_name_is_made_harmless(helo, name):
    assert field(replace(SESSION, helo=helo)).startswith(f"Received: from {name} (")


def test_a_client_without_any_name():
    assert field(replace(SESSION, helo="", peer="")).startswith("Received: from unknown\r\n")


@given(st.text(), st.booleans())
def test_it_is_one_field_whatever_the_client_says(helo, smtputf8):
    raw = received(
        replace(SESSION, helo=helo), by="mx.example.org", recipient=BOB, smtputf8=smtputf8, date=DATE
    )
    section, rest = HeaderSection.parse(raw + b"\r\n\r\n")
    assert [name for name, _ in section] == [b"received"]
    assert rest == b""
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert all(octet in b"\r\n\t" or 0x20 <= octet < 0x7F for octet in raw)


def test_fields_of_the_final_delivery():
    assert return_path(BOB) == HeaderField("Return-Path", "<bob@example.org>")
    assert return_path(None) == HeaderField("Return-Path", "<>")
    assert return_path(Mailbox("a b", "example.org")).value == '<"a b"@example.org>'
    assert delivered_to(BOB) == HeaderField("Delivered-To", "bob@example.org")
    assert original_to(BOB) == HeaderField("X-Original-To", "bob@example.org")

"""What a submission server does to a message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailext.message.headers import HeaderSection, tls_demand
from mailext.message.submission import complete, with_tls_optional
from mailext.values import TlsDemand

DATE = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def completed(raw: bytes) -> bytes:
    return bytes(complete(HeaderSection.parse(raw)[0], date=DATE, unique="u1", hostname="mx.example.org"))


def test_what_is_missing_is_added_below_the_trace_fields():
    assert completed(b"Received: from x\r\nFrom: ann@example.org\r\n\r\n") == (
        b"Received: from x\r\nFrom: ann@example.org\r\n"
        b"Date: Wed, 02 Jan 2030 03:04:05 +0000\r\nMessage-ID: <u1@mx.example.org>\r\n\r\n"
    )


def test_what_is_there_stays_as_it_is():
    raw = b"dAtE:  yesterday\r\nMESSAGE-ID:\r\n <x@y>\r\nX: \xff\r\n\r\n"
    assert completed(raw) == raw


def test_an_empty_header_section():
    assert completed(b"\r\n").startswith(b"Date: ")


def test_blind_copies_go_with_all_their_lines():
    raw = (
        b"Date: x\r\nBcc: bob@example.org,\r\n\tcarol@example.org\r\nMessage-ID: <x@y>\r\n"
        b"Resent-Bcc: dave@example.org\r\nbcc : erin@example.org\r\nX-Bcc: stays\r\n\r\n"
    )
    assert completed(raw) == b"Date: x\r\nMessage-ID: <x@y>\r\nX-Bcc: stays\r\n\r\n"


@pytest.mark.requirement("R7")
@pytest.mark.parametrize(
    "raw", [b"\r\n", b"TLS-Required: No\r\ntls-required: yes\r\nSubject: x\r\nRequireTLS: NO\r\n\r\n"]
)
def test_tls_optional_is_said_once(raw):
    section = with_tls_optional(HeaderSection.parse(raw)[0])
    assert section.values(b"tls-required") == ["No"]
    assert section.count(b"tls-required", b"requiretls") == 1
    assert tls_demand(section) is TlsDemand.OPTIONAL

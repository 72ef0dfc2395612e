"""A report as a message (RFC 8460 section 5.3)."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

from mailext.message.headers import tls_demand
from mailext.tlsrpt.composing import compose_file
from mailext.tlsrpt.mailing import compose_message, report_envelope
from mailext.tlsrpt.reading import read_reports
from mailext.values import Mailbox, Notify, TlsDemand
from tests.tlsrpt.samples import REPORT

CONTACT, TO = Mailbox("tls", "example.org"), Mailbox("reports", "example.net")
FILE = compose_file(REPORT, "example.net", "example.org", "abc1")
HEADERS, BODY = compose_message(FILE, CONTACT, TO, datetime(2026, 6, 2, 3, tzinfo=UTC))
MESSAGE = email.message_from_bytes(bytes(HEADERS) + BODY, policy=email.policy.default)


def test_header_section() -> None:
    assert {name: str(value) for name, value in MESSAGE.items()} == {
        "From": "tls@example.org",
        "To": "reports@example.net",
        "Subject": "Report Domain: example.net Submitter: example.org Report-ID: <abc1@example.org>",
        "Date": "Tue, 02 Jun 2026 03:00:00 +0000",
        "Message-ID": "<abc1@example.org>",
        "TLS-Report-Domain": "example.net",
        "TLS-Report-Submitter": "example.org",
        "TLS-Required": "No",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/report; report-type="tlsrpt"; boundary="=_abc1"',
    }


def test_parts() -> None:
    words, file = MESSAGE.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert "example.net on 2026-06-01 (UTC)" in words.get_content()
    assert file.get_content_type() == "application/tlsrpt+gzip"
    # RFC 8460 section 5.1.
    assert file.get_filename() == "example.org!example.net!1780272000!1780358399!abc1.json.gz"
    assert read_reports(file.get_content()) == [REPORT]


def test_it_travels_anywhere() -> None:
    assert (bytes(HEADERS) + BODY).isascii()
    assert max(map(len, (bytes(HEADERS) + BODY).split(b"\r\n"))) <= 998
    assert b"\n" not in (bytes(HEADERS) + BODY).replace(b"\r\n", b"")


def test_it_is_delivered_despite_tls_and_nobody_waits_for_it() -> None:
    envelope = report_envelope(CONTACT, TO)
    assert envelope.tls_demand is tls_demand(HEADERS) is TlsDemand.OPTIONAL
    assert envelope.reverse_path == CONTACT
    [recipient] = envelope.recipients
    assert (recipient.address, recipient.options.notify) == (TO, {Notify.NEVER})

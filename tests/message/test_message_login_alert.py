"""Messages to the holder of an account about a login."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP

import pytest

from mailext.message.headers import HeaderSection
from mailext.message.login_alert import AlertKind, LoginAlert, compose_login_alert
from mailext.values import Mailbox

DEVICE = "0123456789abcdef"
ALERT = LoginAlert(
    kind=AlertKind.NEW_DEVICE,
    hostname="mx.example.org",
    unique="abc",
    to=Mailbox("ann", "example.org"),
    when=0.0,
    where="192.0.2.1 DE",
    protocol="esmtp",
    device_type="UUID",
    device_id=DEVICE,
)


def composed(alert: LoginAlert) -> bytes:
    headers, body = compose_login_alert(alert)
    assert HeaderSection.parse(bytes(headers) + body) == (headers, body)
    return bytes(headers) + body


@pytest.mark.parametrize("kind", list(AlertKind))
def test_it_says_what_when_where_and_how_to_revoke(kind: AlertKind) -> None:
    message = message_from_bytes(composed(replace(ALERT, kind=kind)), policy=SMTP)
    assert message["Subject"] == kind.value
    assert message["To"] == "ann@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.timestamp() == 0.0
    assert not message.defects
    body = message.get_content()
    for told in ("192.0.2.1 DE", "esmtp", f"UUID, id {DEVICE}", "Thu, 01 Jan 1970 00:00:00 +0000"):
        assert told in body
    command = "log ann@example.org --all" if kind is AlertKind.FAILED else f"revoke ann@example.org {DEVICE}"
    assert f"\r\n  mailext identity {command}\r\n" in body
    assert "{" not in body
    assert all(len(line) <= 80 for line in body.splitlines())


def test_what_others_chose_begins_no_line_of_its_own() -> None:
    hostile = "x\r\n\r\n.\r\nBcc: all@example.org\n\u2028\x1b[2J" + "y" * 500
    composed_message = composed(replace(ALERT, where=hostile, device_type=hostile, device_id=hostile))
    assert composed_message.isascii()
    plain = composed(ALERT)
    assert composed_message.count(b"\r\n") == plain.count(b"\r\n") == composed_message.count(b"\n")
    assert b"\x1b" not in composed_message


def test_an_address_in_utf8() -> None:
    message = composed(replace(ALERT, to=Mailbox("jürgen", "example.org")))
    headers, _, body = message.partition(b"\r\n\r\n")
    assert "To: jürgen@example.org".encode() in headers
    assert body.isascii()

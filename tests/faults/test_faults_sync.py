"""Syncs that fail: the client hears 451, nothing of it is delivered, and service resumes without a restart."""

from __future__ import annotations

import smtplib

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.faults.conftest import Faults

pytestmark = pytest.mark.interop("gcc")

_BODIES = {"small": "body\r\n", "large": "0123456789abcde\r\n" * 10000}


def send(server: RunningServer, subject: str, body: str) -> None:
    with smtplib.SMTP("127.0.0.1", server.mx, timeout=30) as client:
        client.sendmail("a@client.example", [ADDRESS], f"Subject: {subject}\r\n\r\n{body}")


@pytest.mark.parametrize("fault", ["sync", "readonly"])
@pytest.mark.parametrize("size", _BODIES)
def test_a_disk_that_fails(failing: RunningServer, faults: Faults, size: str, fault: str) -> None:
    body = _BODIES[size]
    send(failing, "before", body)
    failing.wait_for_messages(1)
    with faults.there_is(fault):
        for _ in range(3):
            with pytest.raises(smtplib.SMTPDataError) as refused:
                send(failing, "refused", body)
            assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (451, b"4.3.0")
    send(failing, "after", body)
    arrived = failing.wait_for_messages(2)
    assert sorted(line for each in arrived for line in each.splitlines() if line.startswith(b"Subject:")) == [
        b"Subject: after",
        b"Subject: before",
    ]

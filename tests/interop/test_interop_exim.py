"""Debian's Exim, which sends messages in chunks (RFC 3030)."""

from __future__ import annotations

import pytest

from tests.black_box import ADDRESS, RunningServer
from tests.interop.exim import send_by_exim
from tests.samples import SAMPLE, is_delivered, numbered

pytestmark = pytest.mark.interop("exim4")


@pytest.mark.parametrize("message", [SAMPLE, numbered(1, size=4 << 20)], ids=["small", "large"])
def test_a_message_in_chunks(server: RunningServer, message: bytes) -> None:
    log = send_by_exim(server.mx, message.replace(b"\r\n", b"\n"), "bob@example.net", ADDRESS)
    deliveries = [line for line in log.splitlines() if " => " in line]
    assert len(deliveries) == 1, log
    # Exim's sign for a transfer by BDAT, and the cipher of its TLS session.
    assert " K " in deliveries[0]
    assert " X=TLS1." in deliveries[0]
    (stored,) = server.wait_for_messages()
    assert is_delivered(message, stored)

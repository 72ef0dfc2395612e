"""By the wall clock: what a refusal tells by the time that it takes."""

from __future__ import annotations

import base64
import time

import pytest

from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site

_DELAY = 1.0


def seconds_to_refuse(mail: Site, who: str, what: str, password: str) -> float:
    client = mail.connect()
    mail.present(client, what)
    credentials = base64.b64encode(f"\0{who}@example.org\0{password}".encode()).decode()
    began = time.monotonic()
    code, text = client.docmd("AUTH", f"PLAIN {credentials}")
    seconds = time.monotonic() - began
    assert (code, text) == (535, b"5.7.8 Authentication credentials invalid")
    client.close()
    return seconds


@pytest.mark.requirement("C19")
def test_nobody_can_tell_by_the_time_why_he_was_refused(site: MakeSite) -> None:
    """Every refusal comes on the grid: this server takes less than half of it for its work."""
    mail = site("allowlist:mode=enforce", "types:mode=enforce:refuse=COOKIE", delay="1s")
    mail.play("ann  127.0.0.1  phone  right  235")
    (phone,) = mail.identities("ann")
    mail.server.run("identity", "approve", "ann", phone)
    right = mail.server.password
    took = {
        "a wrong password": seconds_to_refuse(mail, "ann", "phone", "wrong"),
        "nobody of that name": seconds_to_refuse(mail, "nobody", "phone", right),
        "a device that is not on the list": seconds_to_refuse(mail, "ann", "laptop", right),
        "a type that is refused before": seconds_to_refuse(mail, "ann", "COOKIE:crumbs-4711", right),
    }
    late = {why: seconds % _DELAY for why, seconds in took.items()}
    assert all(seconds >= _DELAY for seconds in took.values()), took
    assert all(seconds < _DELAY / 2 for seconds in late.values()), took

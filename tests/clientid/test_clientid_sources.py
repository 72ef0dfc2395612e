"""Where an attempt comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailext.clientid.attack import AttackScope
from mailext.clientid.sources import address_of, source_of
from mailext.testing import login_attempt
from mailext.values import LoginAttempt


def attempt_from(peer: str) -> LoginAttempt:
    session = replace(login_attempt().session, peer=peer)
    return LoginAttempt("ann", "PLAIN", session)


@pytest.mark.requirement("U6")
@pytest.mark.parametrize(
    ("peer", "address", "source"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::3", "2001:db8:1:2::3", "2001:db8:1::/56"),
        ("fe80::1%eth0", "fe80::1", "fe80::/56"),
        ("local", "None", "local"),
    ],
)
def test_strangers_at_one_place(peer: str, address: str, source: str) -> None:
    assert (str(address_of(attempt_from(peer))), source_of(attempt_from(peer))) == (address, source)


def test_a_network_covers_its_addresses_however_they_are_written() -> None:
    network = AttackScope.of_network("192.0.2.0/24")
    covered = {
        peer: network.covers(attempt_from(peer)) for peer in ("192.0.2.7", "::ffff:192.0.2.7", "local")
    }
    assert covered == {"192.0.2.7": True, "::ffff:192.0.2.7": True, "local": False}

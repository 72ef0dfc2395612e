"""Two server processes that count together, each with a state directory of its own."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

import pytest

from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site


@pytest.fixture
def both(site: MakeSite, tmp_path: Path) -> tuple[Site, Site]:
    checkers = (
        "bruteforce:mode=enforce:account=3/1h",
        "attack-mode:mode=enforce",
        "rate:mode=enforce:identity=none:account=none:identity-sessions=1",
    )
    shared = f'shared-counters = "{tmp_path / "counters.sqlite"}"'
    return site(*checkers, top=shared), site(*checkers, top=shared)


@pytest.mark.requirement("U6", "U7")
def test_failures_and_sessions_count_everywhere(both: tuple[Site, Site]) -> None:
    one, other = both
    one.play("""
        ben  127.0.0.1   phone  right   235
        ann  127.0.0.11  -      guess1  535
        ann  127.0.0.12  bot-2  guess2  535
    """)
    other.play("""
        ann  127.0.0.13  bot-3  guess3  535
        ann  127.0.0.14  -      right   535
    """)
    one.play("""
        ann  127.0.0.14  -  right  535
        ben  127.0.0.14  -  right  235
    """)
    client = one.connect()
    one.present(client, "tablet")
    one.log_in(client, "cho")
    other.play("cho  127.0.0.1  tablet  right  535")
    client.quit()
    other.play("cho  127.0.0.1  tablet  right  235")


@pytest.mark.requirement("U9", "U10")
def test_attack_mode_is_one_for_all(both: tuple[Site, Site]) -> None:
    one, other = both
    one.play("ann  127.0.0.1  phone  right  235")
    other.server.run("attack-mode", "on")
    one.play("""
        ann  127.0.0.1  phone   right  235
        ann  127.0.0.1  laptop  right  535
    """)
    # By hand and without a server, and still for all.
    other.server.stop()
    other.server.run("attack-mode", "off")
    one.play("ann  127.0.0.1  laptop  right  235")
    (scope,) = json.loads(one.server.run("--json", "attack-mode", "status").stdout)["scopes"]
    assert scope["mode"] == "off"


@pytest.mark.requirement("U6")
def test_what_a_dead_process_has_counted_is_not_lost(both: tuple[Site, Site]) -> None:
    one, other = both
    for number in range(3):
        with pytest.raises(smtplib.SMTPAuthenticationError):
            other.log_in(other.connect(f"127.0.0.{20 + number}"), "ann", f"guess{number}")
    other.server.kill()
    one.play("ann  127.0.0.14  -  right  535")

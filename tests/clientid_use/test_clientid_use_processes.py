"""Two server processes that know and count together, each with a state directory of its own."""

from __future__ import annotations

import json
import smtplib
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailext.storage.shared_directory import REGISTRY_NAME
from tests.black_box import eventually
from tests.clientid_use.conftest import MakeSite
from tests.clientid_use.devices import Site


@pytest.fixture
def both(site: MakeSite, tmp_path: Path) -> tuple[Site, Site]:
    checkers = (
        "bruteforce:mode=enforce:account=3/1h",
        "attack-mode:mode=enforce",
        "rate:mode=enforce:identity=none:account=none:identity-sessions=1",
    )
    shared = f'shared-dir = "{tmp_path / "shared"}"'
    return site(*checkers, top=shared), site(*checkers, top=shared)


@pytest.fixture
def knowing(site: MakeSite, tmp_path: Path) -> Callable[..., tuple[Site, Site]]:
    """Starts two processes that share what they know, with these checkers."""

    def start(*checkers: str) -> tuple[Site, Site]:
        shared = f'shared-dir = "{tmp_path / "shared"}"'
        return site(*checkers, top=shared), site(*checkers, top=shared)

    return start


def device(where: Site, who: str = "ann") -> dict[str, Any]:
    """The one identity of an account, as a process shows it, once it has been recorded."""

    def listed() -> list[dict[str, Any]]:
        return json.loads(where.server.run("--json", "identity", "list", f"{who}@example.org").stdout)

    (only,) = eventually(listed, "an identity of the account")
    return only


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


@pytest.mark.requirement("U3")
def test_a_device_that_one_knows_is_known_to_the_other(knowing: Callable[..., tuple[Site, Site]]) -> None:
    one, other = knowing("history:mode=enforce:new=enrol")
    one.play("ann  127.0.0.1  phone  right  235")
    eventually(lambda: device(one)["status"] == "enrolled", "the enrolment")
    other.play("""
        ann  127.0.0.2  phone  right  235
        ann  127.0.0.2  thief  right  535
    """)
    assert set(one.identities("ann").values()) == set(other.identities("ann").values())


@pytest.mark.requirement("U3")
def test_what_is_approved_at_one_is_let_in_by_the_other(knowing: Callable[..., tuple[Site, Site]]) -> None:
    one, other = knowing("history:mode=enforce:new=hold")
    one.play("ann  127.0.0.1  phone  right  535")
    assert eventually(lambda: device(other), "the device that waits")["status"] == "pending"
    other.server.run("identity", "approve", "ann", device(other)["id"])
    one.play("ann  127.0.0.1  phone  right  235")
    other.play("ann  127.0.0.1  phone  right  235")


@pytest.mark.requirement("C16")
def test_what_is_revoked_at_one_is_refused_by_the_other(knowing: Callable[..., tuple[Site, Site]]) -> None:
    one, other = knowing()
    one.play("ann  127.0.0.1  phone  right  235")
    other.play("""
        ann  127.0.0.1  phone  right  235
        ben  127.0.0.1  -      right  235
    """)
    sessions = {who: other.connect() for who in ("ann", "ben")}
    other.present(sessions["ann"], "phone")
    for who, session in sessions.items():
        other.log_in(session, who)
    one.server.run("identity", "revoke", "ann", device(one)["id"])
    other.play("ann  127.0.0.1  phone  right  535")
    eventually(lambda: has_ended(sessions["ann"]), "the end of the session of ann")
    assert sessions["ben"].noop()[0] == 250
    sessions["ben"].quit()


def has_ended(session: smtplib.SMTP) -> bool:
    try:
        return session.noop()[0] == 421
    except smtplib.SMTPServerDisconnected:
        return True


@pytest.mark.requirement("C16")
def test_a_command_without_a_server_is_for_all(knowing: Callable[..., tuple[Site, Site]]) -> None:
    one, other = knowing()
    one.play("ann  127.0.0.1  phone  right  235")
    other.server.stop()
    other.server.run("identity", "revoke", "ann", device(other)["id"])
    one.play("ann  127.0.0.1  phone  right  535")


@pytest.mark.requirement("U4")
def test_a_licence_is_set_up_for_all(knowing: Callable[..., tuple[Site, Site]]) -> None:
    one, other = knowing("licence:mode=enforce:types=X-SEAT")
    one.server.run("licence", "add", "ann", "--type", "X-SEAT", "--token-stdin", stdin=b"seat-0001\n")
    other.play("""
        ann  127.0.0.1  X-SEAT:seat-0001  right  235
        ann  127.0.0.1  X-SEAT:seat-0002  right  535
    """)


@pytest.mark.requirement("U3")
def test_first_logins_at_both_at_once_are_of_one_device(knowing: Callable[..., tuple[Site, Site]]) -> None:
    both = knowing("history:mode=enforce:new=enrol")
    with ThreadPoolExecutor() as threads:
        replies = list(threads.map(lambda each: each.attempt("ann", "127.0.0.1", "phone"), both * 4))
    assert replies == [235] * 8
    eventually(lambda: device(both[0])["count"] == 8, "all logins")
    assert device(both[1])["status"] == "enrolled"


def test_a_slow_writer_loses_nothing_and_keeps_nobody_waiting(
    knowing: Callable[..., tuple[Site, Site]], tmp_path: Path
) -> None:
    one, other = knowing("history:mode=enforce:new=enrol")
    one.play("ann  127.0.0.1  phone  right  235")
    eventually(lambda: device(one)["status"] == "enrolled", "the enrolment")
    path = tmp_path / "shared" / REGISTRY_NAME
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as slow:
        slow.execute("BEGIN IMMEDIATE")
        for each in (one, other):
            each.play("ann  127.0.0.1  phone  right  235")
        threading.Timer(1.0, slow.execute, ["COMMIT"]).start()
        eventually(lambda: device(one)["count"] == 3, "what was recorded meanwhile")

"""``mailext account app-password`` on a state directory that no server has open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailext.storage.store import open_store_offline
from mailext.values import ClientIdentity
from tests.cli.conftest import Run
from tests.support import success_result_of


@pytest.fixture
def phone(tmp_path: Path) -> str:
    """The id of Ann's phone."""
    store = open_store_offline(tmp_path / "state")
    identity = ClientIdentity("UUID", "phone")
    success_result_of(store.identities.record("ann@example.org", identity, 1.0))
    success_result_of(store.close())
    return store.identities.fingerprint(identity)


@pytest.mark.usefixtures("accounts")
def test_they_come_and_go(run: Run, phone: str) -> None:
    status, out, err = run("account", "app-password", "add", "ann", "Thunderbird")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"([a-z2-7]{4}-){5}[a-z2-7]{4}\n\nIt is shown this once\.\n", out)
    made = json.loads(
        run("account", "app-password", "add", "ann", "phone", "--device", phone[:6], "--json")[1]
    )
    assert list(made) == ["account", "name", "device", "created", "lastUsed", "password"]
    run("account", "app-password", "add", "ann", "tablet", "--first-device")
    run("account", "app-password", "add", "bob", "phone")
    listed = json.loads(run("account", "app-password", "list", "ann", "--json")[1])
    assert [(each["name"], each["device"]) for each in listed] == [
        ("Thunderbird", None),
        ("phone", phone),
        ("tablet", ""),
    ]
    assert listed[1] == {key: value for key, value in made.items() if key != "password"}
    rows = [line.split() for line in run("account", "app-password", "list", "ann")[1].splitlines()]
    assert [row[1] for row in rows[1:]] == ["any", phone, "the"]
    told = run("account", "app-password", "revoke", "ann", "phone")
    assert told == (0, "revoked 'phone' of ann@example.org; its live sessions end\n", "")
    assert len(json.loads(run("account", "app-password", "list", "ann", "--json")[1])) == 2
    assert len(json.loads(run("account", "app-password", "list", "bob", "--json")[1])) == 1


@pytest.mark.usefixtures("accounts")
def test_they_go_with_their_account(run: Run) -> None:
    run("account", "app-password", "add", "ann", "phone")
    run("account", "remove", "ann")
    run("account", "add", "ann", "--password-stdin", stdin=b"secret\n")
    assert run("account", "app-password", "list", "ann") == (0, "no app passwords\n", "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "carol", "phone"], "there is no account carol@example.org"),
        (["add", "ann", ""], "a name has 1 to 100 characters, all printable"),
        (["add", "ann", "a\nb"], "a name has 1 to 100 characters, all printable"),
        (["add", "ann", "mail"], "ann@example.org has an app password 'mail'"),
        (["add", "ann", "x", "--device", "77"], "ann@example.org has no identity 77"),
        (["revoke", "ann", "other"], "ann@example.org has no app password 'other'"),
        (["list", "a b@c"], "not an address: 'a b@c'"),
    ],
)
@pytest.mark.usefixtures("accounts")
def test_what_is_refused(run: Run, arguments: list[str], reason: str) -> None:
    run("account", "app-password", "add", "ann", "mail")
    assert run("account", "app-password", *arguments) == (1, "", f"mailext: {reason}\n")

"""``mailext licence`` and ``mailext attack-mode`` on a state directory that no server has open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def said(answer: tuple[int, str, str]):
    status, out, err = answer
    assert (status, err) == (0, "")
    return json.loads(out)


@pytest.mark.requirement("U4")
@pytest.mark.usefixtures("accounts")
def test_a_token_is_made_up_and_shown_once(run: Run) -> None:
    added = said(run("--json", "licence", "add", "ann", "--label", "the till", "--until", "2027-01-31"))
    assert len(added["token"]) == 40
    (listed,) = said(run("licence", "list", "--json"))
    assert listed == {
        "id": added["id"],
        "type": "LICENSE",
        "account": "ann@example.org",
        "label": "the till",
        "state": listed["state"],
        "validFrom": added["validFrom"],
        "validUntil": "2027-01-31T00:00:00Z",
        "lastUsed": None,
    }
    table = run("licence", "list")[1]
    assert added["token"] not in table
    assert "2027-01-31 00:00" in table


def test_a_token_of_the_operators_own(run: Run) -> None:
    answer = run("licence", "add", "--type", "x-key", "--token-stdin", stdin=b"A9F2-77C1\n")
    assert answer[0] == 0
    assert "for any account" in answer[1]
    assert "A9F2" not in answer[1]
    status, _, err = run("licence", "add", "--type", "X-KEY", "--token-stdin", stdin=b"A9F2-77C1\n")
    assert (status, err) == (1, "mailext: this identity was set up before\n")
    assert said(run("--json", "licence", "list"))[0]["type"] == "X-KEY"


def test_the_states_of_a_licence(run: Run) -> None:
    run("licence", "add", "--label", "now")
    run("licence", "add", "--label", "next", "--from", "2999-01-01T12:00:00+02:00")
    run("licence", "add", "--label", "past", "--from", "2001-01-01", "--until", "2002-01-01")
    gone = said(run("--json", "licence", "add", "--label", "gone"))
    assert said(run("--json", "licence", "revoke", gone["id"]))["state"] == "revoked"
    listed = said(run("--json", "licence", "list"))
    assert {each["label"]: each["state"] for each in listed} == {
        "now": "in-force",
        "next": "future",
        "past": "ended",
        "gone": "revoked",
    }
    assert listed[1]["validFrom"] == "2999-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["add", "--type", "DEVICE_ID"], "a type has 1 to 16 letters, digits and hyphens, a token 1 to 128"),
        (["add", "a b@c"], "not an address: 'a b@c'"),
        (["add", "zoe"], "there is no account zoe@example.org: mailext account list says which there are"),
        (["add", "all"], "there is no account all@example.org"),
        (["add", "--until", "soon"], "neither a date nor a time (RFC 3339): 'soon'"),
        (["add", "--from", "2027-01-02", "--until", "2027-01-02"], "it would end before it begins"),
        (["add", "--label", "x" * 101], "a label has at most 100 characters"),
        (["revoke", "0123456789abcdef"], "there is no licence 0123456789abcdef"),
    ],
)
def test_what_cannot_be(run: Run, arguments: list[str], reason: str) -> None:
    status, _, err = run("licence", *arguments)
    assert (status, err.startswith(f"mailext: {reason}")) == (1, True), err


@pytest.mark.requirement("U9")
@pytest.mark.usefixtures("accounts")
def test_attack_mode_is_kept_for_the_server_that_starts_next(run: Run) -> None:
    status, out, _ = run("attack-mode", "on")
    assert (status, out.splitlines()) == (
        0,
        [
            "attack mode of the whole server: on",
            "no listener enforces it: [clientid] checkers has no attack-mode:mode=enforce",
        ],
    )
    run("attack-mode", "off", "--account", "ann")
    run("attack-mode", "on", "--network", "192.0.2.77/24")
    run("attack-mode", "on", "--listener", "mx")
    run("attack-mode", "auto", "--listener", "mx")
    assert said(run("--json", "attack-mode", "status")) == {
        "scopes": [
            {"scope": "account", "name": "ann@example.org", "mode": "off", "alarmUntil": None},
            {"scope": "global", "name": "", "mode": "on", "alarmUntil": None},
            {"scope": "network", "name": "192.0.2.0/24", "mode": "on", "alarmUntil": None},
        ],
        "enforcedBy": [],
    }


@pytest.mark.parametrize(
    "checker",
    [
        "attack-mode:mode=enforce",
        r"choose:then=mac:otherwise=history,attack-mode\:begins=5/1m\:goes-on=1\:mode=enforce",
    ],
)
def test_it_says_who_enforces_it(run: Run, tmp_path: Path, checker: str) -> None:
    with (tmp_path / "mailext.toml").open("a") as file:
        file.write(
            f"[listener.mx]\nauth = ['accounts']\n[clientid]\ncheckers = ['attack-mode', '{checker}']\n"
        )
    assert run("attack-mode", "on")[1].splitlines() == ["attack mode of the whole server: on"]
    assert "enforced by" in run("attack-mode", "status")[1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--listener", "smtp"], "there is no listener 'smtp'"),
        (["--network", "here"], "'here' does not appear to be an IPv4 or IPv6 network"),
        (["--account", "a b@c"], "not an address: 'a b@c'"),
        (
            ["--account", "zoe"],
            "there is no account zoe@example.org: mailext account list says which there are",
        ),
    ],
)
def test_a_scope_that_is_none(run: Run, arguments: list[str], reason: str) -> None:
    status, _, err = run("attack-mode", "on", *arguments)
    assert (status, err.startswith(f"mailext: {reason}")) == (1, True), err


@pytest.mark.usefixtures("accounts")
def test_of_an_account_that_is_gone_it_can_be_taken_back(run: Run) -> None:
    run("attack-mode", "on", "--account", "ann")
    run("account", "remove", "ann")
    assert run("attack-mode", "off", "--account", "ann")[0] == 1
    assert run("attack-mode", "auto", "--account", "ann")[0] == 0
    assert said(run("--json", "attack-mode", "status"))["scopes"] == []


def test_accounts_of_others_may_be_there(run: Run, tmp_path: Path) -> None:
    """What another credentials checker knows, nobody can list."""
    (tmp_path / "users").write_text("zoe:secret\n")
    with (tmp_path / "mailext.toml").open("a") as file:
        file.write(f"[listener.mx]\nauth = ['accounts', 'file:{tmp_path / 'users'}']\n")
    assert run("attack-mode", "on", "--account", "zoe")[0] == 0
    assert said(run("--json", "licence", "add", "zoe"))["account"] == "zoe@example.org"


def test_a_table_of_licences_fits_a_terminal(
    run: Run, accounts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("licence", "add", "ann", "--label", "the till in the shop", "--until", "2999-01-01")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", run("licence", "list")[1])
    lines = shown.splitlines()
    assert lines[0].split() == ["id", "account", "label", "state", "valid", "last", "used"]
    assert max(map(len, lines)) <= 80
    assert {"ann@example.org", "in-force", "2999-01-01", "never"} <= set(shown.split())

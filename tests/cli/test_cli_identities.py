"""``mailext identity`` on a state directory that no server has open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailext.clientid.entries import LoginEntry
from mailext.storage.store import Store, open_store_offline
from mailext.values import Circumstances, ClientIdentity, LoginOutcome, Place, Protocol
from tests.cli.conftest import Run
from tests.support import success_result_of

ANN, BOB = "ann@example.org", "bob@example.org"
PHONE = ClientIdentity("UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
LAPTOP = ClientIdentity("MAC", "00-00-5E-00-53-01")
HOME = Place("192.0.2.17", "192.0.2.0/24", "DE")

Open = Callable[[], Any]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    @contextmanager
    def open_it() -> Iterator[Store]:
        store = open_store_offline(tmp_path / "state")
        try:
            yield store
        finally:
            success_result_of(store.close())

    return open_it


@pytest.fixture
def ids(opened: Open) -> dict[str, str]:
    """The ids of the devices, after a few logins of ann and one of bob's."""
    with opened() as store:
        registry = store.identities
        for when, account, identity in (
            (0.0, ANN, PHONE),
            (60.0, ANN, LAPTOP),
            (120.0, ANN, PHONE),
            (9.0, BOB, PHONE),
        ):
            success_result_of(registry.record(account, identity, when, Circumstances(place=HOME)))
            entry = LoginEntry(
                when, account, True, LoginOutcome.SUCCESS, "", Protocol.ESMTP, "submission", "PLAIN", HOME,
                identity.type, registry.fingerprint(identity), authenticate=True, user_log=identity is PHONE,
            )  # fmt: skip
            success_result_of(store.logins.take(entry))
        return {"phone": registry.fingerprint(PHONE), "laptop": registry.fingerprint(LAPTOP)}


def as_json(answer: tuple[int, str, str]) -> Any:
    status, out, err = answer
    assert (status, err) == (0, "")
    return json.loads(out)


def reason(answer: tuple[int, str, str]) -> str:
    assert (answer[0], answer[1]) == (1, "")
    told: str = json.loads(answer[2])["error"]["reason"]
    return told


def test_what_a_list_tells(run: Run, ids: dict[str, str]) -> None:
    phone, laptop = as_json(run("identity", "list", "ann", "--json"))
    assert phone == {
        "id": ids["phone"],
        "account": ANN,
        "type": "UUID",
        "label": "",
        "status": "observed",
        "firstSeen": "1970-01-01T00:00:00Z",
        "lastSeen": "1970-01-01T00:02:00Z",
        "count": 2,
        "failures": 0,
        "refusals": 0,
        "address": "192.0.2.17",
        "network": "192.0.2.0/24",
        "country": "DE",
        "protocols": ["esmtp"],
        "revokedUntil": None,
    }
    assert laptop["id"] == ids["laptop"]
    assert {each["account"] for each in as_json(run("identity", "list", "--json"))} == {ANN, BOB}


def test_a_table_fits_a_terminal(run: Run, ids: dict[str, str]) -> None:
    status, out, _ = run("identity", "list", "ann@example.org")
    assert status == 0
    head, first, _ = out.splitlines()
    assert head.split() == ["id", "type", "status", "label", "last", "seen", "from", "logins"]
    assert first.startswith(ids["phone"])
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80


def test_one_of_them_in_full(run: Run, ids: dict[str, str]) -> None:
    shown = as_json(run("identity", "show", "ann", ids["phone"][:6], "--json"))
    assert shown["id"] == ids["phone"]
    assert shown["places"] == [
        {
            "network": "192.0.2.0/24",
            "address": "192.0.2.17",
            "country": "DE",
            "lastSeen": "1970-01-01T00:02:00Z",
            "count": 2,
        }
    ]
    assert [each["time"] for each in shown["logins"]] == ["1970-01-01T00:02:00Z", "1970-01-01T00:00:00Z"]
    status, out, _ = run("identity", "show", "ann", ids["laptop"])
    assert status == 0
    assert "by any account  1970-01-01T00:01:00Z 192.0.2.0/24 DE" in out


def test_labels_stand_in_lists_and_in_the_log(run: Run, ids: dict[str, str]) -> None:
    told = run("identity", "label", "ann", ids["phone"], "Ann's phone")
    assert told == (0, f'{ids["phone"]} of ann@example.org is called "Ann\'s phone"\n', "")
    assert as_json(run("identity", "list", "ann", "--json"))[0]["label"] == "Ann's phone"
    assert as_json(run("identity", "log", "ann", "--json"))[0]["label"] == "Ann's phone"
    for wrong in ("x" * 101, "a\nb", "\x1b[2J"):
        assert "printable" in reason(run("identity", "label", "ann", ids["phone"], wrong, "--json"))


@pytest.mark.requirement("C16")
def test_approved_and_revoked(run: Run, ids: dict[str, str]) -> None:
    assert as_json(run("identity", "approve", "ann", ids["phone"], "--json"))["status"] == "approved"
    revoked = as_json(run("identity", "revoke", "ann", ids["phone"], "--for", "7d", "--json"))
    assert revoked["status"] == "revoked"
    assert revoked["revokedUntil"] > "2020"
    status, out, _ = run("identity", "revoke", "ann", ids["phone"])
    assert (status, out) == (0, f"revoked {ids['phone']} of {ANN}; the account's live sessions end\n")
    listed = as_json(run("identity", "list", "ann", "--json"))[0]
    assert (listed["status"], listed["revokedUntil"]) == ("revoked", None)
    # Another account's is another matter.
    assert as_json(run("identity", "list", "bob", "--json"))[0]["status"] == "observed"
    assert as_json(run("identity", "approve", "ann", ids["phone"], "--json"))["status"] == "approved"


@pytest.mark.parametrize("command", ["show", "approve", "revoke", "forget", "export"])
def test_what_is_not_there_is_status_1(run: Run, ids: dict[str, str], command: str) -> None:
    told = reason(run("identity", command, "ann", "0123456789abcdef", "--json"))
    assert told == "ann@example.org has no identity 0123456789abcdef"
    assert "not an address" in reason(run("identity", command, "a b@c", "0123", "--json"))


@pytest.mark.requirement("C23")
def test_the_holders_log_has_what_is_flagged_and_the_operator_sees_all(run: Run, ids: dict[str, str]) -> None:
    assert {each["id"] for each in as_json(run("identity", "log", "ann", "--json"))} == {ids["phone"]}
    everything = as_json(run("identity", "log", "ann", "--all", "--json"))
    assert [each["id"] for each in everything] == [ids["phone"], ids["laptop"], ids["phone"]]
    assert as_json(run("identity", "log", "ann", "--all", "--limit", "1", "--json")) == everything[:1]
    status, out, _ = run("identity", "log", "ann")
    assert status == 0
    assert out.splitlines()[1].split() == [
        "1970-01-01",
        "00:02",
        "success",
        ids["phone"],
        "UUID",
        "192.0.2.17",
        "DE",
        "esmtp",
    ]
    assert "user-log" in run("identity", "log", "carol")[1]


@pytest.mark.requirement("C24")
def test_nothing_of_a_person_is_left(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    told = run("identity", "forget", "ann", ids["laptop"])
    assert told == (0, f"forgot 1 identities and 1 logins of {ANN}\n", "")
    assert as_json(run("identity", "forget", "ann", "--all", "--json")) == {
        "account": ANN,
        "identities": 1,
        "logins": 2,
    }
    assert as_json(run("identity", "log", "ann", "--all", "--json")) == []
    assert as_json(run("identity", "export", "ann", "--json"))["identities"] == []
    assert len(as_json(run("identity", "list", "--json"))) == 1


def test_to_forget_all_it_takes_a_word(run: Run) -> None:
    assert run("identity", "forget", "ann")[0] == 2


def test_whoever_has_the_address_next_has_other_devices(run: Run, ids: dict[str, str]) -> None:
    run("account", "add", "ann", "--password-stdin", stdin=b"secret\n")
    assert len(as_json(run("identity", "list", "ann", "--json"))) == 2
    run("account", "remove", "ann")
    assert as_json(run("identity", "list", "ann", "--json")) == []


@pytest.mark.requirement("C24")
def test_export_and_import(run: Run, ids: dict[str, str], tmp_path: Path) -> None:
    run("identity", "approve", "ann", ids["phone"])
    status, out, _ = run("identity", "export", "ann")
    assert status == 0
    exported = json.loads(out)
    assert exported == as_json(run("identity", "export", "ann", "--json")) | {
        "exported": exported["exported"]
    }
    assert PHONE.token not in out
    assert len(exported["identities"]) == 2
    assert len(exported["logins"]) == 3
    one = as_json(run("identity", "export", "ann", ids["laptop"], "--json"))
    assert [each["id"] for each in one["identities"] + one["logins"]] == [ids["laptop"]] * 2

    file = tmp_path / "export.json"
    file.write_text(out)
    before = as_json(run("identity", "list", "ann", "--json"))
    run("identity", "forget", "ann", ids["phone"])
    assert run("identity", "import", str(file)) == (0, f"took up 1 identities of {ANN}; 1 were known\n", "")
    assert as_json(run("identity", "list", "ann", "--json")) == before
    assert as_json(run("identity", "import", "--json", stdin=out.encode())) == {
        "account": ANN,
        "added": 0,
        "known": 2,
    }


def test_what_cannot_be_imported(run: Run, ids: dict[str, str]) -> None:
    exported = as_json(run("identity", "export", "ann", "--json"))
    other_keys = json.dumps(exported | {"keys": ["0" * 32]}).encode()
    assert "other keys" in reason(run("identity", "import", "--json", stdin=other_keys))
    broken = [{**each, "hash": "xyz"} for each in exported["identities"]]
    for content in (b"{}", b"no", b"[" * 100_000, json.dumps(exported | {"identities": broken}).encode()):
        told = reason(run("identity", "import", "--json", stdin=content))
        assert told == "not what identity export writes"


def test_an_account_of_a_foreign_checker_needs_no_domain(run: Run, opened: Open) -> None:
    with opened() as store:
        success_result_of(store.identities.record("zoe", PHONE, 1.0))
    assert [each["account"] for each in as_json(run("identity", "list", "zoe", "--json"))] == ["zoe"]


def test_a_duration_that_is_none(run: Run, ids: dict[str, str]) -> None:
    status, _, err = run("identity", "revoke", "ann", ids["phone"], "--for", "banana")
    assert status == 2
    assert "--for: not a duration: a number and one of ms, s, m, h, d" in err

"""``mailext clientid replay`` on a state directory that no server has open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailext.clientid.entries import LoginEntry
from mailext.control.replay import _converter, read_entry, read_identity, read_licence
from mailext.storage.store import Store, open_store_offline
from mailext.values import Circumstances, ClientIdentity, LoginOutcome, Place, Protocol
from tests.cli.conftest import Run
from tests.support import success_result_of

ANN = "ann@example.org"
HOME = Place("192.0.2.17", "192.0.2.0/24", "DE", 52.5, 13.4)
START = 1_700_000_000.0


def log_in(store: Store, token: str, when: float, outcome: LoginOutcome = LoginOutcome.SUCCESS) -> None:
    identity = ClientIdentity("UUID", token)
    proved = outcome is LoginOutcome.SUCCESS
    circumstances = Circumstances(outcome, Protocol.ESMTP, HOME, proved)
    success_result_of(store.identities.record(ANN, identity, START + when, circumstances))
    entry = LoginEntry(
        START + when, ANN, proved, outcome, "", Protocol.ESMTP, "mx", "PLAIN", HOME,
        "UUID", store.identities.fingerprint(identity), authenticate=True,
    )  # fmt: skip
    success_result_of(store.logins.take(entry))


@pytest.fixture
def phone(tmp_path: Path) -> str:
    """Ann's phone was known, and her laptop came later."""
    store = open_store_offline(tmp_path / "state")
    phone = ClientIdentity("UUID", "phone")
    success_result_of(store.identities.record(ANN, phone, START - 1000.0))
    for number in range(3):
        log_in(store, "phone", 60.0 * number)
    log_in(store, "thief", 200.0, LoginOutcome.BAD_CREDENTIALS)
    for number in range(2):
        log_in(store, "laptop", 3600.0 + number)
    name = store.identities.fingerprint(ClientIdentity("UUID", "laptop"))
    success_result_of(store.close())
    return name


def test_who_would_have_been_locked_out(run: Run, phone: str) -> None:
    laptop = phone
    status, out, err = run("clientid", "replay", "--clientid", "history:mode=enforce", "--json")
    assert (status, err) == (0, "")
    reason = "this account was not used with this identity before"
    assert json.loads(out) == {
        "logins": 5,
        "refused": 2,
        "failures": 1,
        "stopped": 0,
        "undecided": 0,
        "lockedOut": [
            {
                "account": ANN,
                "id": laptop,
                "type": "UUID",
                "checker": "history",
                "mode": "enforce",
                "logins": 2,
                "first": "2023-11-14T23:13:20Z",
                "last": "2023-11-14T23:13:21Z",
                "reason": reason,
            }
        ],
    }
    status, out, _ = run("clientid", "replay", "--clientid", "history:mode=enforce")
    assert status == 0
    assert out.splitlines()[1].split()[:6] == [ANN, laptop, "2", "2023-11-14", "history", "enforce:"]
    assert out.endswith(
        "\n2 of 5 logins would have been refused, and 0 of 1 attempts with wrong passwords.\n"
    )


@pytest.mark.usefixtures("phone")
def test_the_configurations_own_checkers_are_tried(run: Run) -> None:
    status, out, _ = run("clientid", "replay")
    assert status == 0
    assert "history observe" in out
    assert "0 of 5 logins would have been refused" in out


@pytest.mark.usefixtures("phone")
def test_pages_and_times(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailext.cli.replay._PAGE", 1)
    assert json.loads(run("clientid", "replay", "--json")[1])["logins"] == 5
    later = json.loads(run("clientid", "replay", "--since", "2023-11-14T23:00:00Z", "--json")[1])
    # The laptop was not known before then either.
    assert (later["logins"], later["failures"], len(later["lockedOut"])) == (2, 0, 1)
    assert json.loads(run("clientid", "replay", "--clientid", "mac", "--json")[1])["lockedOut"] == []


def test_nothing_was_kept(run: Run) -> None:
    assert run("clientid", "replay") == (1, "", "mailext: no attempt to log in was kept\n")


@pytest.mark.usefixtures("phone")
def test_a_checker_that_cannot_be_made(run: Run) -> None:
    status, _, err = run("clientid", "replay", "--clientid", "histroy")
    assert status == 1
    assert err.startswith("mailext: --clientid: there is no 'histroy'; known: ")
    assert run("clientid", "replay", "--since", "yesterday")[0] == 2


def test_nothing_is_lost_on_the_way(run: Run, tmp_path: Path) -> None:
    store = open_store_offline(tmp_path / "state")
    log_in(store, "phone", 0.25)
    entry = success_result_of(store.logins.page(0, 1))[0][1]
    record = success_result_of(store.identity_admin.page(("", ""), 1))[0]
    licence = success_result_of(
        store.licences.add(
            ClientIdentity("LICENSE", "x"), account=ANN, label="till", valid_from=0.5, valid_until=None
        )
    )
    success_result_of(store.close())
    run_json = [json.dumps(each) for each in _unstructured(entry, record, licence)]
    assert read_entry(json.loads(run_json[0])) == entry
    assert read_identity(json.loads(run_json[1])) == record
    assert read_licence(json.loads(run_json[2])) == licence
    assert run("clientid", "replay", "--json")[0] == 0


def _unstructured(*values: object) -> list[object]:
    return [_converter.unstructure(value) for value in values]

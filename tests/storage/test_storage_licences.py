"""Licences, and attack mode as it was set by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from mailext.interfaces import ILicenceRegistry
from mailext.storage.licences import LicenceExistsError
from mailext.storage.store import Store, open_store_offline
from mailext.values import AttackMode, ClientIdentity, Licence
from tests.support import failure_result_of, success_result_of

KEY = ClientIdentity("LICENSE", "A9F2-77C1")
OTHER = ClientIdentity("LICENSE", "A9F2-77C2")


def added(store: Store, identity: ClientIdentity = KEY, **given) -> Licence:
    terms = {"account": None, "label": "", "valid_from": 10.0, "valid_until": None} | given
    return success_result_of(store.licences.add(identity, **terms))


def test_it_provides_the_interface(offline: Store) -> None:
    assert verifyObject(ILicenceRegistry, offline.licences)


@pytest.mark.requirement("U4", "C24")
def test_a_licence_is_found_by_its_token_which_is_not_kept(offline: Store, state: Path) -> None:
    made = added(offline, account="ann@example.org", label="the till", valid_until=20.0)
    assert success_result_of(offline.licences.find(KEY)) == made
    assert made == Licence(made.id, "LICENSE", "ann@example.org", "the till", 10.0, 20.0)
    assert success_result_of(offline.licences.find(OTHER)) is None
    assert success_result_of(offline.licences.find(ClientIdentity("UUID", KEY.token))) is None
    stored = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert KEY.token.encode() not in stored
    assert b"the till" in stored


def test_one_that_is_set_up_stays_as_it_is(offline: Store) -> None:
    made = added(offline)
    again = offline.licences.add(KEY, account=None, label="again", valid_from=0.0, valid_until=None)
    assert failure_result_of(again).check(LicenceExistsError)
    added(offline, OTHER)
    first, _ = success_result_of(offline.licences.licences())
    assert first == made


def test_its_use_and_its_end_are_noted(offline: Store) -> None:
    made = added(offline)
    added(offline, OTHER)
    success_result_of(offline.licences.used(KEY, 15.0))
    success_result_of(offline.licences.used(ClientIdentity("UUID", "unknown"), 15.0))
    revoked = success_result_of(offline.licences.revoke(made.id))
    assert revoked == success_result_of(offline.licences.find(KEY))
    assert (revoked.last_used, revoked.revoked) == (15.0, True)
    assert success_result_of(offline.licences.revoke(made.id[:8])) is None
    assert not success_result_of(offline.licences.find(OTHER)).revoked


def test_a_new_key_of_hashes_does_not_end_a_licence(state: Path) -> None:
    store = open_store_offline(state)
    before = added(store)
    success_result_of(store.close())
    keys = state / "identity.key"
    keys.write_text("ab" * 32 + "\n" + keys.read_text())
    store = open_store_offline(state)
    assert success_result_of(store.licences.find(KEY)) == before
    success_result_of(store.licences.used(KEY, 15.0))
    after = success_result_of(store.licences.find(KEY))
    assert (after.id != before.id, after.last_used) == (True, 15.0)
    success_result_of(store.close())
    keys.write_text("ab" * 32)
    store = open_store_offline(state)
    assert success_result_of(store.licences.find(KEY)) == after
    success_result_of(store.close())


@pytest.mark.parametrize(
    ("licence", "times"),
    [
        (Licence("", "", None, "", 10.0), {9.9: False, 10.0: True, 1e12: True}),
        (Licence("", "", None, "", 10.0, 20.0), {19.9: True, 20.0: False}),
        (Licence("", "", None, "", 10.0, revoked=True), {10.0: False}),
    ],
)
def test_when_a_licence_is_in_force(licence: Licence, times: dict[float, bool]) -> None:
    assert {when: licence.in_force(when) for when in times} == times


@pytest.mark.requirement("U9")
def test_attack_mode_outlives_the_store(state: Path) -> None:
    store = open_store_offline(state)
    for scope, mode in (
        ("global", AttackMode.ON),
        ("account/ann@example.org", AttackMode.ON),
        ("account/ann@example.org", AttackMode.OFF),
        ("listener/submission", AttackMode.ON),
        ("listener/submission", AttackMode.AUTO),
    ):
        success_result_of(store.attack_modes.set(scope, mode))
    success_result_of(store.close())
    store = open_store_offline(state)
    assert success_result_of(store.attack_modes.all()) == {
        "account/ann@example.org": AttackMode.OFF,
        "global": AttackMode.ON,
    }
    success_result_of(store.close())

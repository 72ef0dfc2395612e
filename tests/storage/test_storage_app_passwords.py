"""App passwords, and the devices that they are bound to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mailext.storage.app_passwords import AppPassword, AppPasswordExistsError, Binding, SqlAppPasswords
from mailext.storage.engine import DATABASE_NAME
from mailext.storage.identity_keys import IdentityKeys
from mailext.storage.store import Store
from mailext.values import ClientIdentity
from tests.support import failure_result_of, success_result_of

ANN, BOB = "ann@example.org", "bob@example.org"
PHONE, LAPTOP = ClientIdentity("UUID", "phone"), ClientIdentity("UUID", "laptop")


def add(store: Store, name: str, binding: Binding | None = None, account: str = ANN) -> None:
    success_result_of(store.app_passwords.add(account, name, f"digest of {name}", binding, 10.0))


def admits(
    store: Store, name: str, identity: ClientIdentity | None = None, when: float = 20.0, account: str = ANN
) -> bool:
    return success_result_of(store.app_passwords.admits(account, f"digest of {name}", identity, when))


def listed(store: Store, account: str = ANN) -> list[AppPassword]:
    return success_result_of(store.app_passwords.of_account(account))


def test_one_is_good_for_its_account_alone(offline: Store) -> None:
    add(offline, "mail")
    assert admits(offline, "mail")
    assert admits(offline, "mail", PHONE)
    assert not admits(offline, "mail", account=BOB)
    assert not admits(offline, "other")


@pytest.mark.requirement("U8")
def test_one_can_be_bound_to_a_device(offline: Store) -> None:
    success_result_of(offline.identities.record(ANN, PHONE, 1.0))
    phone = success_result_of(offline.identity_admin.held(ANN, None))[0].hash
    add(offline, "phone", Binding(phone))
    assert admits(offline, "phone", PHONE)
    assert not admits(offline, "phone", LAPTOP)
    assert not admits(offline, "phone")
    assert listed(offline)[0].device == phone[:16]


@pytest.mark.requirement("U8")
def test_one_can_be_bound_to_the_first_device_that_uses_it(offline: Store) -> None:
    add(offline, "new", Binding())
    assert (listed(offline)[0].bound, listed(offline)[0].device) == (True, "")
    assert not admits(offline, "new")
    assert admits(offline, "new", PHONE)
    assert not admits(offline, "new", LAPTOP)
    assert admits(offline, "new", PHONE)
    assert listed(offline)[0].device == offline.identities.fingerprint(PHONE)


def test_a_binding_outlives_its_key(offline: Store) -> None:
    transactions = offline.app_passwords._transactions
    old = SqlAppPasswords(transactions, IdentityKeys(b"o" * 32))
    both = SqlAppPasswords(transactions, IdentityKeys(b"n" * 32, b"o" * 32))
    new = SqlAppPasswords(transactions, IdentityKeys(b"n" * 32))
    success_result_of(old.add(ANN, "x", "d", Binding(), 1.0))
    assert success_result_of(old.admits(ANN, "d", PHONE, 1.0))
    assert not success_result_of(both.admits(ANN, "d", LAPTOP, 1.0))
    assert success_result_of(both.admits(ANN, "d", PHONE, 1.0))
    assert success_result_of(new.admits(ANN, "d", PHONE, 1.0))


def test_the_latest_use_is_known_to_the_hour(offline: Store) -> None:
    add(offline, "mail")
    assert listed(offline) == [AppPassword(ANN, "mail", False, "", 10.0, None)]
    for when, noted in ((20.0, 20.0), (3000.0, 20.0), (3620.0, 3620.0)):
        assert admits(offline, "mail", when=when)
        assert listed(offline)[0].last_used == noted


def test_a_name_is_used_once_and_again_when_it_is_free(offline: Store) -> None:
    add(offline, "mail", Binding())
    admits(offline, "mail", PHONE)
    add(offline, "mail", account=BOB)
    again = offline.app_passwords.add(ANN, "mail", "x", None, 1.0)
    assert failure_result_of(again).check(AppPasswordExistsError)
    assert success_result_of(offline.app_passwords.revoke(ANN, "mail")) == 1
    assert success_result_of(offline.app_passwords.revoke(ANN, "mail")) == 0
    assert not admits(offline, "mail", PHONE)
    assert admits(offline, "mail", account=BOB)
    add(offline, "mail", Binding())
    assert listed(offline)[0].device == ""
    add(offline, "more")
    assert success_result_of(offline.app_passwords.revoke(ANN, None)) == 2


@pytest.mark.requirement("C22")
def test_the_device_is_kept_apart_from_the_password(offline: Store, state: Path) -> None:
    add(offline, "new", Binding())
    admits(offline, "new", PHONE)
    with closing(sqlite3.connect(state / DATABASE_NAME)) as connection:
        columns = {column[0] for column in connection.execute("SELECT * FROM app_password").description}
    assert columns == {"account", "name", "digest", "bound", "created", "last_used"}

"""Accounts and client identities."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailext.storage.accounts import AccountExistsError
from mailext.storage.identity_keys import IdentityKeys, KeyFileError, load_identity_keys
from mailext.storage.store import Store
from mailext.values import ClientIdentity
from tests.support import ThreadCalls, failure_result_of, success_result_of

PHONE = ClientIdentity("UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
LAPTOP = ClientIdentity("MAC", "00-00-5E-00-53-01")


def test_accounts(offline: Store) -> None:
    accounts = offline.accounts
    success_result_of(accounts.add("zoe@example.org", "first"))
    success_result_of(accounts.add("ann@example.org", "second"))
    assert success_result_of(accounts.addresses()) == ["zoe@example.org", "ann@example.org"]
    assert success_result_of(accounts.get_hash("ann@example.org")) == "second"
    assert success_result_of(accounts.get_hash("bob@example.org")) is None
    assert success_result_of(accounts.set_password_hash("ann@example.org", "third"))
    assert success_result_of(accounts.get_hash("ann@example.org")) == "third"
    assert not success_result_of(accounts.set_password_hash("bob@example.org", "x"))
    assert success_result_of(accounts.remove("zoe@example.org"))
    assert not success_result_of(accounts.remove("zoe@example.org"))
    assert success_result_of(accounts.addresses()) == ["ann@example.org"]


def test_verifiers_of_those_who_have_one(offline: Store) -> None:
    accounts = offline.accounts
    success_result_of(accounts.add("zoe@example.org", "hash", "verifier"))
    success_result_of(accounts.add("ann@example.org", "hash"))
    assert success_result_of(accounts.scram_verifiers()) == {"zoe@example.org": "verifier"}
    success_result_of(accounts.set_password_hash("ann@example.org", "hash", "another"))
    success_result_of(accounts.set_password_hash("zoe@example.org", "hash"))
    assert success_result_of(accounts.scram_verifiers()) == {"ann@example.org": "another"}


def test_an_address_has_one_account(offline: Store) -> None:
    success_result_of(offline.accounts.add("ann@example.org", "first"))
    failure = failure_result_of(offline.accounts.add("ann@example.org", "second"))
    assert failure.check(AccountExistsError)
    assert success_result_of(offline.accounts.get_hash("ann@example.org")) == "first"


def test_an_account_that_exists_spoils_nothing_that_is_stored_with_it(
    store: Store, reactor: ThreadCalls
) -> None:
    asked = [store.accounts.add(f"{name}@example.org", name) for name in ("a", "b", "a", "c")]
    reactor.wait_for(asked[0])
    reactor.wait_for(asked[1])
    with pytest.raises(AccountExistsError):
        reactor.wait_for(asked[2])
    reactor.wait_for(asked[3])
    assert len(reactor.wait_for(store.accounts.addresses())) == 3


def test_records_are_listed_by_account(offline: Store) -> None:
    registry = offline.identities
    success_result_of(registry.record("bob@example.org", PHONE, 1.0))
    success_result_of(registry.record("ann@example.org", LAPTOP, 3.0))
    success_result_of(registry.record("ann@example.org", PHONE, 2.0))
    everyone = success_result_of(offline.identity_admin.records(None, 100))
    assert [(record.account, record.type) for record in everyone] == [
        ("ann@example.org", "UUID"),
        ("ann@example.org", "MAC"),
        ("bob@example.org", "UUID"),
    ]
    assert success_result_of(offline.identity_admin.records("bob@example.org", 100)) == everyone[2:]
    # The same device has the same id on every account.
    assert everyone[0].id == everyone[2].id != everyone[1].id


@pytest.mark.requirement("C22", "C24")
def test_no_token_is_at_rest(store: Store, reactor: ThreadCalls, state: Path) -> None:
    reactor.wait_for(store.accounts.add("ann@example.org", "hash"))
    reactor.wait_for(store.identities.record("ann@example.org", PHONE, 1.0))
    stored = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"ann@example.org" in stored
    assert PHONE.token.encode() not in stored
    assert PHONE.token.replace("-", "").encode() not in stored


def test_type_and_token_are_not_confused() -> None:
    keys = IdentityKeys(b"k" * 32)
    assert keys.hashes(ClientIdentity("A", "BC")) != keys.hashes(ClientIdentity("AB", "C"))


def test_a_key_file_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    made = load_identity_keys(path, lambda count: b"k" * count)
    assert path.read_text() == "6b" * 32 + "\n"
    assert path.stat().st_mode & 0o777 == 0o600
    read = load_identity_keys(path, lambda count: b"x" * count)
    assert made.hashes(PHONE) == read.hashes(PHONE)
    path.write_text("6c" * 32 + "\n" + path.read_text())
    two = load_identity_keys(path, lambda count: b"x" * count)
    assert two.hashes(PHONE)[1:] == made.hashes(PHONE)


@pytest.mark.parametrize("text", ["", "\n", "6b\n", "6b" * 32 + "\nsecret\n", "6b" * 32 + "f\n"])
def test_a_key_file_that_holds_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity.key"
    path.write_text(text)
    with pytest.raises(KeyFileError) as refused:
        load_identity_keys(path, lambda count: b"k" * count)
    assert str(path) in str(refused.value)
    assert "secret" not in str(refused.value)

"""Passwords: right, wrong, remembered, forgotten, and too many at once."""

from __future__ import annotations

from random import Random

import argon2
import pytest
from argon2.exceptions import InvalidHashError
from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.task import Clock

from mailext.accounts.passwords import Passwords
from mailext.threads import ThreadsBusyError
from tests.support import failure_result_of, success_result_of

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Threads:
    """Runs what should run in a thread at once, and counts it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, function, /, *args, **kwargs) -> Deferred:
        self.calls += 1
        return execute(function, *args, **kwargs)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def threads():
    return Threads()


@pytest.fixture
def passwords(clock, threads):
    return Passwords(clock, threads, Random(1), CHEAP)


@pytest.fixture
def stored(passwords, threads):
    stored = success_result_of(passwords.hash(b"right"))
    threads.calls = 0
    return stored


def verify(passwords, stored, password, account="ann@example.org"):
    return success_result_of(passwords.verify(account, stored, password))


def test_right_and_wrong(passwords, stored):
    assert stored.startswith("$argon2id$")
    assert verify(passwords, stored, b"right")
    assert not verify(passwords, stored, b"wrong")
    assert not verify(passwords, stored, b"Right")
    assert not verify(passwords, stored, b"")


def test_an_unknown_account_costs_the_same_hash(passwords, stored, threads):
    assert not verify(passwords, None, b"right")
    assert threads.calls == 1
    of_nobody = argon2.extract_parameters(passwords._nobodys_hash)
    assert of_nobody == argon2.extract_parameters(stored)


def test_success_is_remembered_for_a_while(passwords, stored, threads, clock):
    assert verify(passwords, stored, b"right")
    assert verify(passwords, stored, b"right")
    assert threads.calls == 1
    clock.advance(60)
    assert verify(passwords, stored, b"right")
    assert threads.calls == 2


def test_failure_is_not_remembered_nor_does_it_end_the_memory(passwords, stored, threads):
    assert verify(passwords, stored, b"right")
    assert not verify(passwords, stored, b"wrong")
    assert not verify(passwords, stored, b"wrong")
    assert threads.calls == 3
    assert verify(passwords, stored, b"right")
    assert threads.calls == 3


def test_it_is_the_accounts_own_memory(passwords, stored, threads):
    assert verify(passwords, stored, b"right")
    assert verify(passwords, stored, b"right", account="bob@example.org")
    assert threads.calls == 2


def test_forgotten_on_demand(passwords, stored, threads):
    assert verify(passwords, stored, b"right")
    passwords.forget("ann@example.org")
    passwords.forget("nobody@example.org")
    assert verify(passwords, stored, b"right")
    assert threads.calls == 2


def test_a_new_hash_ends_the_memory(passwords, stored):
    assert verify(passwords, stored, b"right")
    changed = success_result_of(passwords.hash(b"new"))
    assert not verify(passwords, changed, b"right")
    assert not verify(passwords, None, b"right")
    assert verify(passwords, changed, b"new")


def test_the_memory_is_bounded_and_holds_no_password(passwords, stored, monkeypatch):
    monkeypatch.setattr("mailext.accounts.passwords._REMEMBERED_ACCOUNTS", 2)
    for account in ("a", "b", "a", "c"):
        assert verify(passwords, stored, b"right", account)
    assert list(passwords._remembered) == ["b", "c"]
    assert "right" not in repr(vars(passwords))


def test_a_broken_hash_is_an_error_and_no_answer(passwords):
    failure = failure_result_of(passwords.verify("ann@example.org", "{PLAIN}right", b"right"))
    assert failure.check(InvalidHashError)


def test_busy_threads_are_an_error_and_no_answer(clock):
    busy = Passwords(clock, lambda *_: fail(ThreadsBusyError()), Random(1), CHEAP)
    assert failure_result_of(busy.verify("ann@example.org", None, b"right")).check(ThreadsBusyError)

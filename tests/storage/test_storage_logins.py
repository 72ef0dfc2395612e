"""The log of logins, and the ledger of alerts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailext.clientid.entries import LoginEntry
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.store import Store
from mailext.values import ClientIdentity, LoginOutcome, Place, Protocol
from tests.support import success_result_of

ANN, BOB = "ann@example.org", "bob@example.org"
DAY = 86400.0

ENTRY = LoginEntry(
    time=1.0,
    account=ANN,
    proved=True,
    outcome=LoginOutcome.SUCCESS,
    reason="",
    protocol=Protocol.ESMTP,
    listener="submission",
    mechanism="PLAIN",
    place=Place("192.0.2.1", "192.0.2.0/24", "DE", 52.5, 13.4),
    type="UUID",
    clientid="0123456789abcdef",
    authenticate=True,
    user_log=True,
    repeated=True,
)
FAILURE = replace(ENTRY, proved=False, outcome=LoginOutcome.BAD_CREDENTIALS, reason="UnauthorizedLogin")


def take(store: Store, *entries: LoginEntry) -> None:
    for entry in entries:
        success_result_of(store.logins.take(entry))


def kept(store: Store, account: str = ANN) -> list[LoginEntry]:
    return success_result_of(store.logins.of_account(account, 10_000))


def test_the_latest_comes_first_and_nothing_of_it_is_lost(offline: Store) -> None:
    later = replace(FAILURE, time=2.0, place=Place.of("local"), type="", clientid="", user_log=False)
    take(offline, ENTRY, later, replace(ENTRY, account=BOB))
    assert kept(offline) == [later, ENTRY]
    assert success_result_of(offline.logins.of_account(ANN, 1)) == [later]


@pytest.mark.requirement("C23")
def test_the_holders_own_log_has_what_is_flagged(offline: Store) -> None:
    take(offline, ENTRY, replace(ENTRY, time=2.0, user_log=False))
    assert success_result_of(offline.logins.of_holder(ANN, 10)) == [ENTRY]


def test_pages_go_through_all_of_them_in_their_order(offline: Store) -> None:
    entries = [replace(ENTRY, time=float(number)) for number in range(7)]
    take(offline, *entries)
    found, after = [], 0
    while page := success_result_of(offline.logins.page(after, 3)):
        found += [entry for _, entry in page]
        after = page[-1][0]
    assert found == entries


@pytest.mark.requirement("U12")
def test_whoever_knows_no_password_cannot_fill_the_log(offline: Store) -> None:
    for number in range(300):
        take(offline, replace(FAILURE, account=f"user{number}"))
    for number in range(300):
        take(offline, replace(FAILURE, place=Place.of(f"10.{number}.0.1"[:10])))
    take(offline, ENTRY)
    names = [f"user{number}" for number in range(300)]
    assert sum(len(kept(offline, name)) for name in names) == 200
    assert len(kept(offline)) <= 201
    assert kept(offline)[0] == ENTRY
    # The next hour is another one.
    take(offline, replace(FAILURE, time=3601.0, account="late"))
    assert len(kept(offline, "late")) == 1


def test_what_is_too_long_is_cut(offline: Store) -> None:
    take(offline, replace(FAILURE, account="x" * 9000, reason="y" * 9000))
    (entry,) = kept(offline, "x" * 320)
    assert entry.reason == "y" * 320


def test_so_many_are_kept_of_each_kind(offline: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailext.storage.logins._TRIM_EVERY", 10)
    offline.limit(RegistryLimits(logins=20))
    take(offline, *(replace(ENTRY, time=float(number)) for number in range(15)))
    take(offline, *(replace(FAILURE, time=float(number)) for number in range(105)))
    times = [entry.time for entry in kept(offline) if not entry.proved]
    # It is trimmed every tenth time.
    assert 20 <= len(times) <= 30
    assert times == [104.0 - number for number in range(len(times))]
    assert sum(entry.proved for entry in kept(offline)) == 15


def test_logins_are_kept_so_long(offline: Store) -> None:
    offline.limit(RegistryLimits(keep_logins=DAY))
    take(offline, ENTRY, replace(ENTRY, time=DAY))
    assert success_result_of(offline.pruning.prune(DAY + 2)) == 1
    assert [entry.time for entry in kept(offline)] == [DAY]


def claim(
    store: Store, when: float, device: str = "0" * 16, *, proved: bool = False, succeeded: bool = False
) -> bool:
    claimed = store.alerts.claim(ANN, device, when, proved=proved or succeeded, succeeded=succeeded)
    return success_result_of(claimed)


def test_one_message_for_each_device_and_day(offline: Store) -> None:
    assert claim(offline, 0.0)
    assert not claim(offline, DAY - 1)
    assert claim(offline, 10.0, succeeded=True)
    assert claim(offline, 10.0, "1" * 16)
    assert claim(offline, DAY)


def test_forged_devices_do_not_fill_a_mailbox(offline: Store) -> None:
    assert [claim(offline, 1.0, f"{number:016}") for number in range(7)] == [True] * 5 + [False] * 2
    # Who then has the password after all is told of.
    told = [claim(offline, 2.0, f"{number:016}", proved=True) for number in range(100, 107)]
    assert told == [True] * 5 + [False] * 2


def test_a_known_device_that_logs_in_is_worth_no_message(offline: Store) -> None:
    phone = ClientIdentity("UUID", "a")
    name = offline.identities.fingerprint(phone)
    success_result_of(offline.identities.record(ANN, phone, 0.0))
    assert claim(offline, 5.0, name, succeeded=True)
    assert not claim(offline, 2 * DAY, name, succeeded=True)
    assert claim(offline, 2 * DAY, name, succeeded=False)

"""The registry of identities, in a database."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from mailext.interfaces import IIdentityRegistry
from mailext.storage.engine import DATABASE_NAME
from mailext.storage.identities import SqlIdentityRegistry
from mailext.storage.identity_admin import NoSuchIdentityError
from mailext.storage.identity_keys import IdentityKeys
from mailext.storage.registry_limits import RegistryLimits
from mailext.storage.store import Store
from mailext.testing import MemoryIdentityRegistry
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    Protocol,
)
from tests.support import failure_result_of, success_result_of

ANN, BOB = "ann@example.org", "bob@example.org"
PHONE = ClientIdentity("UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
LAPTOP = ClientIdentity("MAC", "00-00-5E-00-53-01")
DAY = 86400.0

HOME = Place("192.0.2.17", "192.0.2.0/24", "DE", 52.5, 13.4)
AWAY = Place("2001:db8::1", "2001:db8::/56", "NZ", -36.8, 174.8)


def device(number: int) -> ClientIdentity:
    return ClientIdentity("UUID", f"device-{number}")


def known(store: Store, account: str = ANN, identity: ClientIdentity = PHONE) -> IdentityRecord:
    record = success_result_of(store.identities.find(account, identity))
    assert record is not None
    return record


def use(
    store: Store,
    identity: ClientIdentity = PHONE,
    when: float = 1.0,
    account: str = ANN,
    outcome: LoginOutcome = LoginOutcome.SUCCESS,
    place: Place | None = HOME,
    *,
    proved: bool = True,
) -> None:
    circumstances = Circumstances(outcome, Protocol.ESMTP, place, proved)
    success_result_of(store.identities.record(account, identity, when, circumstances))


WRONG = {"outcome": LoginOutcome.BAD_CREDENTIALS, "proved": False}


def all_of(store: Store, account: str = ANN) -> list[IdentityRecord]:
    return success_result_of(store.identity_admin.records(account, 1000))


def test_what_is_known_of_an_identity(offline: Store) -> None:
    verifyObject(IIdentityRegistry, offline.identities)
    assert success_result_of(offline.identities.find(ANN, PHONE)) is None
    use(offline, when=100.0)
    use(offline, when=200.0, place=AWAY)
    use(offline, when=300.0, **WRONG)
    use(offline, when=400.0, outcome=LoginOutcome.REFUSED)
    record = known(offline)
    assert re.fullmatch("[0-9a-f]{16}", record.id)
    assert record == IdentityRecord(
        id=offline.identities.fingerprint(PHONE),
        account=ANN,
        type="UUID",
        label="",
        status=IdentityStatus.OBSERVED,
        first_seen=100.0,
        last_seen=400.0,
        count=2,
        failures=1,
        refusals=1,
        place=HOME,
        protocols=frozenset({Protocol.ESMTP}),
    )


def test_it_says_what_the_fake_says(offline: Store) -> None:
    """The fake that plugins are tested with is a registry like ours."""
    fake = MemoryIdentityRegistry()
    asked = []
    for registry in (offline.identities, fake):
        for when, account, identity, circumstances in (
            (1.0, ANN, PHONE, Circumstances(place=HOME)),
            (2.0, BOB, PHONE, Circumstances(protocol=Protocol.IMAP, place=AWAY)),
            (3.0, ANN, LAPTOP, Circumstances(LoginOutcome.REFUSED, place=HOME)),
            (4.0, ANN, device(1), Circumstances(LoginOutcome.BAD_CREDENTIALS, place=HOME, proved=False)),
            (5.0, ANN, device(2), Circumstances(LoginOutcome.REFUSED, place=HOME, proved=False)),
            (6.0, ANN, PHONE, Circumstances(LoginOutcome.ERROR, proved=False)),
        ):
            success_result_of(registry.record(account, identity, when, circumstances))
        success_result_of(registry.enrol(ANN, PHONE, 7.0, 10))
        success_result_of(registry.holdForApproval(ANN, LAPTOP, 7.0))
        success_result_of(registry.enrol(ANN, LAPTOP, 8.0, 10))
        success_result_of(registry.enrol(ANN, device(1), 9.0, 1))
        records = [success_result_of(registry.find(ANN, each)) for each in (PHONE, LAPTOP, device(1))]
        asked.append(
            (
                [each and replace(each, id="") for each in records],
                success_result_of(registry.trustedCount(ANN)),
                success_result_of(registry.otherAccountsOf(BOB, PHONE, 10)),
                success_result_of(registry.otherAccountsOf(BOB, LAPTOP, 10)),
                success_result_of(registry.placesOf(PHONE, 0.0)),
                success_result_of(registry.placesOf(PHONE, 1.5)),
                success_result_of(registry.churn(ANN, HOME, 0.0)),
                success_result_of(registry.churn(ANN, HOME, 4.5)),
            )
        )
    assert asked[0] == asked[1]
    assert asked[0][1:4] == (1, 1, 0)


@pytest.mark.requirement("U3")
def test_a_rule_enrols_what_nobody_has_judged(offline: Store) -> None:
    registry, admin = offline.identities, offline.identity_admin
    success_result_of(registry.enrol(ANN, PHONE, 1.0, 10))
    assert (known(offline).status, known(offline).count) == (IdentityStatus.ENROLLED, 0)
    use(offline, LAPTOP)
    success_result_of(registry.holdForApproval(ANN, LAPTOP, 1.0))
    assert known(offline, identity=LAPTOP).status is IdentityStatus.PENDING
    success_result_of(registry.enrol(ANN, LAPTOP, 2.0, 10))
    assert known(offline, identity=LAPTOP).status is IdentityStatus.PENDING
    success_result_of(admin.approve(ANN, known(offline, identity=LAPTOP).id))
    success_result_of(registry.holdForApproval(ANN, LAPTOP, 3.0))
    assert known(offline, identity=LAPTOP).status is IdentityStatus.APPROVED
    assert success_result_of(registry.trustedCount(ANN)) == 2


@pytest.mark.requirement("C16")
def test_revoked_for_a_time_and_for_good(offline: Store) -> None:
    use(offline)
    record = success_result_of(offline.identity_admin.revoke(ANN, known(offline).id, 100.0))
    assert record.is_revoked(99.0)
    assert not record.is_revoked(100.0)
    assert record.status is IdentityStatus.OBSERVED
    record = success_result_of(offline.identity_admin.revoke(ANN, record.id, None))
    assert record.is_revoked(1e12)
    use(offline, when=200.0)
    assert known(offline).status is IdentityStatus.REVOKED
    record = success_result_of(offline.identity_admin.approve(ANN, record.id))
    assert not record.is_revoked(0.0)


def test_how_many_other_accounts_use_it_is_counted_no_further_than_asked(offline: Store) -> None:
    for number in range(8):
        use(offline, account=f"user{number}@example.org")
    use(offline, account=ANN, **WRONG)
    assert success_result_of(offline.identities.otherAccountsOf("user0@example.org", PHONE, 100)) == 7
    assert success_result_of(offline.identities.otherAccountsOf("user0@example.org", PHONE, 5)) == 5


def test_what_another_account_did_with_a_device_is_not_told_as_ones_own(offline: Store) -> None:
    """A person's export tells nothing of others who share the device."""
    use(offline, when=1.0)
    use(offline, when=2.0)
    use(offline, when=3.0, account=BOB)
    (own,) = success_result_of(offline.identity_admin.held(ANN, None))
    assert [(place.account, place.when, place.count) for place in own.places] == [(ANN, 2.0, 2)]
    (bobs,) = success_result_of(offline.identity_admin.held(BOB, None))
    assert [(place.account, place.when, place.count) for place in bobs.places] == [(BOB, 3.0, 1)]
    # Of each network, to a checker, the latest.
    (latest,) = success_result_of(offline.identities.placesOf(PHONE, 0.0))
    assert (latest.account, latest.when, latest.count) == (BOB, 3.0, 1)
    success_result_of(offline.identity_admin.forget(BOB, None))
    assert len(success_result_of(offline.identities.placesOf(PHONE, 0.0))) == 1


def test_a_device_of_very_many_accounts_is_known_in_so_many_places(offline: Store, state: Path) -> None:
    for number in range(510):
        use(offline, when=float(number), account=f"user{number}@example.org")
    with closing(sqlite3.connect(state / DATABASE_NAME)) as connection:
        kept = connection.execute("SELECT count(*), min(last_seen) FROM identity_place").fetchone()
    assert kept == (500, 10.0)


def test_places_are_the_latest_first_and_not_too_many(offline: Store) -> None:
    for number in range(30):
        use(offline, when=float(number), place=Place.of(f"10.0.{number}.1"))
    use(offline, when=30.0, place=Place.of("10.0.29.7"))
    places = success_result_of(offline.identities.placesOf(PHONE, 0.0))
    assert len(places) == 20
    assert (places[0].place.address, places[0].count, places[0].when) == ("10.0.29.7", 2, 30.0)
    assert [place.when for place in places[1:]] == [float(number) for number in range(28, 9, -1)]


@pytest.mark.requirement("U12")
def test_forged_identities_are_seen_and_fill_nothing(offline: Store, state: Path) -> None:
    use(offline)
    for number in range(300):
        use(offline, device(number), when=float(number), **WRONG)
        use(offline, device(number), when=float(number), account=f"nobody-{number}", **WRONG)
    assert [record.id for record in all_of(offline)] == [known(offline).id]
    churn = success_result_of(offline.identities.churn(ANN, HOME, 0.0))
    # As many as are kept of an account and of a network.
    assert (churn.account, churn.network) == (100, 100)
    assert success_result_of(offline.identities.churn(ANN, HOME, 290.0)).account == 10
    assert success_result_of(offline.identities.churn(BOB, AWAY, 0.0)).network == 0
    with closing(sqlite3.connect(state / DATABASE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM identity_stranger").fetchone() == (200,)


@pytest.mark.requirement("U12")
def test_an_account_has_room_for_so_many(offline: Store) -> None:
    offline.limit(RegistryLimits(per_account=5))
    for number in range(5):
        use(offline, device(number), when=float(number))
    ids = [record.id for record in all_of(offline)]
    success_result_of(offline.identity_admin.approve(ANN, ids[0]))
    success_result_of(offline.identity_admin.revoke(ANN, ids[1], None))
    success_result_of(offline.identity_admin.revoke(ANN, ids[2], 1e9))
    success_result_of(offline.identities.enrol(ANN, device(3), 10.0, 10))
    for number in range(100, 120):
        use(offline, device(number), when=float(number))
    left = [record.id for record in all_of(offline)]
    assert left[:4] == ids[:4]
    assert left[4:] == [offline.identities.fingerprint(device(119))]
    # What is left is all to be kept: there is no room for another one.
    success_result_of(offline.identity_admin.approve(ANN, ids[3]))
    success_result_of(offline.identity_admin.approve(ANN, left[4]))
    use(offline, device(200), when=200.0)
    assert [record.id for record in all_of(offline)] == left


@pytest.mark.requirement("U12")
def test_who_knows_the_password_cannot_have_anns_devices_forgotten(offline: Store) -> None:
    """A thief makes up one identity after the other; each is refused, or waits for approval."""
    offline.limit(RegistryLimits(per_account=5))
    for number in range(4):
        use(offline, device(number), when=float(number))
    own = [record.id for record in all_of(offline)]
    for number in range(100, 120):
        use(offline, device(number), float(number), outcome=LoginOutcome.REFUSED)
        success_result_of(offline.identities.holdForApproval(ANN, device(number), float(number)))
    left = [record.id for record in all_of(offline)]
    assert left == [*own, offline.identities.fingerprint(device(119))]
    # A fifth device that is let in takes the forged one's place, and then there is none for another.
    use(offline, device(4), when=200.0)
    success_result_of(offline.identities.holdForApproval(ANN, device(120), 201.0))
    assert [record.id for record in all_of(offline)] == [*own, offline.identities.fingerprint(device(4))]
    # Until somebody gets in with it: the one that was not seen for longest goes.
    use(offline, device(5), when=202.0)
    assert own[0] not in [record.id for record in all_of(offline)]


def test_pruning_goes_by_age_and_leaves_what_was_judged(offline: Store) -> None:
    offline.limit(RegistryLimits(keep=10 * DAY, keep_logins=DAY))
    for number in range(6):
        use(offline, device(number), when=float(number))
    ids = [record.id for record in all_of(offline)]
    success_result_of(offline.identity_admin.approve(ANN, ids[0]))
    success_result_of(offline.identity_admin.revoke(ANN, ids[1], None))
    success_result_of(offline.identity_admin.revoke(ANN, ids[2], 11 * DAY))
    success_result_of(offline.identities.enrol(ANN, device(3), 1.0, 10))
    use(offline, device(4), when=5 * DAY)
    use(offline, device(77), when=9 * DAY, **WRONG)
    assert success_result_of(offline.pruning.prune(10 * DAY + 9)) > 0
    assert {record.id for record in all_of(offline)} == {*ids[:3], ids[4]}
    assert success_result_of(offline.identities.churn(ANN, HOME, 0.0)).account == 0
    assert success_result_of(offline.identities.placesOf(device(5), 0.0)) == ()
    assert success_result_of(offline.pruning.prune(10 * DAY + 9)) == 0


def test_pruning_walks_through_everything(offline: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailext.storage.pruning._STEP", 7)
    for number in range(50):
        use(offline, device(number), when=float(number % 2) * 2 * DAY)
    offline.limit(RegistryLimits(keep=DAY))
    success_result_of(offline.pruning.prune(2 * DAY))
    assert {record.last_seen for record in all_of(offline)} == {2 * DAY}
    assert len(all_of(offline)) == 25


def test_a_sweep_looks_at_so_many_and_the_next_goes_on(
    offline: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailext.storage.pruning._STEP", 7)
    monkeypatch.setattr("mailext.storage.pruning._STEPS", 3)
    for number in range(50):
        use(offline, device(number), when=1.0, place=None)
    offline.limit(RegistryLimits(keep=DAY))
    gone = [success_result_of(offline.pruning.prune(2 * DAY)) for _ in range(3)]
    assert gone == [21, 21, 8]
    use(offline, device(0), when=1.0, place=None)
    assert success_result_of(offline.pruning.prune(2 * DAY)) == 1


def test_the_holder_is_told_once_of_a_device_whose_key_rotates(offline: Store) -> None:
    transactions = offline.identities._transactions
    old = SqlIdentityRegistry(transactions, IdentityKeys(b"o" * 32))
    both = SqlIdentityRegistry(transactions, IdentityKeys(b"n" * 32, b"o" * 32))
    told = []
    for when, registry in ((1.0, old), (2.0, both), (3.0, both)):
        success_result_of(registry.record(ANN, PHONE, when))
        claim = offline.alerts.claim(ANN, registry.fingerprint(PHONE), when, proved=True, succeeded=True)
        told.append(success_result_of(claim))
    assert told == [True, False, False]


def test_keys_rotate_and_nothing_is_lost(offline: Store) -> None:
    transactions = offline.identities._transactions
    old = SqlIdentityRegistry(transactions, IdentityKeys(b"o" * 32))
    both = SqlIdentityRegistry(transactions, IdentityKeys(b"n" * 32, b"o" * 32))
    new = SqlIdentityRegistry(transactions, IdentityKeys(b"n" * 32))
    for account in (ANN, BOB):
        success_result_of(old.record(account, PHONE, 1.0, Circumstances(place=HOME)))
    success_result_of(old.enrol(ANN, PHONE, 1.0, 10))
    assert success_result_of(both.otherAccountsOf(ANN, PHONE, 9)) == 1
    for account in (ANN, BOB):
        success_result_of(both.record(account, PHONE, 2.0, Circumstances(place=AWAY)))
    record = success_result_of(new.find(ANN, PHONE))
    assert record is not None
    assert (record.status, record.first_seen, record.count) == (IdentityStatus.ENROLLED, 1.0, 2)
    assert len(success_result_of(new.placesOf(PHONE, 0.0))) == 2
    assert success_result_of(new.otherAccountsOf(ANN, PHONE, 9)) == 1
    assert success_result_of(old.find(ANN, PHONE)) is None


def test_a_judgement_finds_what_an_old_key_hashed(offline: Store) -> None:
    transactions = offline.identities._transactions
    old = SqlIdentityRegistry(transactions, IdentityKeys(b"o" * 32))
    both = SqlIdentityRegistry(transactions, IdentityKeys(b"n" * 32, b"o" * 32))
    success_result_of(old.record(ANN, PHONE, 1.0))
    success_result_of(both.enrol(ANN, PHONE, 2.0, 10))
    record = success_result_of(both.find(ANN, PHONE))
    assert record is not None
    assert (record.status, record.count) == (IdentityStatus.ENROLLED, 1)


def test_an_id_may_be_cut_short_where_it_is_clear(offline: Store) -> None:
    for number in range(20):
        use(offline, device(number))
    records = all_of(offline)
    first = min(records, key=lambda record: record.id)
    assert success_result_of(offline.identity_admin.show(ANN, first.id)).record == first
    unclear = [each for each in "0123456789abcdef" if sum(r.id.startswith(each) for r in records) > 1]
    failure = failure_result_of(offline.identity_admin.show(ANN, unclear[0]))
    assert failure.check(NoSuchIdentityError)
    assert "several" in failure.getErrorMessage()
    for nobody in ("", "g", "zz", first.id + "0" * 17, "%"):
        assert failure_result_of(offline.identity_admin.show(ANN, nobody)).check(NoSuchIdentityError)


def test_labels(offline: Store) -> None:
    use(offline)
    record = success_result_of(offline.identity_admin.label(ANN, known(offline).id, "Ann's phone"))
    assert record.label == "Ann's phone"
    use(offline)
    assert known(offline).label == "Ann's phone"


@pytest.mark.requirement("C24")
def test_what_is_forgotten_is_gone_and_others_keep_theirs(offline: Store) -> None:
    use(offline)
    use(offline, LAPTOP)
    use(offline, account=BOB, place=AWAY)
    use(offline, device(1), **WRONG)
    forgotten = success_result_of(offline.identity_admin.forget(ANN, known(offline).id))
    assert forgotten.identities == 1
    assert success_result_of(offline.identities.find(ANN, PHONE)) is None
    assert [each.account for each in success_result_of(offline.identities.placesOf(PHONE, 0.0))] == [BOB]
    assert success_result_of(offline.identity_admin.forget(ANN, None)).identities == 1
    assert all_of(offline) == []
    assert success_result_of(offline.identities.churn(ANN, HOME, 0.0)).account == 0
    assert known(offline, BOB).count == 1


def test_what_was_exported_can_be_added_elsewhere(offline: Store) -> None:
    use(offline)
    success_result_of(offline.identity_admin.approve(ANN, known(offline).id))
    use(offline, LAPTOP, when=2.0)
    held = success_result_of(offline.identity_admin.held(ANN, None))
    assert [len(each.hash) for each in held] == [32, 32]
    assert [place.place for place in held[0].places] == [HOME]
    success_result_of(offline.identity_admin.forget(ANN, held[0].hash))
    use(offline, LAPTOP)
    assert success_result_of(offline.identity_admin.add(held)) == 1
    assert known(offline) == held[0].record
    assert known(offline, identity=LAPTOP).count == 2


def test_the_name_of_a_key_is_no_hash_of_an_identity() -> None:
    keys = IdentityKeys(b"n" * 32, b"o" * 32)
    assert len(set(keys.names)) == 2
    assert IdentityKeys(b"o" * 32).names == keys.names[1:]

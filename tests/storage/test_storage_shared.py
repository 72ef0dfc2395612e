"""What several processes know together: a directory that each of them has open."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from mailext.clientid.entries import LoginEntry
from mailext.service.revoked_elsewhere import RevokedElsewhere
from mailext.storage.app_passwords import Binding
from mailext.storage.errors import StoreError
from mailext.storage.identity_keys import KeyFileError
from mailext.storage.revocations import Revocations
from mailext.storage.shared_directory import REGISTRY_NAME
from mailext.storage.store import Store, open_store, open_store_offline
from mailext.values import (
    Circumstances,
    ClientIdentity,
    IdentityRecord,
    IdentityStatus,
    LoginOutcome,
    Place,
    Protocol,
)
from tests.support import ThreadCalls, logged, success_result_of

ANN, BEN = "ann@example.org", "ben@example.org"
PHONE, LAPTOP, TABLET = (ClientIdentity("UUID", name) for name in ("phone", "laptop", "tablet"))
HOME = Place("192.0.2.17", "192.0.2.0/24", "DE")
OpenStore = Callable[..., Store]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    return tmp_path / "shared"


@pytest.fixture
def open_one(tmp_path: Path, shared: Path) -> Iterator[OpenStore]:
    """Opens the store of a process by its name: one that shares, unless it is told otherwise."""
    opened: dict[str, Store] = {}

    def close(name: str) -> None:
        if name in opened:
            success_result_of(opened.pop(name).close())

    def open_named(name: str, directory: Path | None = shared) -> Store:
        close(name)
        opened[name] = open_store_offline(tmp_path / name, directory)
        return opened[name]

    yield open_named
    for name in list(opened):
        close(name)


def use(store: Store, identity: ClientIdentity, when: float = 1.0, account: str = ANN) -> None:
    success_result_of(store.identities.record(account, identity, when, Circumstances(place=HOME)))


def known(store: Store, identity: ClientIdentity, account: str = ANN) -> IdentityRecord:
    record = success_result_of(store.identities.find(account, identity))
    assert record is not None
    return record


def login(store: Store, identity: ClientIdentity, when: float) -> LoginEntry:
    return LoginEntry(
        when, ANN, True, LoginOutcome.SUCCESS, "", Protocol.ESMTP, "submission", "PLAIN", HOME,
        identity.type, store.identities.fingerprint(identity), authenticate=True, user_log=True,
    )  # fmt: skip


def keep_login(store: Store, identity: ClientIdentity, when: float) -> None:
    success_result_of(store.logins.take(login(store, identity, when)))


def test_what_one_learns_all_know(open_one: OpenStore) -> None:
    one, other = open_one("one"), open_one("other")
    use(one, PHONE)
    use(other, PHONE, 2.0)
    assert (known(one, PHONE).count, known(one, PHONE).first_seen) == (2, 1.0)
    success_result_of(other.identity_admin.revoke(ANN, known(other, PHONE).id, None))
    assert known(one, PHONE).status is IdentityStatus.REVOKED
    keep_login(one, PHONE, 3.0)
    assert len(success_result_of(other.logins.of_account(ANN, 10))) == 1
    success_result_of(one.licences.add(LAPTOP, account=None, label="", valid_from=0.0, valid_until=None))
    assert success_result_of(other.licences.find(LAPTOP)) is not None
    # A holder is told once of what either of them has seen.
    claims = [
        success_result_of(store.alerts.claim(ANN, known(one, PHONE).id, 4.0, proved=True, succeeded=False))
        for store in (one, other)
    ]
    assert claims == [True, False]
    assert success_result_of(one.identity_admin.forget(ANN, None)).logins == 1
    assert success_result_of(other.identity_admin.records(None, 10)) == []


def test_accounts_and_queue_stay_with_each(open_one: OpenStore, shared: Path) -> None:
    one, other = open_one("one"), open_one("other")
    success_result_of(one.accounts.add(ANN, "$argon2id$a hash"))
    assert success_result_of(other.accounts.addresses()) == []
    assert one.scram_secret == other.scram_secret
    assert b"argon2id" not in b"".join(path.read_bytes() for path in shared.iterdir())


def test_the_last_place_among_the_enrolled_is_given_once(open_one: OpenStore) -> None:
    one, other = open_one("one"), open_one("other")
    for store, identity in ((one, PHONE), (other, LAPTOP), (one, TABLET)):
        success_result_of(store.identities.enrol(ANN, identity, 1.0, 2))
    assert success_result_of(other.identities.trustedCount(ANN)) == 2
    assert success_result_of(other.identities.find(ANN, TABLET)) is None


# The directory


def test_it_is_private_and_its_keys_are_one(open_one: OpenStore, shared: Path, tmp_path: Path) -> None:
    one, other = open_one("one"), open_one("other")
    assert one.identities.fingerprint(PHONE) == other.identities.fingerprint(PHONE)
    assert shared.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in shared.iterdir()} == {0o600}
    assert not (tmp_path / "one" / "identity.key").exists()


def test_one_that_everybody_may_read_is_refused(open_one: OpenStore, shared: Path) -> None:
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(StoreError, match="everybody may read it"):
        open_one("one")
    shared.chmod(0o700)
    open_one("one")


def test_a_file_in_its_place_is_refused(open_one: OpenStore, shared: Path) -> None:
    shared.write_text("")
    with pytest.raises(StoreError, match="shared: not a directory"):
        open_one("one")


def test_the_state_directory_of_a_process_is_refused(open_one: OpenStore, tmp_path: Path) -> None:
    open_one("one", None)
    with pytest.raises(StoreError, match="one: a state directory"):
        open_one("other", tmp_path / "one")
    assert not (tmp_path / "one" / REGISTRY_NAME).exists()


def test_the_first_one_brings_its_keys_and_others_must_have_none_but_these(
    open_one: OpenStore, shared: Path, tmp_path: Path
) -> None:
    use(open_one("one", None), PHONE)
    use(open_one("other", None), LAPTOP)
    one = open_one("one")
    assert known(one, PHONE).count == 1
    with pytest.raises(KeyFileError, match=r"other/identity.key: not all of its keys are in .*shared"):
        open_one("other")
    # As that says.
    keys = shared / "identity.key"
    keys.write_text(keys.read_text() + (tmp_path / "other" / "identity.key").read_text())
    assert known(open_one("other"), LAPTOP).count == 1
    assert known(open_one("one"), LAPTOP).count == 1


def test_keys_that_nothing_is_known_under_do_not_matter(open_one: OpenStore) -> None:
    use(open_one("one", None), PHONE)
    open_one("other", None)
    open_one("one")
    assert known(open_one("other"), PHONE).count == 1


def test_a_key_of_its_own_does_not_matter_any_more(open_one: OpenStore, tmp_path: Path) -> None:
    use(open_one("one"), PHONE)
    open_one("other", None)
    other = open_one("other")
    device = Binding("ab" * 16)
    success_result_of(other.app_passwords.add(ANN, "phone", "a digest", device, 1.0))
    assert (tmp_path / "other" / "identity.key").exists()
    assert known(open_one("other"), PHONE).count == 1


@pytest.mark.requirement("C16")
@pytest.mark.parametrize("lost", [REGISTRY_NAME, "identity.key"])
def test_who_has_shared_does_not_begin_with_nothing(
    open_one: OpenStore, shared: Path, tmp_path: Path, lost: str
) -> None:
    one = open_one("one")
    use(one, PHONE)
    success_result_of(one.identity_admin.revoke(ANN, known(one, PHONE).id, None))
    open_one("one", None)
    (shared / lost).rename(tmp_path / lost)
    with pytest.raises(StoreError, match=f"shared: {lost} is missing.*or remove .*one/shares to begin anew"):
        open_one("one")
    assert not (shared / lost).exists()
    (tmp_path / lost).rename(shared / lost)
    assert known(open_one("one"), PHONE).status is IdentityStatus.REVOKED
    # As that says.
    open_one("one", None)
    (shared / lost).unlink()
    (tmp_path / "one" / "shares").unlink()
    assert success_result_of(open_one("one").identities.find(ANN, PHONE)) is None


def test_who_shares_no_longer_may_do_so_again(tmp_path: Path, shared: Path, reactor: ThreadCalls) -> None:
    for directory in (shared, None):
        store = open_store(tmp_path / "one", reactor, directory)
        reactor.wait_for(store.close())
    again = open_store_offline(tmp_path / "one", tmp_path / "another")
    assert success_result_of(again.identity_admin.records(None, 1)) == []
    success_result_of(again.close())


def test_processes_that_start_together_make_one_directory(tmp_path: Path, shared: Path) -> None:
    program = """
import sys
from pathlib import Path
from mailext.storage.shared_counters import open_shared_counters_offline
from mailext.storage.shared_directory import counters_of
from mailext.storage.store import open_store_offline
from mailext.values import ClientIdentity
from twisted.internet.task import Clock
while not Path(sys.argv[3]).exists():
    pass
open_shared_counters_offline(counters_of(Path(sys.argv[2]).parent), Clock()).close()
store = open_store_offline(Path(sys.argv[1]), Path(sys.argv[2]))
print(store.identities.fingerprint(ClientIdentity("UUID", "phone")))
store.identities.record("ann@example.org", ClientIdentity("UUID", "phone"), 1.0)
store.close()
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / name), str(shared), str(tmp_path / "go")],
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two", "three")
    ]
    (tmp_path / "go").touch()
    said = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(set(said)) == 1
    with closing(sqlite3.connect(shared / REGISTRY_NAME)) as connection:
        assert connection.execute("SELECT count FROM identity").fetchall() == [(3,)]


# What a process has known before goes over


def test_nothing_is_lost_by_whoever_begins_to_share(open_one: OpenStore) -> None:
    alone = open_one("one", None)
    use(alone, PHONE)
    success_result_of(alone.identity_admin.label(ANN, known(alone, PHONE).id, "the phone"))
    keep_login(alone, PHONE, 1.0)
    success_result_of(
        alone.licences.add(LAPTOP, account=ANN, label="seat 1", valid_from=0.0, valid_until=9.0)
    )
    guess = Circumstances(LoginOutcome.BAD_CREDENTIALS, place=HOME, proved=False)
    success_result_of(alone.identities.record(ANN, TABLET, 2.0, guess))
    before = success_result_of(alone.identity_admin.held(ANN, None))
    (licence,) = success_result_of(alone.licences.licences())

    one = open_one("one")
    assert success_result_of(one.identity_admin.held(ANN, None)) == before
    assert success_result_of(one.licences.licences()) == [licence]
    assert success_result_of(one.identities.churn(ANN, HOME, 0.0)).account == 1
    assert [each.time for each in success_result_of(one.logins.of_account(ANN, 9))] == [1.0]
    # What is forgotten does not come back with the next start.
    success_result_of(one.identity_admin.forget(ANN, None))
    assert success_result_of(open_one("one").identity_admin.held(ANN, None)) == []
    assert success_result_of(open_one("one", None).identity_admin.held(ANN, None)) == []


@pytest.mark.requirement("C16")
def test_of_two_decisions_the_stricter_one_holds(open_one: OpenStore, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir(mode=0o700)
        key = tmp_path / name / "identity.key"
        key.write_text("ab" * 32)
        key.chmod(0o600)
    one, other = open_one("one", None), open_one("other", None)
    for store, when in ((one, 5.0), (other, 3.0)):
        for identity in (PHONE, LAPTOP, TABLET):
            use(store, identity, when)
            success_result_of(
                store.licences.add(identity, account=None, label="", valid_from=0.0, valid_until=None)
            )
    phone, laptop, tablet = (known(one, each).id for each in (PHONE, LAPTOP, TABLET))
    success_result_of(one.identity_admin.revoke(ANN, phone, None))
    success_result_of(other.identity_admin.approve(ANN, phone))
    success_result_of(one.identity_admin.approve(ANN, laptop))
    success_result_of(other.identity_admin.revoke(ANN, laptop, None))
    success_result_of(other.identity_admin.revoke(ANN, tablet, 100.0))
    success_result_of(other.licences.revoke(laptop))
    success_result_of(one.licences.used(PHONE, 7.0))

    open_one("one")
    joined = open_one("other")
    assert [known(joined, each).status for each in (PHONE, LAPTOP)] == [IdentityStatus.REVOKED] * 2
    assert known(joined, TABLET).is_revoked(99.0)
    assert [known(joined, PHONE).count, known(joined, PHONE).first_seen] == [2, 3.0]
    assert known(joined, PHONE).last_seen == 5.0
    licences = {each.id: each for each in success_result_of(joined.licences.licences())}
    assert [licences[each].revoked for each in (phone, laptop)] == [False, True]
    assert licences[phone].last_used == 7.0


def join_under_two_keys(open_one: OpenStore, shared: Path, tmp_path: Path) -> Store:
    """Both begin to share, each with a key of its own; the one that is opened last."""
    open_one("other", None)
    open_one("one")
    with (shared / "identity.key").open("a") as keys:
        keys.write((tmp_path / "other" / "identity.key").read_text())
    return open_one("other")


@pytest.mark.requirement("C16")
def test_a_device_that_each_knew_under_its_own_key_is_one(
    open_one: OpenStore, shared: Path, tmp_path: Path
) -> None:
    one, other = open_one("one", None), open_one("other", None)
    use(one, PHONE, 5.0)
    for when in (3.0, 4.0):
        use(other, PHONE, when)
        keep_login(other, PHONE, when)
    success_result_of(one.identity_admin.approve(ANN, known(one, PHONE).id))
    success_result_of(other.identity_admin.revoke(ANN, known(other, PHONE).id, None))
    success_result_of(other.identity_admin.label(ANN, known(other, PHONE).id, "the phone"))
    use(other, LAPTOP)

    joined = join_under_two_keys(open_one, shared, tmp_path)
    found = known(joined, PHONE)
    assert (found.status, found.label, found.count) == (IdentityStatus.REVOKED, "the phone", 3)
    assert (found.first_seen, found.last_seen) == (3.0, 5.0)
    refusal = Circumstances(LoginOutcome.REFUSED, place=HOME, proved=True)
    success_result_of(joined.identities.record(ANN, PHONE, 6.0, refusal))
    (device,) = [
        each for each in success_result_of(joined.identity_admin.held(ANN, None)) if each.record.count == 3
    ]
    assert device.record == known(joined, PHONE) == replace(found, last_seen=6.0, refusals=1)
    assert [place.count for place in device.places] == [3]
    assert len(success_result_of(joined.logins.of_identity(ANN, found.id, 9))) == 2
    success_result_of(joined.identity_admin.approve(ANN, found.id))
    use(joined, PHONE, 7.0)
    assert known(joined, PHONE).status is IdentityStatus.APPROVED


@pytest.mark.requirement("U4", "C16")
def test_a_licence_that_each_set_up_under_its_own_key_is_one(
    open_one: OpenStore, shared: Path, tmp_path: Path
) -> None:
    for name, valid_from, valid_until in (("one", 2.0, None), ("other", 1.0, 90.0)):
        store = open_one(name, None)
        made = success_result_of(
            store.licences.add(LAPTOP, account=None, label="", valid_from=valid_from, valid_until=valid_until)
        )
    success_result_of(store.licences.revoke(made.id))

    joined = join_under_two_keys(open_one, shared, tmp_path)
    found = success_result_of(joined.licences.find(LAPTOP))
    assert found is not None
    assert (found.revoked, found.valid_from, found.valid_until) == (True, 2.0, 90.0)
    success_result_of(joined.licences.used(LAPTOP, 3.0))
    assert success_result_of(joined.licences.licences()) == [replace(found, last_used=3.0)]


def test_holders_are_sent_what_they_were_not_sent_yet(
    open_one: OpenStore, shared: Path, tmp_path: Path
) -> None:
    """Logins have other numbers in the registry that is shared."""
    for name, sent in (("one", 1), ("other", 3)):
        alone = open_one(name, None)
        for when in range(4):
            keep_login(alone, PHONE, float(when))
        success_result_of(alone.digest_mark.set(sent))
    other = join_under_two_keys(open_one, shared, tmp_path)
    for store, unsent in ((other, [3.0]), (open_one("one"), [1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0])):
        mark = success_result_of(store.digest_mark.get())
        assert mark is not None
        assert [entry.time for _, entry in success_result_of(store.logins.page(mark, 9))] == unsent


def test_an_export_is_taken_up_by_those_who_share(open_one: OpenStore) -> None:
    """For whoever did not let a process take its registry along."""
    alone = open_one("one", None)
    use(alone, PHONE)
    held = success_result_of(alone.identity_admin.held(ANN, None))
    open_one("one")
    other = open_one("other")
    success_result_of(other.identity_admin.forget(ANN, None))
    assert success_result_of(other.identity_admin.add(held)) == 1
    assert known(open_one("one"), PHONE).count == 1


def test_a_backup_that_was_made_meanwhile_knows_what_was_known(
    open_one: OpenStore, shared: Path, tmp_path: Path
) -> None:
    """By the commands of docs/howto/backup.rst."""
    one = open_one("one")
    use(one, PHONE)
    success_result_of(one.identity_admin.approve(ANN, known(one, PHONE).id))
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    with (
        closing(sqlite3.connect(shared / REGISTRY_NAME)) as running,
        closing(sqlite3.connect(copy / REGISTRY_NAME)) as backup,
    ):
        running.backup(backup)
    shutil.copy2(shared / "identity.key", copy)
    use(one, LAPTOP)
    restored = open_one("one", copy)
    assert known(restored, PHONE).status is IdentityStatus.APPROVED
    assert success_result_of(restored.identities.find(ANN, LAPTOP)) is None


# Revocations


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.requirement("C16")
def test_sessions_end_where_another_process_has_revoked(open_one: OpenStore, clock: Clock) -> None:
    one, other = open_one("one"), open_one("other")
    for account in (ANN, BEN):
        use(one, PHONE, account=account)
    success_result_of(other.identity_admin.revoke(ANN, known(one, PHONE).id, None))
    ended: list[str] = []
    watch = RevokedElsewhere(one.revocations, clock, ended.append)
    watch.start()
    clock.advance(10)
    # Its own it knows of, and what was before the start has no session.
    success_result_of(one.identity_admin.revoke(ANN, known(one, PHONE).id, None))
    clock.advance(2)
    assert ended == []
    success_result_of(other.identity_admin.revoke(BEN, known(one, PHONE).id, 60.0))
    clock.advance(2)
    assert ended == [BEN]
    clock.advance(10)
    assert ended == [BEN]
    watch.stop()
    assert not clock.getDelayedCalls()
    watch.stop()


def test_a_look_that_fails_is_followed_by_another(
    open_one: OpenStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = open_one("one"), open_one("other")
    use(one, PHONE)
    ended: list[str] = []
    watch = RevokedElsewhere(one.revocations, clock, ended.append)
    watch.start()
    with monkeypatch.context() as broken, logged() as events:
        broken.setattr(Revocations, "since", lambda *_: fail(OSError("the disk is gone")))
        success_result_of(other.identity_admin.revoke(ANN, known(one, PHONE).id, None))
        clock.advance(2)
    assert any("revoked" in event["log_format"] for event in events if event["log_format"])
    clock.advance(2)
    assert ended == [ANN]
    watch.stop()


# Who waits for whom


def test_a_slow_writer_delays_what_is_recorded_and_loses_nothing(
    tmp_path: Path, shared: Path, reactor: ThreadCalls
) -> None:
    store = open_store(tmp_path / "one", reactor, shared)
    reactor.wait_for(store.identities.record(ANN, PHONE, 1.0))
    with closing(
        sqlite3.connect(shared / REGISTRY_NAME, isolation_level=None, check_same_thread=False)
    ) as slow:
        slow.execute("BEGIN IMMEDIATE")
        recorded: Deferred[object] = store.identities.record(ANN, LAPTOP, 2.0)
        # Whoever asks is answered meanwhile, and the state directory is not barred.
        assert reactor.wait_for(store.identities.find(ANN, PHONE)) is not None
        reactor.wait_for(store.accounts.add(BEN, "$argon2id$a hash"))
        assert not recorded.called
        threading.Timer(0.3, slow.execute, ["COMMIT"]).start()
        reactor.wait_for(recorded)
    assert reactor.wait_for(store.identities.find(ANN, LAPTOP)) is not None
    reactor.wait_for(store.close())


def test_many_first_logins_at_once_make_one_identity(
    tmp_path: Path, shared: Path, reactor: ThreadCalls
) -> None:
    stores = [open_store(tmp_path / name, reactor, shared) for name in ("one", "other")]
    began = time.monotonic()
    recorded = [store.identities.record(ANN, PHONE, 1.0) for _ in range(100) for store in stores]
    for each in recorded:
        reactor.wait_for(each)
    assert time.monotonic() - began < 10
    (record,) = reactor.wait_for(stores[0].identity_admin.records(ANN, 10))
    assert record.count == 200
    for store in stores:
        reactor.wait_for(store.close())

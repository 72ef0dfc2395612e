"""A state directory: its modes, its one owner, and what a dead owner left."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from mailext.storage.errors import StoreClosedError, StoreError, StoreInUseError
from mailext.storage.store import Store, open_store, open_store_offline
from tests.queue_samples import ANN, CONTENT, entry_of, envelope_to, large_content, written
from tests.support import ThreadCalls, failure_result_of, success_result_of


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_stored_is_for_its_owner_alone(store: Store, state: Path, reactor: ThreadCalls) -> None:
    old = os.umask(0)
    try:
        chunks = tuple(large_content(100_000))
        entry = entry_of("m1", envelope_to(ANN), size=sum(map(len, chunks)))
        reactor.wait_for(store.queue.add(entry, written(store.queue, *chunks)))
        reactor.wait_for(store.accounts.add("ann@example.org", "hash"))
    finally:
        os.umask(old)
    paths = [state, *state.rglob("*")]
    assert {mode_of(path) for path in paths if path.is_dir()} == {0o700}
    assert {mode_of(path) for path in paths if path.is_file()} == {0o600}
    assert {path.name for path in paths} > {"mailext.sqlite", "mailext.sqlite-wal", "identity.key", "m1"}


HOLD = """
import sys
from pathlib import Path
from mailext.storage.store import open_store_offline
store = open_store_offline(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_owns_the_directory(state: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreInUseError, match=rf"{state} is in use by process {holder.pid}$"):
            open_store_offline(state)
        holder.kill()
        holder.wait()
    # A lock ends with its process.
    success_result_of(open_store_offline(state).close())


def test_a_closed_store_finishes_what_was_asked_and_takes_nothing_more(
    state: Path, reactor: ThreadCalls
) -> None:
    store = open_store(state, reactor)
    asked = [
        store.queue.add(entry_of(f"m{number}", envelope_to(ANN)), written(store.queue, CONTENT))
        for number in range(500)
    ]
    closed = store.close()
    late = store.queue.add(entry_of("late", envelope_to(ANN)), written(store.queue, CONTENT))
    assert failure_result_of(late).check(StoreClosedError)
    assert failure_result_of(store.queue_admin.entries()).check(StoreClosedError)
    reactor.wait_for(closed)
    assert all(deferred.called for deferred in asked)
    offline = open_store_offline(state)
    assert len(success_result_of(offline.queue_admin.entries())) == 500
    success_result_of(offline.close())


def test_leases_of_a_dead_owner_are_given_back(state: Path, reactor: ThreadCalls) -> None:
    offline = open_store_offline(state)
    success_result_of(offline.queue.add(entry_of("m1", envelope_to(ANN)), written(offline.queue, CONTENT)))
    assert len(success_result_of(offline.queue.claimDue(2000.0, 9000.0, 10))) == 1
    assert success_result_of(offline.queue.claimDue(2000.0, 9000.0, 10)) == []
    assert success_result_of(offline.queue.nextDue()) == 9000.0
    success_result_of(offline.close())

    store = open_store(state, reactor)
    assert len(reactor.wait_for(store.queue.claimDue(2000.0, 9000.0, 10))) == 1
    reactor.wait_for(store.close())


def test_contents_that_no_message_names_are_removed_at_the_start(state: Path, reactor: ThreadCalls) -> None:
    offline = open_store_offline(state)
    chunks = tuple(large_content(100_000))
    entry = entry_of("kept", envelope_to(ANN), size=sum(map(len, chunks)))
    success_result_of(offline.queue.add(entry, written(offline.queue, *chunks)))
    success_result_of(offline.close())
    (state / "content" / "ed").mkdir()
    for orphan in ("content/tmp/abc", "content/ed/orphaned", "content/pt/notkept"):
        (state / orphan).write_bytes(b"left over")

    store = open_store(state, reactor)
    files = [path.name for path in (state / "content").rglob("*") if path.is_file()]
    assert files == ["kept"]
    assert b"".join(reactor.wait_for(store.queue.readContent(entry))) == b"".join(chunks)
    reactor.wait_for(store.close())


def test_a_content_that_cannot_be_synchronised_is_not_added_offline(
    offline: Store, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    content = written(offline.queue, *large_content(100_000))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        failure = failure_result_of(offline.queue.add(entry_of("m1", envelope_to(ANN)), content))
    assert failure.check(OSError)
    assert success_result_of(offline.queue_admin.entries()) == []
    assert not [path for path in (state / "content").rglob("*") if path.is_file()]


def test_a_large_content_is_synchronised_before_its_folder(
    offline: Store, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[Path] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synchronised.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    content = written(offline.queue, *large_content(100_000))
    monkeypatch.setattr(os, "fsync", watched)
    success_result_of(offline.queue.add(entry_of("m1", envelope_to(ANN)), content))
    folder = state.resolve() / "content"
    file, *folders = synchronised
    assert file.parent == folder / "tmp"
    assert folders == [folder, folder / "m1"]


def test_a_discarded_content_takes_no_more(offline: Store) -> None:
    content = offline.queue.openContent()
    content.discard()
    with pytest.raises(OSError, match="discarded"):
        content.write(b"more")


def test_a_content_that_the_disk_refuses_leaves_no_file(
    offline: Store, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(file: FileIO, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    content = offline.queue.openContent()
    content.write(b"small as yet")
    monkeypatch.setattr("mailext.storage.content.FileIO", type("FullDisk", (FileIO,), {"write": write}))
    with pytest.raises(OSError, match="No space left"):
        content.write(bytes(100_000))
    assert not [path for path in (state / "content").rglob("*") if path.is_file()]


@pytest.mark.parametrize("octets", [b"not a database" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_database_that_is_none_is_refused_with_its_name(state: Path, octets: bytes) -> None:
    state.mkdir()
    (state / "mailext.sqlite").write_bytes(octets)
    with pytest.raises(StoreError, match=rf"{state}/mailext\.sqlite: "):
        open_store_offline(state)
    (state / "mailext.sqlite").unlink()
    success_result_of(open_store_offline(state).close())


def test_errors_name_no_values(offline: Store) -> None:
    entry = entry_of("m1", envelope_to(ANN))
    success_result_of(offline.queue.add(entry, written(offline.queue, CONTENT)))
    failure = failure_result_of(offline.queue.add(entry, written(offline.queue, CONTENT)))
    assert ANN.domain not in str(failure.value)
    assert "Subject" not in str(failure.value)

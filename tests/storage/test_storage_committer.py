"""Group commit, and every fault that it has to survive."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import IntegrityError, OperationalError
from twisted.internet.defer import Deferred

from mailext.storage.committer import Committer
from mailext.storage.content import ContentFolder
from mailext.storage.engine import Database, open_database
from mailext.storage.errors import StoreBusyError
from mailext.storage.message_rows import load_entries
from mailext.storage.queue import SqlQueueStore
from mailext.storage.schema import account, message
from mailext.values import QueueEntry, RecipientState, Settlement
from tests.queue_samples import ANN, CONTENT, entry_of, envelope_to, large_content, written
from tests.support import ThreadCalls, failure_result_of, logged

LARGE = tuple(large_content(100_000))


class Reactor(ThreadCalls):
    """Counts what its threads bring."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def callFromThread(self, callable: Any, *args: object, **kwargs: object) -> None:  # noqa: A002
        self.count += 1
        super().callFromThread(callable, *args, **kwargs)


class Site:
    """A committer on a database of its own, whose batches the test puts together."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database: Database = open_database(directory)
        self.reactor = Reactor()
        self.committer = Committer(self.database.writer, self.reactor, limit=50)
        # Only what changes something is asked of it here.
        self.queue = SqlQueueStore(self.committer, ContentFolder(directory))  # type: ignore[arg-type]
        self.gate = threading.Event()

    def shut_gate(self) -> None:
        """Keep the writer busy, so that what is asked meanwhile becomes one batch."""
        self.gate.clear()
        entered = threading.Event()

        def wait(_: Connection) -> None:
            entered.set()
            self.gate.wait(30)

        self.committer.write(wait)
        assert entered.wait(30)

    def add(self, queue_id: str, *chunks: bytes) -> Deferred[None]:
        chunks = chunks or (CONTENT,)
        entry = entry_of(queue_id, envelope_to(ANN), size=sum(map(len, chunks)))
        return self.queue.add(entry, written(self.queue, *chunks))

    def stored(self) -> list[str]:
        with self.database.reader.connect() as connection:
            found: list[QueueEntry] = load_entries(connection, select(message))
        return [entry.id for entry in found]

    def files(self) -> list[str]:
        return [path.name for path in (self.directory / "content").rglob("*") if path.is_file()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.gate.set()
    site.reactor.wait_for(site.committer.close())
    site.database.dispose()


def fault() -> OperationalError:
    return OperationalError("COMMIT", {}, OSError("disk I/O error"))


class FailingCommits:
    """Makes commits fail, as often as asked."""

    def __init__(self, site: Site) -> None:
        self.left = 0
        self.connections = 0
        event.listen(site.database.writer, "commit", self._commit)
        event.listen(site.database.writer, "connect", self._connect)

    def _commit(self, _: Connection) -> None:
        if self.left:
            self.left -= 1
            raise fault()

    def _connect(self, *_: object) -> None:
        self.connections += 1


def test_what_comes_together_is_one_transaction_and_one_call(site: Site) -> None:
    commits: list[object] = []
    event.listen(site.database.writer, "commit", commits.append)
    site.shut_gate()
    asked = [site.add(f"m{number}") for number in range(30)]
    site.gate.set()
    for deferred in asked:
        site.reactor.wait_for(deferred)
    assert len(site.stored()) == 30
    assert len(commits) == 1
    # One call for the gate, one for the thirty.
    assert site.reactor.count == 2


def test_a_change_that_cannot_be_made_spoils_no_other(site: Site) -> None:
    site.reactor.wait_for(site.add("taken"))
    site.shut_gate()

    def half_done(connection: Connection) -> None:
        connection.execute(account.insert().values(address="half", password_hash="x"))
        raise LookupError("then it fails")

    asked = [
        site.add("m1"),
        site.add("taken", *LARGE),
        site.committer.write(half_done),
        site.add("m2", *LARGE),
    ]
    site.gate.set()
    site.reactor.wait_for(asked[0])
    with pytest.raises(IntegrityError):
        site.reactor.wait_for(asked[1])
    with pytest.raises(LookupError):
        site.reactor.wait_for(asked[2])
    site.reactor.wait_for(asked[3])
    assert sorted(site.stored()) == ["m1", "m2", "taken"]
    assert site.files() == ["m2"]
    with site.database.reader.connect() as connection:
        assert connection.execute(account.select()).all() == []


def test_a_failed_commit_is_everyones_failure_and_is_not_tried_again(site: Site) -> None:
    failing = FailingCommits(site)
    site.shut_gate()
    asked = [site.add("m1"), site.add("m2", *LARGE)]
    failing.left = 1
    site.gate.set()
    for deferred in asked:
        with pytest.raises(OperationalError):
            site.reactor.wait_for(deferred)
    assert failing.left == 0
    assert site.stored() == []
    # Until the journal is written over, the file has to stay: the transaction
    # could still turn up after a crash.
    assert site.files() == ["m2"]
    site.reactor.wait_for(site.add("m3"))
    assert site.stored() == ["m3"]
    assert site.files() == []
    assert failing.connections == 1


def test_a_failed_rollback_does_not_end_the_writer(site: Site) -> None:
    site.reactor.wait_for(site.add("taken"))

    def rollback(_: Connection) -> None:
        raise fault()

    event.listen(site.database.writer, "rollback", rollback)
    with pytest.raises(OperationalError):
        site.reactor.wait_for(site.add("taken"))
    event.remove(site.database.writer, "rollback", rollback)
    site.reactor.wait_for(site.add("m1"))
    assert sorted(site.stored()) == ["m1", "taken"]


def test_a_full_disk_refuses_the_batch_and_service_resumes(site: Site) -> None:
    pages = [0]

    def shrink(connection: Any, _: object) -> None:
        if pages[0]:
            connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    event.listen(site.database.writer, "connect", shrink)
    failing = FailingCommits(site)
    failing.left = 1
    with pytest.raises(OperationalError):
        site.reactor.wait_for(site.add("m0"))
    pages[0] = 1  # SQLite makes that the size that the file has.
    body = b"x" * 60_000
    with pytest.raises(OperationalError, match="full"):
        site.reactor.wait_for(site.add("m1", body))
    pages[0] = 0
    site.reactor.wait_for(site.add("m2", body))
    assert site.stored() == ["m2"]


def test_a_content_that_cannot_be_synchronised_is_its_own_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.shut_gate()
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(5, "Input/output error")

    asked = [site.add("m1"), site.add("m2", *LARGE)]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        site.gate.set()
        with pytest.raises(OSError, match="Input/output error"):
            site.reactor.wait_for(asked[1])
    site.reactor.wait_for(asked[0])
    assert len(calls) == 1
    assert site.stored() == ["m1"]
    assert site.files() == []


def test_a_name_that_cannot_be_synchronised_is_taken_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")

    (site.directory / "content" / "m1").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        asked = site.add("m1", *LARGE)
        with pytest.raises(OSError, match="Input/output error"):
            site.reactor.wait_for(asked)
    assert site.files() == []
    site.reactor.wait_for(site.add("m1", *LARGE))
    assert site.files() == ["m1"]


def test_a_database_that_cannot_be_opened_is_tried_again_for_the_next_batch(site: Site) -> None:
    failing = FailingCommits(site)
    failing.left = 1
    with pytest.raises(OperationalError):
        site.reactor.wait_for(site.add("m1"))

    def no_descriptors(*_: object) -> None:
        raise OSError(24, "Too many open files")

    event.listen(site.database.writer, "do_connect", no_descriptors)
    with pytest.raises(OSError, match="Too many open files"):
        site.reactor.wait_for(site.add("m2", *LARGE))
    event.remove(site.database.writer, "do_connect", no_descriptors)
    site.reactor.wait_for(site.add("m3"))
    assert site.stored() == ["m3"]
    assert site.files() == []


def test_more_than_it_can_take_is_refused_at_once(site: Site) -> None:
    site.shut_gate()
    asked = [site.add(f"m{number}") for number in range(49)]
    assert failure_result_of(site.add("too much")).check(StoreBusyError)
    site.gate.set()
    for deferred in asked:
        site.reactor.wait_for(deferred)
    site.reactor.wait_for(site.add("again"))
    assert len(site.stored()) == 50


def test_operations_answer_with_what_they_returned(site: Site) -> None:
    assert site.reactor.wait_for(site.committer.write(lambda _: "answer")) == "answer"


def test_a_database_that_fails_while_a_batch_is_executed_singly_ends_the_batch(site: Site) -> None:
    site.reactor.wait_for(site.add("taken"))
    site.shut_gate()

    def trouble(connection: Connection) -> None:
        if connection.in_nested_transaction():
            raise fault()

    asked = [site.add("m1"), site.add("taken"), site.committer.write(trouble), site.add("m2", *LARGE)]
    site.gate.set()
    for deferred in asked:
        with pytest.raises((OperationalError, IntegrityError)):
            site.reactor.wait_for(deferred)
    assert site.stored() == ["taken"]
    assert site.files() == []


def test_a_file_that_cannot_be_removed_changes_no_result(site: Site) -> None:
    site.reactor.wait_for(site.add("m1", *LARGE))
    entry = entry_of("m1", envelope_to(ANN))
    path = site.directory / "content" / "m1" / "m1"
    path.unlink()
    path.mkdir()
    done = tuple(replace(queued, state=RecipientState.DELIVERED) for queued in entry.recipients)
    with logged() as events:
        site.reactor.wait_for(site.queue.settle(Settlement("m1", done, 0.0)))
    assert ["log_failure" in event for event in events] == [True]
    assert site.stored() == []

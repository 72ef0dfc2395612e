"""kill -9 while messages are added: what was acknowledged is there, whole."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mailext.storage.store import open_store
from tests.support import ThreadCalls

ROOT = Path(__file__).parents[2]

ADD_FOR_EVER = """
import sys
from itertools import count
from pathlib import Path
from mailext.storage.store import open_store
from tests.queue_samples import ANN, entry_of, envelope_to, written
from tests.storage.test_storage_kill import content_of
from tests.support import ThreadCalls

reactor = ThreadCalls()
store = open_store(Path(sys.argv[1]), reactor)

def add(queue_id):
    chunks = content_of(queue_id)
    entry = entry_of(queue_id, envelope_to(ANN), size=sum(map(len, chunks)))
    added = store.queue.add(entry, written(store.queue, *chunks))
    return added.addCallback(lambda _: print(queue_id, flush=True))

for batch in count():
    asked = [add(f"{sys.argv[2]}{batch:06d}{number}") for number in range(8)]
    for each in asked:
        reactor.wait_for(each)
"""


def content_of(queue_id: str) -> list[bytes]:
    """Every eighth content is a large one."""
    lines = 8000 if queue_id.endswith("7") else 20
    return [b"Subject: %b\r\n\r\n" % queue_id.encode(), *[queue_id.encode() + b"\r\n"] * lines]


@pytest.mark.parametrize("rounds", [15])
def test_nothing_acknowledged_is_lost(tmp_path: Path, rounds: int) -> None:
    moments = random.Random(20)
    acknowledged: list[str] = []
    for number in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", ADD_FOR_EVER, str(tmp_path / "state"), f"{number:03d}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as adding:
            assert adding.stdout is not None
            first = adding.stdout.readline()
            assert first, "the child could not add anything"
            killer = threading.Timer(moments.uniform(0.0, 0.1), adding.kill)
            killer.start()
            acknowledged += [first.strip(), *(line.strip() for line in adding.stdout if line.endswith("\n"))]
            adding.wait()
            killer.join()

    reactor = ThreadCalls()
    store = open_store(tmp_path / "state", reactor)
    entries = {entry.id: entry for entry in reactor.wait_for(store.queue_admin.entries())}
    assert len(acknowledged) > rounds
    assert set(acknowledged) <= set(entries)
    # What was not acknowledged is there as a whole or not at all.
    for entry in entries.values():
        content = b"".join(reactor.wait_for(store.queue.readContent(entry)))
        assert content == b"".join(content_of(entry.id))
        assert entry.size == len(content)
    named = {path.name for path in (tmp_path / "state" / "content").rglob("*") if path.is_file()}
    assert named == {entry.id for entry in entries.values() if entry.size > 65536}
    reactor.wait_for(store.close())

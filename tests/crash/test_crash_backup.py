"""A backup that is made while the server works, by the commands of docs/howto/backup.rst, and restored."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.black_box import ADDRESS, RunningServer, eventually, free_ports
from tests.numbered_sender import NumberedSender

_LARGE = "Subject: large\r\n\r\n" + "0123456789abcde\r\n" * 6000


def queue_ids(server: RunningServer) -> set[str]:
    return {entry["id"] for entry in json.loads(server.run("queue", "list", "--json").stdout)}


def test_a_backup_while_it_works(tmp_path: Path) -> None:
    server = RunningServer.initialised(tmp_path / "site")
    [nobody] = free_ports(1)
    server.reconfigure(
        lambda text: text + f'\n[relay.destinations."example.net"]\nnext-hop = "127.0.0.1:{nobody}"\n'
    )
    server.start()
    with server.logged_in() as client:
        for message in ("Subject: small\r\n\r\nbody\r\n", _LARGE):
            client.sendmail(ADDRESS, ["carol@example.net"], message)
    eventually(lambda: len(queue_ids(server)) == 2, "two messages that wait")
    waiting = queue_ids(server)
    sender = NumberedSender(server.mx, itertools.count(), ADDRESS)
    sender.start()
    eventually(lambda: len(sender.acknowledged) > 20, "mail that flows")

    backup = tmp_path / "backup"
    state = server.folder / "state"
    shutil.copytree(server.folder, backup, ignore=shutil.ignore_patterns("state", "server.log"))
    (backup / "state").mkdir(mode=0o700)
    # What comes later may be in neither copy.
    before = len(sender.acknowledged)
    with (
        closing(sqlite3.connect(state / "mailext.sqlite")) as running,
        closing(sqlite3.connect(backup / "state/mailext.sqlite")) as copy,
    ):
        running.backup(copy)
    # Files come and go meanwhile: what is gone is no error, as with rsync.
    for source in state.rglob("*"):
        name = source.relative_to(server.folder)
        if source.is_file() and not source.name.startswith("mailext.sqlite") and "tmp" not in name.parts:
            target = backup / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(source, target)
    server.kill()
    sender.join(30)
    assert len(sender.acknowledged) >= before

    server.folder = backup
    server.start()
    try:
        assert waiting <= queue_ids(server)
        for queue_id in waiting:
            shown = json.loads(server.run("queue", "show", queue_id, "--json").stdout)
            assert shown["headers"]
        # Accounts, keys and mailboxes are those of before.
        with server.logged_in() as client:
            client.sendmail(ADDRESS, [ADDRESS], "Subject: again\r\n\r\nbody\r\n")
        eventually(lambda: any(b"Subject: again" in each for each in server.messages()), "the new message")
        eventually(lambda: len(server.messages()) > before, "what was acknowledged before")
    finally:
        server.stop()

"""The identities that a program presents, in a file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from mailext.interfaces import IClientIdentitySource
from mailext.storage.client_identities import FileIdentitySource
from mailext.wire.client_commands import clientid_command


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "identities.json"


def test_one_for_each_account_and_server(path: Path) -> None:
    source = FileIdentitySource(path)
    verifyObject(IClientIdentitySource, source)
    tokens = {
        source.identityFor(account, server).token
        for account in ("ann", "bob")
        for server in ("a.example", "b.example")
    }
    assert len(tokens) == 4


def test_they_are_kept(path: Path) -> None:
    first = FileIdentitySource(path).identityFor("ann", "a.example")
    FileIdentitySource(path).identityFor("bob", "a.example")
    assert FileIdentitySource(path).identityFor("ann", "A.example") == first
    assert first.type == "UUID"
    assert clientid_command(first)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_such_file_is_not_overwritten(path: Path) -> None:
    for text in ("no json", "[]", '{"a": 1}', '{"a": {"b": 1}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"identities\.json: not a file of client identities"):
            FileIdentitySource(path).identityFor("ann", "a.example")
        assert path.read_text() == text


def test_at_the_same_time(path: Path) -> None:
    found: list[str] = []

    def ask() -> None:
        found.append(FileIdentitySource(path).identityFor("ann", "a.example").token)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1

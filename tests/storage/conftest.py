"""Stores in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailext.storage.store import Store, open_store, open_store_offline
from tests.support import ThreadCalls, success_result_of


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory that is still to be made."""
    return tmp_path / "state"


@pytest.fixture
def offline(state: Path) -> Iterator[Store]:
    """The store as a command opens it."""
    store = open_store_offline(state)
    yield store
    success_result_of(store.close())


@pytest.fixture
def reactor() -> ThreadCalls:
    """What the store's threads call."""
    return ThreadCalls()


@pytest.fixture
def store(state: Path, reactor: ThreadCalls) -> Iterator[Store]:
    """The store as a server opens it."""
    opened = open_store(state, reactor)
    yield opened
    reactor.wait_for(opened.close())

"""The real server, with listeners of IMAP and POP3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.dialogue import Site
from tests.access.reading import ReadingServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReadingServer]:
    """A server of its own, on free ports."""
    running = ReadingServer.prepared(tmp_path / "site")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Mailboxes, and listeners in memory."""
    return Site(tmp_path / "mail")

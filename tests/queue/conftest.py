"""A queue in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.queue_site import QueueSite


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[QueueSite]:
    """A queue with its manager, which is still to be started."""
    site = QueueSite(tmp_path)
    yield site
    site.close()

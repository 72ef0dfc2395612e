"""What other mail servers need to be tested with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _files_that_other_accounts_can_read() -> Iterator[None]:
    """Postfix and Exim read their configuration as accounts of their own."""
    before = os.umask(0o022)
    yield
    os.umask(before)

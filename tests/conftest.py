"""
What every test can rely on.

A test that needs a program which is not ours says so by
``@pytest.mark.interop("swaks")``. Where a program is missing, its tests are
left out and named in the summary; with ``MAILEXT_REQUIRE_INTEROP`` set, as in
``.ci/run``, that is an error instead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.black_box import RunningServer
from tests.programs import why_missing

# Keys and state that everybody may read are refused; tests make such files too.
os.umask(0o027)

_LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out: Counter[str] = Counter()
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        programs = [name for mark in item.iter_markers("interop") for name in mark.args]
        reasons = [reason for name in programs if (reason := why_missing(name))]
        left_out.update(reasons)
        (dropped if reasons else kept).append(item)
    config.stash[_LEFT_OUT] = left_out
    if left_out and os.environ.get("MAILEXT_REQUIRE_INTEROP"):
        raise pytest.UsageError("MAILEXT_REQUIRE_INTEROP is set, but " + "; ".join(sorted(left_out)))
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, count in sorted(config.stash.get(_LEFT_OUT, Counter()).items()):
        terminalreporter.write_line(f"left out: {count} interop tests: {reason}", yellow=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """The real server, set up by ``mailext init`` in a folder of its own, on free ports."""
    running = RunningServer.initialised(tmp_path / "site")
    running.start()
    yield running
    running.stop()

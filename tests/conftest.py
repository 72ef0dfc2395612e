"""
What every test can rely on.

A test that needs a program which is not ours says so by
``@pytest.mark.interop("swaks")``. Where a program is missing, its tests are
left out and named in the summary; with ``MAILEXT_REQUIRE_INTEROP`` set, as in
``.ci/run``, they fail instead.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.black_box import RunningServer
from tests.programs import why_missing

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# Keys and state that everybody may read are refused; tests make such files too.
os.umask(0o027)

_EVERY_PROGRAM_IS_REQUIRED = bool(os.environ.get("MAILEXT_REQUIRE_INTEROP"))
_LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = Counter()


def missing_for(item: pytest.Item) -> list[str]:
    """:return: why the programs that a test needs cannot be used."""
    programs = (name for mark in item.iter_markers("interop") for name in mark.args)
    return [reason for name in programs if (reason := why_missing(name))]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _EVERY_PROGRAM_IS_REQUIRED:
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        reasons = missing_for(item)
        config.stash[_LEFT_OUT].update(reasons)
        (dropped if reasons else kept).append(item)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left out"] = dict(config.stash[_LEFT_OUT])
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _EVERY_PROGRAM_IS_REQUIRED and (reasons := missing_for(item)):
        pytest.fail("MAILEXT_REQUIRE_INTEROP is set, but " + "; ".join(reasons), pytrace=False)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Of a parallel run (pytest-xdist), where each process finds the same tests."""
    node.config.stash[_LEFT_OUT] |= Counter(getattr(node, "workeroutput", {}).get("left out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, count in sorted(config.stash[_LEFT_OUT].items()):
        terminalreporter.write_line(f"left out: {count} interop tests: {reason}", yellow=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """The real server, set up by ``mailext init`` in a folder of its own, on free ports."""
    running = RunningServer.initialised(tmp_path / "site")
    running.start()
    yield running
    running.stop()

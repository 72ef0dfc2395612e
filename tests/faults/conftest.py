"""Faults of disks and clocks, switched on and off while the server runs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.black_box import RunningServer

_SOURCE = Path(__file__).with_name("faults.c")


@dataclass(frozen=True)
class Faults:
    """
    The faults of a server.

    :param folder: has a file for each that there is at the moment.
    """

    folder: Path

    @contextmanager
    def there_is(self, fault: str, text: str = "") -> Iterator[None]:
        """:param fault: ``sync``, ``hang``, ``readonly`` or ``clock``, whose text is seconds."""
        switch, prepared = self.folder / fault, self.folder / "prepared"
        prepared.write_text(text, "ascii")
        prepared.rename(switch)
        try:
            yield
        finally:
            switch.unlink()


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Hold for the servers that are started in the test."""
    folder, library = tmp_path / "faults", tmp_path / "faults.so"
    folder.mkdir()
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAULTS", str(folder))
    return Faults(folder)


@pytest.fixture
def failing(faults: Faults, tmp_path: Path) -> Iterator[RunningServer]:
    """A server that faults may befall."""
    assert faults.folder.is_dir()
    server = RunningServer.initialised(tmp_path / "site")
    server.reconfigure(lambda text: text + '\n[relay]\nretry = ["1s"]\n')
    server.start()
    yield server
    server.stop()

"""``mailext`` in this process, on a state directory that no server has open."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from mailext.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``mailext`` with the configuration of the test."""
    (tmp_path / "mailext.toml").write_text(
        'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
        '[listen]\nmx = ["tcp:2525"]\n[aliases]\n"all@example.org" = ["ann", "bob"]\n'
    )

    def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = main(["--config", str(tmp_path / "mailext.toml"), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def accounts(run: Run) -> None:
    """Ann and Bob have accounts."""
    for name in ("ann", "bob"):
        assert run("account", "add", name, "--password-stdin", stdin=b"secret\n")[0] == 0

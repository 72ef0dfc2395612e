"""Tests that need a program which is missing are left out and named, or fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.black_box import ROOT, environment


def run_without_swaks(**variables: str) -> subprocess.CompletedProcess[str]:
    nowhere = environment() | {"PATH": str(ROOT / "tests"), "MAILEXT_REQUIRE_INTEROP": ""} | variables
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "tests/interop/test_interop_swaks.py",
    ]
    return subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)


def test_they_are_left_out_and_named() -> None:
    run = run_without_swaks()
    assert run.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "left out: 7 interop tests: swaks is not installed" in run.stdout


def test_they_fail_where_every_program_is_required() -> None:
    run = run_without_swaks(MAILEXT_REQUIRE_INTEROP="1")
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "MAILEXT_REQUIRE_INTEROP is set, but swaks is not installed" in run.stdout

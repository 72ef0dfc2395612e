"""
Atheris, and the targets as it wants them: with counters in their code. It is
loaded by the command alone, for it must come before all that it looks into.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

import atheris

# Twisted is left as it is: what is looked for is in the code that stands on it.
# Atheris names every module.
with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["mailext", "scramp", "dns"]):
    from tests.fuzz.table import TARGETS

from tests.fuzz.target import Target

__all__ = ["TARGETS", "run"]


def run(name: str, options: Sequence[str], output: Path) -> int:
    """
    Run libFuzzer in a process of its own: it ends the one that it runs in.

    :param options: libFuzzer's.
    :param output: takes what it says; its folder takes temporary files, and
        ``crash-found``, what broke the target.
    :return: its status.
    """
    child = os.fork()
    if child == 0:
        try:
            _fuzz(name, options, output)
        except BaseException:  # noqa: BLE001 - what follows is the parent's to do
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _fuzz(name: str, options: Sequence[str], output: Path) -> None:
    with output.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # Nobody tidies up behind it but whoever made the folder.
    tempfile.tempdir = str(output.parent)
    atheris.Setup([name, *options], partial(_check, TARGETS[name], output.with_name("crash-found")))
    atheris.Fuzz()


def _check(target: Target, crash: Path, data: bytes) -> None:
    try:
        target.check(data)
    except BaseException:
        crash.write_bytes(data)
        raise

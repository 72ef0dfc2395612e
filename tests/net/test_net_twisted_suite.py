"""
Twisted's own tests of its ESMTP server, run against ours.

They take AUTH in clear for granted, so ``plaintextAuth`` is True. Each test
that does not pass asserts a flaw, or the exact wording of a reply, and is
named with the reason in docs/reasons/twisted-suite.rst: no more, no fewer.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_RUN = """
import sys
from twisted.mail import smtp
from mailext import ESMTP

class Ours(ESMTP):
    plaintextAuth = True

smtp.ESMTP = Ours  # before the test module is imported, which subclasses it
from twisted.scripts import trial

sys.argv = ["trial", "--reporter", "verbose", "--temp-directory", sys.argv[1], "twisted.mail.test.test_smtp"]
trial.run()
"""


def test_only_the_tests_named_in_the_documentation_fail(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "trial")],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    results = re.findall(r"(test\w+) \.\.\. +\[(\w+)\]", run.stdout)
    failed = {name for name, result in results if result != "OK"}
    page = (_ROOT / "docs/reasons/twisted-suite.rst").read_text(encoding="utf-8")
    documented = set(re.findall(r"``(test_\w+)``", page)) - {"test_smtp"}

    assert len(results) >= 60, run.stdout + run.stderr
    assert failed == documented

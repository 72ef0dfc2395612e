"""Real sockets and a real reactor, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.net.conftest import Pki

_ROOT = Path(__file__).parents[2]


def test_with_clients_of_the_standard_library(pki: Pki, tmp_path: Path) -> None:
    certificate, key = pki.issue("mx.example.org", stem="reactor")
    authority = tmp_path / "authority.pem"
    pki.authority.cert_pem.write_to_path(str(authority))
    run = subprocess.run(
        [sys.executable, "-m", "tests.net.real_sockets", certificate, key, authority, tmp_path],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.startswith("{"), run.stdout + run.stderr
    assert json.loads(run.stdout) == {
        "login": 235,
        "refused": {},
        "pipelined": ["220", "250", "250", "250", "250", "354", "250", "221"],
        "injected": "421 4.7.0",
        "sizes": [50_003, 4, 4, 4],
        "ends": ["complete"],
        "tls": ["TLSv1.3", "TLSv1.3", None],
        "avatars": ["ann", None, None],
        "left": 0,
    }
    assert run.stderr == ""

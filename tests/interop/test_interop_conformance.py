"""The command that examines a server: ours keeps every rule, Postfix its own, and what is broken is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, ROOT, RunningServer, answers, eventually, free_ports
from tests.interop.postfix import Postfix
from tests.relay.host_certificates import HostCertificates
from tests.relay.mx_host import MxHost, Script


def examined(port: int, *arguments: str) -> tuple[int, dict[str, set[str]]]:
    """The exit status; and what was found, by rule."""
    command = [sys.executable, "-m", "tests.conformance", "127.0.0.1", str(port), *arguments, "--json"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    found: dict[str, set[str]] = {}
    for row in json.loads(finished.stdout or "[]"):
        found.setdefault(row["rule"], set()).add(row["finding"])
    return finished.returncode, found


@pytest.mark.requirement(
    "R1", "R2", "R3", "C1", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12"
)
def test_our_submission_keeps_every_rule(server: RunningServer) -> None:
    login = ("--user", ADDRESS, "--password-file", str(server.folder / "password"), "--sender", ADDRESS)
    status, found = examined(server.submission, *login)
    assert status == 0
    # C2 is of servers that do not offer it.
    assert {rule for rule, findings in found.items() if findings != {"kept"}} == {"C2"}
    status, found = examined(server.submissions, "--implicit", *login)
    assert status == 0
    assert found["R2"] == {"kept"}


@pytest.mark.requirement("R1", "R2", "R3", "C2")
def test_so_does_our_mx(server: RunningServer) -> None:
    status, found = examined(server.mx)
    assert status == 0
    assert [found[rule] for rule in ("R1", "R2", "R3", "C2", "C3")] == [{"kept"}] * 5
    assert found["C5"] == {"not seen"}


@pytest.mark.interop("postfix")
def test_postfix_breaks_none(tmp_path: Path) -> None:
    certificates = HostCertificates(tmp_path)
    [port] = free_ports(1)
    postfix = Postfix(
        "smtpd_relay_restrictions = reject_unauth_destination\n"
        "smtpd_tls_security_level = may\n"
        "smtpd_reject_unlisted_sender = no\n",
        f"127.0.0.1:{port} inet n - n - - smtpd\n",
    )
    try:
        chain = postfix.folder / "chain.pem"
        certificates.certify(chain, "mx.postfix.test")
        with (postfix.configuration / "main.cf").open("a") as settings:
            settings.write(f"smtpd_tls_chain_files = {chain}\n")
        postfix.start()
        eventually(lambda: answers(port), "Postfix to listen")
        status, found = examined(port)
    finally:
        postfix.stop()
    assert status == 0
    assert found["C2"] == {"kept"}


def test_what_is_broken_is_seen(tmp_path: Path) -> None:
    certificates = HostCertificates(tmp_path)
    [port] = free_ports(1)
    script = Script.of("starttls good keyword keyword-in-clear")
    host = MxHost("a", "127.0.0.1", port, script, certificates.context(script.words, "a.test"))
    try:
        status, found = examined(port)
    finally:
        host.stop()
    assert status == 1
    assert "broken" in found["R1"]
    assert "broken" in found["R3"]


def test_nobody_is_there() -> None:
    assert examined(free_ports(1)[0]) == (2, {})

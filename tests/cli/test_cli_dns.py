"""``mailext dns`` against a server of ours, the DNS of its domain, and its policy host."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from mailext.publishing.wanted import key_digest
from mailext.testing.dns import DnsRecords
from mailext.values import DnsStatus
from tests.black_box import MAILEXT, TWISTD, answers, environment, eventually, free_ports
from tests.name_server import NameServer, name_server

CONFIG = """
hostname = "mx.example.org"
domains = ["example.org", "b\\u00fccher.example"]
[tls]
certificate = ["cert.pem"]
key = ["key.pem"]
[listen]
https = ["tcp:{port}:interface=127.0.0.1"]
[relay]
resolver = ["{resolver}"]
trust-roots = "roots.pem"
mta-sts-port = {port}
[mta-sts]
mode = "enforce"
"""


class Site:
    """A server with its domain, in a folder."""

    def __init__(self, folder: Path, server: NameServer) -> None:
        self.folder = folder
        self.records = server.records
        [self.port] = free_ports(1)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "roots.pem"))
        leaf = authority.issue_cert("mx.example.org", "mta-sts.example.org")
        leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
        (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        text = CONFIG.format(port=self.port, resolver=server.place)
        (folder / "mailext.toml").write_text(text.encode().decode("unicode-escape"), "utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*MAILEXT, "dns", *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, env=environment()
        )

    def publish(self, zone: str) -> None:
        """Put the lines of a zone file into DNS."""
        for name, rdtype, text in re.findall(r"^(\S+)\. IN (\S+) (.*)$", zone, re.MULTILINE):
            self.records.add(name, rdtype, text, status=DnsStatus.SECURE)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with name_server(DnsRecords()) as server:
        yield Site(tmp_path, server)


@pytest.fixture
def server(site: Site) -> Iterator[Site]:
    """The same, with a server that runs."""
    with (site.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*TWISTD, "-n", "--pidfile=", "mailext", "--config", "mailext.toml"],
            cwd=site.folder,
            env=environment(),
            stdout=log,
            stderr=log,
        )
    try:
        eventually(lambda: answers(site.port), "the web server")
        yield site
    finally:
        process.terminate()
        assert process.wait(30) == 0


def states(run: subprocess.CompletedProcess[str]) -> dict[str, str]:
    [domain] = json.loads(run.stdout)
    return {each["subject"]: each["state"] for each in domain["records"]}


def test_what_it_says_is_published_and_found(server: Site) -> None:
    run = server.run("--zone", "example.org")
    assert run.returncode == 0, run.stderr
    server.publish(run.stdout)
    server.records.add("mx.example.org", "A", "127.0.0.1", status=DnsStatus.SECURE)

    run = server.run("example.org", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(states(run).values()) == {"ok"}
    [domain] = json.loads(run.stdout)
    assert domain["domain"] == "example.org"
    policy = next(each for each in domain["records"] if each["subject"] == "mta-sts-policy")
    assert policy["found"] == [policy["text"].replace("\n", "\r\n") + "\r\n"]
    assert policy["text"].splitlines()[1:3] == ["mode: enforce", "mx: mx.example.org"]

    # The other domain has not been published, and its policy host has no certificate.
    run = server.run()
    assert run.returncode == 1
    assert re.search(r"^missing +xn--bcher-kva\.example +MX", run.stdout, re.MULTILINE)
    assert re.search(r"^ok +mta-sts\.example\.org", run.stdout, re.MULTILINE)


def test_what_is_missing_or_wrong(site: Site) -> None:
    site.records.add("example.org", "MX", "10 mx.example.net.")
    run = site.run("example.org", "--json")
    assert run.returncode == 1
    assert states(run) == {
        "certificate": "ok",
        "mx": "wrong",
        "tlsa": "missing",
        "mta-sts-host": "missing",
        "mta-sts-policy": "missing",
        "mta-sts": "missing",
        "tlsrpt": "missing",
    }
    run = site.run("example.org")
    assert "mx.example.org is not among them; there is 10 mx.example.net." in run.stdout
    assert "mode: enforce, mx: mx.example.org, max_age: 604800" in run.stdout
    assert "mta-sts.example.org has no address" in run.stdout


def test_a_zone_file(site: Site) -> None:
    trustme.CA().issue_cert("mx.example.org").private_key_pem.write_to_path(str(site.folder / "next.pem"))
    run = site.run("--zone", "--next-key", "next.pem", "--rua", "https://r.example.net/x")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    tlsa = [line for line in lines if " TLSA " in line]
    assert tlsa == [
        f"_25._tcp.mx.example.org. IN TLSA 3 1 1 {key_digest(site.folder / name)}"
        for name in ("cert.pem", "next.pem")
    ]
    assert '_smtp._tls.example.org. IN TXT "v=TLSRPTv1; rua=https://r.example.net/x"' in lines
    assert "; https://mta-sts.xn--bcher-kva.example/.well-known/mta-sts.txt is to say:" in lines
    assert ";   mode: enforce" in lines
    assert len(json.loads(site.run("--zone", "--json").stdout)) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["example.com"], "example.com is not among our domains: example.org, xn--bcher-kva.example"),
        (["--next-key", "missing.pem"], "missing.pem: No such file"),
        (["--next-key", "mailext.toml"], "not a certificate or a key in PEM"),
        (["--rua", "ftp://x.example"], "reports go to mailto: or https:"),
        (["--rua", 'https://x"; y'], "not a URI"),
    ],
)
def test_what_cannot_be_asked(site: Site, arguments: list[str], reason: str) -> None:
    run = site.run(*arguments)
    assert run.returncode == 2
    assert reason in run.stderr
    assert len(run.stderr.splitlines()) == 1

"""TLS reports are posted over HTTPS, to a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from twisted.internet.defer import Deferred

from mailext.net.client.connector import dialler
from mailext.net.client.verification import TrustRoots
from mailext.net.https import HttpsClient
from mailext.net.report_posting import ReportPosting
from mailext.testing.dns import DnsRecords, FakeResolver
from mailext.tlsrpt.composing import MEDIA_TYPE, compose_file
from mailext.tlsrpt.courier import ReportRefusedError
from mailext.tlsrpt.reading import read_reports
from tests.net.reactors import run
from tests.net.web_host import Saying, WebHost, answer, web_host
from tests.tlsrpt.samples import REPORT

HOST = "reports.example.net"
CONTENT = compose_file(REPORT, "example.net", "example.org", "abc1").content


class Pki:
    def __init__(self, folder: Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        self.roots = folder / "roots.pem"
        authority.cert_pem.write_to_path(str(self.roots))
        self.files = {}
        for word, issuer in {"good": authority, "stranger": stranger}.items():
            self.files[word] = folder / f"{word}.pem"
            issuer.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(self.files[word]))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("web"))


def post(pki: Pki, host: WebHost) -> None:
    records = DnsRecords()
    records.add(HOST, "A", "127.0.0.1")

    def posting(reactor) -> Deferred[None]:
        client = HttpsClient(reactor, dialler(reactor, 5.0), FakeResolver(records), TrustRoots(pki.roots))
        return ReportPosting(client)(f"https://{HOST}:{host.port}/v1/tlsrpt?a=b", CONTENT, MEDIA_TYPE)

    run(posting)


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
def test_a_report_is_taken(pki: Pki, status: str) -> None:
    with web_host(pki.files["good"], answer(b"", status)) as host:
        post(pki, host)
    [heard] = host.heard
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/tlsrpt?a=b HTTP/1.1\r\n")
    assert b"\r\ncontent-type: application/tlsrpt+gzip" in head.lower()
    assert read_reports(body) == [REPORT]


@pytest.mark.parametrize(
    ("saying", "certificate", "reason"),
    [
        (answer(b"", "500 Oh"), "good", "status 500"),
        (answer(b"", "404 No"), "good", "status 404"),
        (answer(b"", "301 Moved", ("Location: https://elsewhere.example/",)), "good", "status 301"),
        (answer(b""), "stranger", "issuer is not known"),
        (lambda connection: connection.sendall(b"nonsense\r\n\r\n"), "good", "HTTP"),
    ],
    ids=["500", "404", "redirect", "certificate", "nonsense"],
)
def test_a_report_is_refused(pki: Pki, saying: Saying, certificate: str, reason: str) -> None:
    with (
        web_host(pki.files[certificate], saying) as host,
        pytest.raises(ReportRefusedError, match=reason),
    ):
        post(pki, host)

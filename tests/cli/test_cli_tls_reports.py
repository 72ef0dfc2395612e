"""``mailext tlsrpt`` on a state directory that no server has open, and on files."""

from __future__ import annotations

import gzip
import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from mailext.storage.store import open_store_offline
from mailext.tlsrpt.as_json import report_as_json
from mailext.tlsrpt.composing import compose_file
from mailext.tlsrpt.report import day_of
from mailext.values import (
    HopSession,
    PolicyResult,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from tests.cli.conftest import Run
from tests.support import success_result_of
from tests.tlsrpt.samples import REPORT

STS = TlsPolicy(TlsPolicyType.STS, "example.net", ("version: STSv1",), ("*.example.net",))
TLSA = TlsPolicy(TlsPolicyType.TLSA, "mx.example.net", ("3 1 1 AB",))
UNTRUSTED = TlsFailure(TlsResultType.CERTIFICATE_NOT_TRUSTED, "issuer is \x1b[2J not known")


@pytest.fixture
def day(tmp_path: Path) -> str:
    """The day on which something was counted: today."""
    today = day_of(time.time())
    session = HopSession("192.0.2.1", "198.51.100.7", "mx")
    counts = {
        (today, TlsResult("example.net", PolicyResult(STS), "mx.example.net", session)): 3,
        (today, TlsResult("example.net", PolicyResult(TLSA, UNTRUSTED), "mx.example.net", session)): 2,
        (today - timedelta(days=2), TlsResult("example.com", PolicyResult(STS), "mx.example.com")): 1,
    }
    store = open_store_offline(tmp_path / "state")
    success_result_of(store.tls_results.add(counts))
    success_result_of(store.close())
    return today.isoformat()


def test_figures_as_words(run: Run, day: str) -> None:
    status, out, err = run("tlsrpt")
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[1] == [day, "example.net", "sts", "success", "3"]
    assert lines[2][:8] == [
        day,
        "example.net",
        "tlsa",
        "of",
        "mx.example.net",
        "certificate-not-trusted",
        "2",
        "mx.example.net",
    ]
    assert len(lines) == 3
    assert "\x1b" not in out
    assert run("tlsrpt", "show")[1] == out


def test_figures_as_json(run: Run, day: str) -> None:
    (figures,) = json.loads(run("--json", "tlsrpt")[1])
    assert (figures["day"], figures["domain"], figures["report"]) == (day, "example.net", None)
    sts, tlsa = figures["policies"]
    assert sts["summary"] == {"total-successful-session-count": 3, "total-failure-session-count": 0}
    assert tlsa["policy"] == {
        "policy-type": "tlsa",
        "policy-string": ["3 1 1 AB"],
        "policy-domain": "mx.example.net",
    }


@pytest.mark.usefixtures("day")
def test_days_and_domains(run: Run) -> None:
    def shown(*arguments: str) -> list[str]:
        return [each["domain"] for each in json.loads(run("--json", "tlsrpt", "show", *arguments)[1])]

    assert shown("--days", "2") == ["example.net"]
    assert shown("--days", "3") == ["example.com", "example.net"]
    assert shown("--days", "3", "EXAMPLE.com") == ["example.com"]
    assert shown("example.org") == []
    assert run("tlsrpt", "show", "example.org")[1] == "nothing was counted\n"
    assert run("tlsrpt", "show", "not a domain")[0] == 1
    # Before the first year.
    assert run("tlsrpt", "show", "--days", "999999")[0] == 1


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "1_0", "\u0661", "99999999999", ""])
def test_numbers_that_are_none(run: Run, days: str) -> None:
    status, out, err = run("tlsrpt", "show", f"--days={days}")
    assert (status, out) == (2, "")
    assert err.startswith(
        f"mailext: command line: argument --days: must be a number from 1 to 999999: {days!r}"
    )


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json.gz"
    path.write_bytes(compose_file(REPORT, "example.net", "example.org", "abc1").content)
    return path


def test_reports_are_summed_up(run: Run, report: Path, tmp_path: Path) -> None:
    told = report_as_json(REPORT)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(told | {"report-id": "another"}))
    status, out, err = run("tlsrpt", "read", str(report), str(other), str(report))
    assert (status, err) == (0, "")
    assert [line.split()[:4] for line in out.splitlines()[1:]] == [
        ["example.net", "sts", "success", "10652"],
        ["example.net", "sts", "certificate-expired", "6"],
    ]
    found = json.loads(run("--json", "tlsrpt", "read", str(report), str(other))[1])
    assert [each["id"] for each in found["reports"]] == ["abc1@example.org", "another"]
    assert found["policies"][0]["summary"]["total-failure-session-count"] == 6


def test_a_report_from_standard_input_needs_no_configuration(run: Run) -> None:
    content = gzip.compress(json.dumps(report_as_json(REPORT)).encode())
    found = json.loads(run("--json", "tlsrpt", "read", "-", "--config", "/nowhere", stdin=content)[1])
    assert found["reports"] == [
        {
            "organization": "Example",
            "contact": "tls@example.org",
            "id": "abc1@example.org",
            "begin": "2026-06-01T00:00:00Z",
            "end": "2026-06-01T23:59:59Z",
        }
    ]


def test_what_cannot_be_read_is_named_and_the_rest_is_summed_up(
    run: Run, report: Path, tmp_path: Path
) -> None:
    (tmp_path / "junk").write_bytes(b"\x1f\x8bjunk")
    (tmp_path / "hostile").write_bytes(b"Content-Type: application/json; name*=idna''%80.json\n\n{}")
    names = [str(tmp_path / name) for name in ("junk", "hostile", "none")]
    status, out, err = run("tlsrpt", "read", *names, str(report))
    assert status == 1
    assert "certificate-expired" in out
    first, second, third = err.splitlines()
    assert first.startswith(f"mailext: {tmp_path}/junk: not a gzip file")
    assert second.startswith(f"mailext: {tmp_path}/hostile: a message that makes no sense: ")
    assert third == f"mailext: {tmp_path}/none: No such file or directory"

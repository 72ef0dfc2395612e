"""Reports of others: read whatever way they come, and refused for what they are."""

from __future__ import annotations

import copy
import gzip
import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailext.tlsrpt.as_json import MalformedReportError, report_as_json
from mailext.tlsrpt.composing import compose_file
from mailext.tlsrpt.mailing import compose_message
from mailext.tlsrpt.reading import LARGEST_FILE, read_reports
from mailext.tlsrpt.report import Report
from mailext.values import Mailbox
from tests.tlsrpt.samples import POLICY, REPORT, reports

NOW = datetime(2026, 6, 2, 3, tzinfo=UTC)

# RFC 8460 appendix B, its line breaks within strings mended.
APPENDIX_B = b"""{
 "organization-name": "Company-X",
 "date-range": {
   "start-datetime": "2016-04-01T00:00:00Z",
   "end-datetime": "2016-04-01T23:59:59Z"
 },
 "contact-info": "sts-reporting@company-x.example",
 "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
 "policies": [{
   "policy": {
     "policy-type": "sts",
     "policy-string": ["version: STSv1","mode: testing",
           "mx: *.mail.company-y.example","max_age: 86400"],
     "policy-domain": "company-y.example",
     "mx-host": "*.mail.company-y.example"
   },
   "summary": {
     "total-successful-session-count": 5326,
     "total-failure-session-count": 303
   },
   "failure-details": [{
     "result-type": "certificate-expired",
     "sending-mta-ip": "2001:db8:abcd:0012::1",
     "receiving-mx-hostname": "mx1.mail.company-y.example",
     "failed-session-count": 100
   }, {
     "result-type": "starttls-not-supported",
     "sending-mta-ip": "2001:db8:abcd:0013::1",
     "receiving-mx-hostname": "mx2.mail.company-y.example",
     "receiving-ip": "203.0.113.56",
     "failed-session-count": 200,
     "additional-information": "https://reports.company-x.example/report_info?id=1#StarttlsNotSupported"
   }, {
     "result-type": "validation-failure",
     "sending-mta-ip": "198.51.100.62",
     "receiving-ip": "203.0.113.58",
     "receiving-mx-hostname": "mx-backup.mail.company-y.example",
     "failed-session-count": 3,
     "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
   }]
 }]
}"""


def as_bytes(report: Report = REPORT) -> bytes:
    return json.dumps(report_as_json(report)).encode()


def as_message(report: Report = REPORT) -> bytes:
    file = compose_file(report, "example.net", "example.org", "abc1")
    headers, body = compose_message(
        file, Mailbox("tls", "example.org"), Mailbox("reports", "example.net"), NOW
    )
    return bytes(headers) + body


def attached(content: bytes, kind: str, name: str) -> bytes:
    message = EmailMessage()
    message.set_content("Hello")
    message.add_attachment(content, *kind.split("/"), filename=name)
    return message.as_bytes()


@given(reports)
def test_what_we_say_is_what_we_read(report: Report) -> None:
    assert read_reports(as_bytes(report)) == [report]
    assert read_reports(compose_file(report, "example.net", "example.org", "abc1").content) == [report]


def test_the_example_of_the_rfc() -> None:
    [report] = read_reports(APPENDIX_B)
    [policy] = report.policies
    assert (report.organization, report.begin) == ("Company-X", datetime(2016, 4, 1, tzinfo=UTC))
    assert policy.mx_hosts == ("*.mail.company-y.example",)
    assert (policy.successes, policy.failures) == (5326, 303)
    assert [(each.result_type, each.sessions) for each in policy.details] == [
        ("certificate-expired", 100),
        ("starttls-not-supported", 200),
        ("validation-failure", 3),
    ]


@pytest.mark.parametrize(
    "data",
    [
        as_bytes(),
        b"\xef\xbb\xbf" + as_bytes(),
        b"\r\n " + as_bytes(),
        gzip.compress(as_bytes()),
        gzip.compress(as_bytes()[:50]) + gzip.compress(as_bytes()[50:]),
        as_message(),
        as_message().replace(b"\r\n", b"\n"),
        attached(as_bytes(), "application/tlsrpt+json", "x"),
        attached(gzip.compress(as_bytes()), "application/gzip", "a!b!1!2.json.gz"),
        attached(as_bytes(), "application/octet-stream", "A.JSON"),
    ],
    ids=["json", "bom", "space", "gzip", "members", "mail", "lf", "json-part", "gzip-part", "octets-part"],
)
def test_forms(data: bytes) -> None:
    assert read_reports(data) == [REPORT]


def test_a_message_with_two_reports() -> None:
    message = EmailMessage()
    message.set_content("Hello")
    for _ in range(2):
        message.add_attachment(as_bytes(), "application", "tlsrpt+json")
    assert read_reports(message.as_bytes()) == [REPORT, REPORT]


def nested_mail(depth: int) -> bytes:
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (number, number)
        for number in range(depth)
    )
    return b"Subject: x\n" + parts


def many_attached(count: int) -> bytes:
    message = EmailMessage()
    message.set_content("Hello")
    for _ in range(count):
        message.add_attachment(b"{}", "application", "tlsrpt+json")
    return message.as_bytes()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither a report, nor a message"),
        (b"Subject: x\r\n\r\nHello", "neither a report, nor a message"),
        (attached(b"{}", "application/json", "x.txt"), "neither a report, nor a message"),
        (b"x" * (LARGEST_FILE + 1), "larger than"),
        (b"{" + b" " * 10_000_001, "larger than"),
        (gzip.compress(b"{" + b" " * 100_000_000), "larger than"),
        (b"".join([gzip.compress(b" " * 9_000_000)] * 2), "larger than"),
        (gzip.compress(as_bytes())[:-20], "cut off"),
        (gzip.compress(as_bytes())[:-8] + b"\0" * 8, "not a gzip file"),
        (gzip.compress(as_bytes()) + b"junk", "not a gzip file"),
        (b"\x1f\x8b\x08", "cut off"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "not JSON: NaN"),
        (b'{"a": %s}' % (b"9" * 5000), "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a":' * 200_000, "without end"),
        (b'{"a":[' * 100_000, "without end"),
        (gzip.compress(b"") * 100_000, "more than 64 members"),
        (nested_mail(3000), "more than 50 parts"),
        (b"Content-Type: message/rfc822\n\n" * 100_000, "more than 50 parts"),
        (b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n\n" * 50_000, "more than 50 parts"),
        (b"X: y\n" * 300_001, "more than 300000 lines"),
        (b"X: y\r" * 300_001, "more than 300000 lines"),
        (
            b"Content-Type: application/json" + b'; a="\\' * 300_000 + b"\n\n{}",
            "a Content field of more than",
        ),
        (many_attached(21), "more than 20"),
        (attached(b"[]", "application/tlsrpt+json", "x"), "the report is not an object"),
        (attached(b"not base64 of gzip", "application/tlsrpt+gzip", "x"), "not JSON"),
    ],
    ids=range(29),
)
def test_what_is_no_report(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedReportError, match=reason):
        read_reports(data)


@pytest.mark.parametrize(
    "parameter",
    [
        b"filename*=idna''%80.json",
        b"filename*=undefined''x.json",
        b"filename*=punycode''%ff.json",
        b"filename*=utf%008''x.json",
        b"filename*=utf\x008''x.json",
        b"filename*%s=x" % (b"9" * 3000),
    ],
)
def test_parameters_that_make_no_sense(parameter: bytes) -> None:
    fields = b"Content-Type: application/json\nContent-Disposition: attachment; " + parameter
    # Where the parser learns to bear it, there is no file of that name.
    with pytest.raises(MalformedReportError, match=r"makes no sense|neither a report"):
        read_reports(fields + b"\n\n" + as_bytes())


@pytest.mark.parametrize("charset", [b"idna", b"undefined", b"\0"])
def test_boundaries_that_make_no_sense(charset: bytes) -> None:
    with pytest.raises(MalformedReportError, match=r"makes no sense|neither a report"):
        read_reports(b"Content-Type: multipart/mixed; boundary*=" + charset + b"''%80\n\n--x\n")


def changed(path: str, value: object) -> bytes:
    told: object = copy.deepcopy(report_as_json(REPORT))
    *parents, last = path.split("/")
    member = told
    for name in parents:
        member = member[int(name) if name.isdigit() else name]
    if value is None:
        del member[last]
    else:
        member[last] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("report-id", None, "has no report-id"),
        ("report-id", 1, "report-id is not a string"),
        ("organization-name", [], "organization-name is not a string"),
        ("date-range", None, "has no date-range"),
        ("date-range", "today", "date-range is not an object"),
        ("date-range/start-datetime", "yesterday", "start-datetime is not a date"),
        ("date-range/start-datetime", "2026-13-01T00:00:00Z", "start-datetime is not a date"),
        ("date-range/start-datetime", "2026-06-01T00:00:00", "start-datetime is not a date"),
        ("date-range/end-datetime", "0001-01-01T00:00:00+23:59", "end-datetime is not a date"),
        ("policies", "all", "policies is not an object"),
        ("policies/0/policy", None, "has no policy"),
        ("policies/0/policy/policy-domain", None, "has no policy-domain"),
        ("policies/0/policy/policy-string", [1], "policy-string is not a string"),
        ("policies/0/summary/total-failure-session-count", None, "has no total-failure-session-count"),
        ("policies/0/summary/total-failure-session-count", -1, "is not a count"),
        ("policies/0/summary/total-failure-session-count", 1.5, "is not a count"),
        ("policies/0/summary/total-failure-session-count", True, "is not a count"),
        ("policies/0/summary/total-failure-session-count", "3", "is not a count"),
        ("policies/0/summary/total-failure-session-count", 2**53, "is not a count"),
        ("policies/0/failure-details/0/result-type", None, "has no result-type"),
        ("policies/0/failure-details/0/failed-session-count", None, "has no failed-session-count"),
        ("policies/0/failure-details/0/receiving-ip", {}, "receiving-ip is not a string"),
    ],
)
def test_what_a_report_must_say(path: str, value: object, reason: str) -> None:
    with pytest.raises(MalformedReportError, match=reason):
        read_reports(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("unknown", {"a": 1}),
        ("organization-name", None),
        ("policies/0/failure-details", None),
        ("policies/0/policy/mx-host", "*.example.net"),
        ("policies/0/policy/policy-type", "from-the-future"),
        ("date-range/start-datetime", "2026-06-01t02:00:00.000+02:00"),
    ],
)
def test_what_a_report_may_say(path: str, value: object) -> None:
    [report] = read_reports(changed(path, value))
    assert (report.id, report.begin) == (REPORT.id, REPORT.begin)
    assert report.policies[0].failures == POLICY.failures


@given(st.binary())
def test_whatever_it_is_it_is_a_report_or_an_error(data: bytes) -> None:
    for before in (
        b"",
        b"{",
        b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        b"Content-Type: application/tlsrpt+gzip\n\n",
        b"Content-Type: application/json; name",
        b"Content-Type: multipart/mixed; boundary",
    ):
        with pytest.raises(MalformedReportError):
            read_reports(before + data)

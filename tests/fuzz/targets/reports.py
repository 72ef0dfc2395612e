"""Reports that come in, and what foreign words become in those that go out."""

from __future__ import annotations

import email
from contextlib import suppress
from datetime import UTC, datetime
from email import policy

from mailext.message.headers import HeaderSection
from mailext.message.report import compose_report
from mailext.message.report_values import Action, RecipientReport, Report
from mailext.message.submission import complete
from mailext.tlsrpt.as_json import MalformedReportError, report_as_json, report_of_json
from mailext.tlsrpt.reading import read_reports
from mailext.values import Mailbox, Outcome, RcptOptions, Recipient, TlsDemand
from mailext.wire.grammar import GrammarError, parse_mailbox
from tests.fuzz.target import Target, expect

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ACTIONS = tuple(Action)
_BLOCKS = 2


def check_tls_report(data: bytes) -> None:
    """A file or a message with a TLS report."""
    try:
        reports = read_reports(data)
    except MalformedReportError as error:
        expect(str(error), "no reason")
        return
    expect(reports, "neither a report nor an error")
    for report in reports:
        expect(report_of_json(report_as_json(report)) == report, "a report has two meanings")


def check_delivery_report(data: bytes) -> None:
    """Between NUL: the sender, ENVID, ORCPT, recipient, what a host said, its name; then a header section."""
    sender, envid, orcpt, recipient, said, host, *headers = [*data.split(b"\0", 6), *[b""] * 6][:7]
    section, _ = HeaderSection.parse(b"".join(headers).replace(b"\r", b"").replace(b"\n", b"\r\n"))
    words = said.decode("utf-8", "replace")
    report = Report(
        hostname="mx.example.org",
        unique="0abc",
        date=_NOW,
        to=_mailbox(sender),
        recipients=(
            RecipientReport(
                Recipient(_mailbox(recipient), RcptOptions(orcpt=orcpt.decode("utf-8", "replace") or None)),
                _ACTIONS[len(said) % len(_ACTIONS)],
                Outcome(550, words[:5], words, host.decode("utf-8", "replace")),
                _NOW,
            ),
        ),
        arrived=_NOW,
        envid=envid.decode("utf-8", "replace") or None,
        tls_demand=TlsDemand.NONE,
        headers=section,
    )
    top, body = compose_report(report)
    raw = bytes(top) + body
    expect(body.isascii(), "a body that is not ASCII")
    expect(raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"), "a bare CR or LF")
    expect(max(map(len, raw.split(b"\r\n"))) <= 998, "a line too long")
    parsed = email.message_from_bytes(
        raw.replace(b"message/global-", b"text/x-global-"), policy=policy.compat32
    )
    expect([each.lower() for each in parsed.keys()].count("from") == 1, "another From field")  # noqa: SIM118 - fields repeat
    expect(parsed.get_content_type() == "multipart/report", "not a report")
    expect(len(parsed.get_payload()) == 2 + bool(section.fields), "parts that nobody wrote")
    expect(not any(part.defects for part in parsed.walk()), "a defect")
    status = parsed.get_payload()[1]
    if status.get_content_type() == "message/delivery-status":
        expect(len(status.get_payload()) == _BLOCKS, "a recipient that nobody wrote")
        expect(len(status.get_payload()[1].get_all("Action")) == 1, "a field that was injected")


def _mailbox(octets: bytes) -> Mailbox:
    with suppress(GrammarError, UnicodeDecodeError):
        return parse_mailbox(octets.decode())
    return Mailbox("ann", "example.org")


def check_submission(data: bytes) -> None:
    """The header section of a message that a client submits."""
    section, _ = HeaderSection.parse(data.replace(b"\r", b"").replace(b"\n", b"\r\n"))
    done = complete(section, date=_NOW, unique="0abc", hostname="mx.example.org")
    expect(done.count(b"date") >= 1 and done.count(b"message-id") >= 1, "a field is missing")
    expect(not done.count(b"bcc", b"resent-bcc"), "Bcc is seen")
    expect(HeaderSection.parse(bytes(done)) == (done, b""), "a section has two meanings")


TARGETS = (
    Target(
        "tls-report",
        check_tls_report,
        "other domains: TLS reports, in gzip and in mail",
        "MalformedReportError alone; a report that is written and read again is the same",
        (
            b'{"report-id":"1","date-range":{"start-datetime":"2024-01-01T00:00:00Z","end-datetime":"2024-01-02T00:00:00Z"},',
            b'"policies":[{"policy":{"policy-type":"sts","policy-domain":"a"},"summary":{"total-successful-session-count":1,',
            b'"total-failure-session-count":1},"failure-details":[{"result-type":"x","failed-session-count":1}]}]}',
            b"\x1f\x8b\x08",
            b"Content-Type: application/tlsrpt+json\n\n",
            b"Content-Type: multipart/report; boundary=x\n\n--x\n",
            b"Content-Transfer-Encoding: base64\n",
        ),
        1500,
    ),
    Target(
        "delivery-report",
        check_delivery_report,
        "everybody: what a report returns of addresses, replies and header fields",
        "ASCII, canonical lines, and not a field or part that nobody wrote",
        (
            b"\0",
            b"ann@example.org",
            b"rfc822;",
            b"utf-8;",
            b"\r\nTo: x",
            b"Subject: x\n",
            b"--=_0abc",
            "é".encode(),
            b"\xe2\x80\xa8",
        ),
        500,
    ),
    Target(
        "submission",
        check_submission,
        "clients: the header section of what they submit",
        "Date and Message-ID are there, Bcc is not",
        (b"Bcc: a@b\n", b"Date: x\n", b"Message-ID: <x@y>\n", b"bCC :x\n", b" folded\n", b"\n"),
        300,
    ),
)

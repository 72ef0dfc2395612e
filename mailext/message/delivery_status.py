"""The part of a report that programs read: RFC 3464, and RFC 6533 for addresses in UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import format_datetime

from mailext.message.harmless import ascii_line, line
from mailext.message.headers import HeaderSection
from mailext.message.report_values import RecipientReport, Report
from mailext.values import HeaderField, Mailbox, Recipient

__all__ = ["status_blocks"]

# Fields are not folded, and stay within the longest line of RFC 5322 section 2.1.1.
_LONGEST_VALUE = 800
_LONGEST_DIAGNOSTIC = 512

_Fields = Iterator[tuple[str, str]]


def status_blocks(report: Report) -> list[HeaderSection]:
    """
    :return: the blocks of fields: of the message, then of each recipient. They
        are ASCII where the addresses are.
    """
    blocks = [_message_fields(report), *map(_recipient_fields, report.recipients)]
    return [HeaderSection().with_on_top(*(HeaderField(*field) for field in fields)) for fields in blocks]


def _message_fields(report: Report) -> _Fields:
    if report.envid is not None:
        yield "Original-Envelope-Id", ascii_line(report.envid, _LONGEST_VALUE)
    yield "Reporting-MTA", f"dns; {report.hostname}"
    yield "Arrival-Date", format_datetime(report.arrived)


def _recipient_fields(report: RecipientReport) -> _Fields:
    outcome = report.outcome
    if (original := _original(report.recipient)) is not None:
        yield "Original-Recipient", original
    yield "Final-Recipient", _typed(report.recipient.address)
    yield "Action", report.action.value
    yield "Status", report.status
    if outcome.host:
        yield "Remote-MTA", f"dns; {ascii_line(outcome.host, _LONGEST_VALUE)}"
    # Only what a host said is a reply of SMTP; the other types begin with X-.
    kind = "smtp" if outcome.host else "x-mailext"
    yield "Diagnostic-Code", f"{kind}; {ascii_line(str(outcome), _LONGEST_DIAGNOSTIC)}"
    yield "Last-Attempt-Date", format_datetime(report.last_attempt)
    if report.retry_until is not None:
        yield "Will-Retry-Until", format_datetime(report.retry_until)


def _original(recipient: Recipient) -> str | None:
    """As the sender named it in ORCPT (RFC 3461 section 6.3), else in RCPT to us."""
    if recipient.options.orcpt is not None:
        kind, _, address = recipient.options.orcpt.partition(";")
        return f"{ascii_line(kind, _LONGEST_VALUE)}; {line(address, _LONGEST_VALUE)}"
    return None if recipient.original is None else _typed(recipient.original)


def _typed(address: Mailbox) -> str:
    kind = "rfc822" if address.is_ascii else "utf-8"
    return f"{kind}; {line(str(address), _LONGEST_VALUE)}"

"""The part of a report that people read."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import format_datetime
from itertools import groupby

from mailext.message.harmless import line
from mailext.message.report_values import LONGEST_ADDRESS, Action, RecipientReport, Report

__all__ = ["report_text", "subject"]

_SUBJECTS = {
    Action.FAILED: "Your message could not be delivered",
    Action.DELAYED: "Your message is delayed",
    Action.RELAYED: "Your message was handed on",
    Action.EXPANDED: "Your message was handed on",
    Action.DELIVERED: "Your message was delivered",
}

_OPENINGS = {
    Action.FAILED: "Your message could not be delivered to the following, and will not be tried again.",
    Action.DELAYED: "Your message has not reached the following yet. You need do nothing: it is tried again.",
    Action.RELAYED: "Your message was handed on to a host that does not report its delivery, for:",
    Action.EXPANDED: "Your message was handed on to everybody behind:",
    Action.DELIVERED: "Your message was delivered to:",
}

# By subject and detail of the status code, RFC 3463 section 3 and later ones.
_ADVICE = {
    "1.1": "There is no such mailbox. Check what stands before the @.",
    "1.2": "There is no such mail domain. Check what stands behind the @.",
    "1.10": "That domain takes no mail. Check what stands behind the @.",
    "2.1": "The mailbox is not in use. Reach the recipient another way.",
    "2.2": "The mailbox is full. Send the message again later.",
    "2.3": "The message is too large for this recipient. Send it in smaller parts.",
    "3.4": "The message is too large for that host. Send it in smaller parts.",
    "4.6": "The message went in a circle. Tell the postmaster of the recipient's domain.",
    "4.7": "It was tried until its time was over. Send it again later, or reach the recipient another way.",
    "6.7": "That host does not know addresses with such letters. Ask the recipient for another address.",
    # R15, RFC 8689 section 4.2.1.
    "7.10": "A verified TLS connection is needed for this message and cannot be had. Ask the recipient's provider "
    "for one. If it was you who asked for REQUIRETLS, you may send the message again without.",
    "7.30": "You asked for REQUIRETLS, and a host on the way does not know it. Ask the recipient's provider for it, "
    "or send the message again without.",
}
_OTHER_ADVICE = "Reach the recipient another way, or show this report to the postmaster of that domain."

_LONGEST_HOST = 255
_LONGEST_REPLY = 512
_MOST_RECIPIENTS = 20


def subject(report: Report) -> str:
    """The subject: of all that the report tells, what the reader has to know first."""
    actions = {each.action for each in report.recipients}
    return _SUBJECTS[next(action for action in Action if action in actions)]


def report_text(report: Report) -> str:
    """
    Plain words, in lines that end with LF. What others said stands indented or
    in angle brackets, so that no line begins with it.
    """
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"This is the mail server {report.hostname}."
    order = list(Action)
    listed = sorted(report.recipients, key=lambda each: order.index(each.action))
    for action, group in groupby(listed[:_MOST_RECIPIENTS], key=lambda each: each.action):
        yield ""
        yield _OPENINGS[action]
        for each in group:
            yield ""
            yield from _recipient_lines(each)
    if len(listed) > _MOST_RECIPIENTS:
        yield ""
        yield f"The part below that is meant for programs lists {len(listed) - _MOST_RECIPIENTS} more."


def _recipient_lines(report: RecipientReport) -> Iterator[str]:
    original = report.recipient.original
    yield f"<{line(str(report.recipient.address), LONGEST_ADDRESS)}>"
    if original is not None:
        yield f"    (you wrote to <{line(str(original), LONGEST_ADDRESS)}>)"
    host = line(report.outcome.host, _LONGEST_HOST)
    yield f"    {host} said:" if host else "    This server says:"
    yield f"        {line(str(report.outcome), _LONGEST_REPLY)}"
    yield f"    Status: {report.status}"
    if report.action is Action.FAILED:
        yield f"    {_ADVICE.get(report.status.partition('.')[2], _OTHER_ADVICE)}"
    elif report.retry_until is not None:
        yield f"    It is tried until {format_datetime(report.retry_until)}."

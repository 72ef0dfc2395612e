"""
The reports in a message.

Whoever wrote it may have meant to keep its reader busy, or to trip it: what the
standard library takes more than its time for is bounded, and whatever it raises
is told as what it is, a message that makes no sense.
"""

from __future__ import annotations

import email
from email.message import Message
from email.policy import Policy, compat32

from mailext.message.harmless import line
from mailext.tlsrpt.as_json import MalformedReportError

__all__ = ["attached_reports"]

# RFC 8460 section 5.3, and what is seen in its place.
_REPORT_TYPES = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_FILE_TYPES = frozenset(
    {"application/gzip", "application/x-gzip", "application/json", "application/octet-stream"}
)
_EXTENSIONS = (".json", ".json.gz")

_LONGEST_REASON = 200
_MOST_REPORTS = 20
_MOST_PARTS = 50
# Each is compared with the boundaries of all the parts that it is within.
_MOST_LINES = 300_000
# The time for its parameters grows with the square of its length.
_LONGEST_CONTENT_FIELD = 4096


def attached_reports(data: bytes) -> list[bytes]:
    """
    :param data: a message.
    :return: the files in it that are said to be reports.
    :raise MalformedReportError: if the message makes no sense, or too much work.
    """
    if max(map(data.count, (b"\r", b"\n"))) > _MOST_LINES:
        raise MalformedReportError(f"a message of more than {_MOST_LINES} lines")
    try:
        message = email.message_from_bytes(data, policy=compat32.clone(message_factory=_Parts().make))
        files = [part.get_payload(decode=True) for part in message.walk() if _is_report(part)]
    except MalformedReportError:
        raise
    except Exception as error:
        # Of hostile fields the parser raises what it likes.
        raise MalformedReportError(
            f"a message that makes no sense: {line(str(error), _LONGEST_REASON)}"
        ) from error
    reports = [file for file in files if isinstance(file, bytes)]
    if len(reports) > _MOST_REPORTS:
        raise MalformedReportError(f"more than {_MOST_REPORTS} reports in one message")
    return reports


def _is_report(part: Message) -> bool:
    kind = part.get_content_type()
    if kind in _REPORT_TYPES:
        return True
    return kind in _FILE_TYPES and (part.get_filename() or "").lower().endswith(_EXTENSIONS)


class _Parts:
    """Makes the parts of one message, which are not many."""

    def __init__(self) -> None:
        self._made = 0

    def make(self, policy: Policy) -> Message:
        self._made += 1
        if self._made > _MOST_PARTS:
            raise MalformedReportError(f"a message of more than {_MOST_PARTS} parts")
        return _Part(policy)


class _Part(Message):
    """A part, or a message, whose fields are not too long to be read."""

    def set_raw(self, name: str, value: str) -> None:
        if len(value) > _LONGEST_CONTENT_FIELD and name.lower().startswith("content-"):
            raise MalformedReportError(f"a Content field of more than {_LONGEST_CONTENT_FIELD} characters")
        super().set_raw(name, value)

"""A report of ours as a file (RFC 8460 sections 5.1 and 5.2)."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

from mailext.tlsrpt.as_json import report_as_json
from mailext.tlsrpt.report import Report

__all__ = ["MEDIA_TYPE", "ReportFile", "compose_file"]

#: The media type of a report in gzip (RFC 8460 section 6.5).
MEDIA_TYPE = "application/tlsrpt+gzip"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """
    A report, ready to be sent.

    :param report: what it tells.
    :param domain: the domain that it is for.
    :param submitter: whose it is: the domain of its contact.
    :param unique: digits and lower-case letters that no other report of the
        submitter has.
    :param content: JSON in gzip.
    """

    report: Report
    domain: str
    submitter: str
    unique: str
    content: bytes

    @property
    def name(self) -> str:
        """Its file name."""
        begin, end = (int(moment.timestamp()) for moment in (self.report.begin, self.report.end))
        return f"{self.submitter}!{self.domain}!{begin}!{end}!{self.unique}.json.gz"


def compose_file(report: Report, domain: str, submitter: str, unique: str) -> ReportFile:
    """Parameters are those of :class:`ReportFile`."""
    text = json.dumps(report_as_json(report), ensure_ascii=False, indent=1)
    # Without a time of its own the same report is the same octets.
    content = gzip.compress(text.encode("utf-8", "replace"), mtime=0)
    return ReportFile(report, domain, submitter, unique, content)

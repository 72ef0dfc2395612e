"""
Reports that others have sent: a file of JSON, in gzip or not, or a whole
message with such a file in it. How messages are taken apart is in
:mod:`mailext.tlsrpt.attachments`.
"""

from __future__ import annotations

import json
import zlib
from typing import NoReturn

from mailext.tlsrpt.as_json import MalformedReportError, report_of_json
from mailext.tlsrpt.attachments import attached_reports
from mailext.tlsrpt.report import Report

__all__ = ["LARGEST_FILE", "read_reports"]

#: The most octets that a file may have.
LARGEST_FILE = 1 << 25

# RFC 8460 section 5.2: receivers that are known take ten megabytes.
_LARGEST_JSON = 10_000_000
_MOST_MEMBERS = 64

_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS


def read_reports(data: bytes) -> list[Report]:
    """
    :param data: the content of a file, or a message.
    :return: the reports in it, at least one.
    :raise MalformedReportError: if there is none, or one that cannot be read.
    """
    if len(data) > LARGEST_FILE:
        raise MalformedReportError(f"larger than {LARGEST_FILE} octets")
    if data.startswith(_GZIP) or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return [_read_file(data)]
    files = attached_reports(data)
    if not files:
        raise MalformedReportError("neither a report, nor a message with one")
    return [_read_file(file) for file in files]


def _read_file(data: bytes) -> Report:
    if data.startswith(_GZIP):
        data = _decompressed(data)
    elif len(data) > _LARGEST_JSON:
        _too_large()
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_not_a_number)
    except RecursionError:
        raise MalformedReportError("JSON within JSON without end") from None
    except ValueError as error:
        raise MalformedReportError(f"not JSON: {error}") from error
    return report_of_json(value)


def _decompressed(data: bytes) -> bytes:
    """A file of gzip may have several members (RFC 1952 section 2.2)."""
    content = bytearray()
    members = 0
    try:
        while data:
            members += 1
            if members > _MOST_MEMBERS:
                raise MalformedReportError(f"a gzip file with more than {_MOST_MEMBERS} members")
            member = zlib.decompressobj(_WITH_GZIP_HEADER)
            content += member.decompress(data, _LARGEST_JSON + 1 - len(content))
            if len(content) > _LARGEST_JSON:
                _too_large()
            if not member.eof:
                raise MalformedReportError("the gzip file is cut off")
            data = member.unused_data
    except zlib.error as error:
        raise MalformedReportError(f"not a gzip file: {error}") from error
    return bytes(content)


def _too_large() -> NoReturn:
    raise MalformedReportError(f"larger than {_LARGEST_JSON} octets of JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # I-JSON, RFC 7493 section 2.3.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in an object")
    return members


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")

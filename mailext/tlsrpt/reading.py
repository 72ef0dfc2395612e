"""
Reports that others have sent: a file of JSON, in gzip or not, or a whole
message with such a file in it.
"""

from __future__ import annotations

import email
import email.policy
import json
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import NoReturn

from mailext.tlsrpt.as_json import MalformedReportError, report_of_json
from mailext.tlsrpt.report import Report

__all__ = ["LARGEST_FILE", "read_reports"]

#: The most octets that a file may have.
LARGEST_FILE = 1 << 25

# RFC 8460 section 5.2: receivers that are known take ten megabytes.
_LARGEST_JSON = 10_000_000
_MOST_REPORTS = 20

_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS

# RFC 8460 section 5.3, and what is seen in its place.
_REPORT_TYPES = frozenset({"application/tlsrpt+gzip", "application/tlsrpt+json"})
_FILE_TYPES = frozenset(
    {"application/gzip", "application/x-gzip", "application/json", "application/octet-stream"}
)
_EXTENSIONS = (".json", ".json.gz")


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
    try:
        files = list(_attached(email.message_from_bytes(data, policy=email.policy.compat32)))
    except RecursionError:
        raise MalformedReportError("parts within parts without end") from None
    if not files:
        raise MalformedReportError("neither a report, nor a message with one")
    if len(files) > _MOST_REPORTS:
        raise MalformedReportError(f"more than {_MOST_REPORTS} reports in one message")
    return [_read_file(file) for file in files]


def _attached(message: Message) -> Iterator[bytes]:
    for part in message.walk():
        kind = part.get_content_type()
        if kind in _REPORT_TYPES or (
            kind in _FILE_TYPES and (part.get_filename() or "").lower().endswith(_EXTENSIONS)
        ):
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield content


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
    try:
        while data:
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

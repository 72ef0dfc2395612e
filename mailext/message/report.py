"""
Delivery status notifications: RFC 3461 section 6, RFC 3464, RFC 6522, and RFC
6533 where addresses or header fields are in UTF-8.

The body of a report is ASCII, whatever it tells, so that it travels wherever
its envelope may. Of the message that it is about it holds the header section
alone (R23, RFC 8689 section 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime

from mailext.message.delivery_status import status_blocks
from mailext.message.headers import HeaderSection
from mailext.message.report_text import report_text, subject
from mailext.message.report_values import LONGEST_ADDRESS, Report
from mailext.message.submission import with_tls_optional
from mailext.values import HeaderField, Mailbox, TlsDemand

__all__ = ["compose_report"]

# To fold a field that is there already the email package would decode the
# encoded words in it, line ends and all.
_POLICY = SMTP.clone(refold_source="none")

# RFC 5322 section 2.1.1.
_LONGEST_LINE = 998

_MOST_HEADERS = 65536

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
# A line that begins like a boundary is encoded too.
_NEEDS_ENCODING = re.compile(rf"[^\n\t\x20-\x7e]|[^\n]{{{_LONGEST_LINE + 1}}}|^--", re.MULTILINE)


def compose_report(report: Report) -> tuple[HeaderSection, bytes]:
    """
    :return: the message: its header section, and its body as canonical CRLF
        lines.
    """
    parts: MIMEPart = MIMEPart(policy=_POLICY)
    # Quoted-printable never has "=_".
    boundary = f"=_{report.unique}"
    parts.add_header("Content-Type", "multipart/report", report_type="delivery-status", boundary=boundary)
    parts.set_payload(_parts(report))
    mime, body = HeaderSection.parse(parts.as_bytes())
    headers = mime.with_on_top(*_header_fields(report))
    # R7, R18, RFC 8689 sections 3 and 4.2.2.
    return (with_tls_optional(headers) if report.tls_demand is TlsDemand.OPTIONAL else headers), body


def _header_fields(report: Report) -> Iterator[HeaderField]:
    yield HeaderField("From", f"Mail Delivery System <MAILER-DAEMON@{report.hostname}>")
    yield HeaderField("To", _to(report.to))
    yield HeaderField("Subject", subject(report))
    yield HeaderField("Date", format_datetime(report.date))
    yield HeaderField("Message-ID", f"<{report.unique}@{report.hostname}>")
    # RFC 3834 sections 3.1.5 and 5.
    yield HeaderField("Auto-Submitted", "auto-replied")
    for message_id in report.headers.values(b"message-id")[:1]:
        if _MESSAGE_ID.fullmatch(message_id):
            yield HeaderField("In-Reply-To", message_id)
            yield HeaderField("References", message_id)
    yield HeaderField("MIME-Version", "1.0")


def _to(address: Mailbox) -> str:
    text = str(address)
    if not text.isprintable() or len(text.encode("utf-8")) > LONGEST_ADDRESS:
        return "undisclosed-recipients:;"
    return text


def _parts(report: Report) -> list[Message | str]:
    parts: list[Message | str] = [_text_part(report_text(report), "text/plain"), _status_part(report)]
    if report.headers.fields:
        parts.append(_headers_part(report.headers))
    return parts


def _status_part(report: Report) -> MIMEPart:
    blocks = [bytes(block) for block in status_blocks(report)]
    text = b"".join(blocks).decode("utf-8").replace("\r\n", "\n").removesuffix("\n")
    if not text.isascii():
        return _text_part(text, "message/global-delivery-status")
    part: MIMEPart = MIMEPart(policy=_POLICY)
    part["Content-Type"] = "message/delivery-status"
    part.set_payload([message_from_bytes(block, policy=_POLICY) for block in blocks])
    return part


def _headers_part(headers: HeaderSection) -> MIMEPart:
    raw = bytearray()
    for _, field in headers:
        if len(raw) + len(field) > _MOST_HEADERS:
            break
        raw += field
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return _text_part(text, "text/rfc822-headers" if text.isascii() else "message/global-headers")


def _text_part(text: str, kind: str) -> MIMEPart:
    """
    A part that is text, encoded where it has to be.

    :param text: lines that end with LF.
    :param kind: its media type.
    """
    charset = "us-ascii" if text.isascii() else "utf-8"
    encoding = "quoted-printable" if _NEEDS_ENCODING.search(text) else "7bit"
    part: MIMEPart = MIMEPart(policy=_POLICY)
    part.set_content(text, charset=charset, cte=encoding)
    if not kind.startswith("text/"):
        # Such a part has no charset, and the email package leaves its line ends alone.
        part.del_param("charset")
        part.set_payload(str(part.get_payload()).replace("\n", "\r\n"))
    part.set_type(kind)
    # That of the whole is enough.
    del part["MIME-Version"]
    return part

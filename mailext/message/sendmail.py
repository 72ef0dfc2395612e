"""
A message as a program hands it to ``sendmail``: lines of any kind, fields
missing, and whom it is for only told by the fields.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.utils import formataddr, getaddresses

from mailext.message.headers import HeaderSection
from mailext.values import HeaderField, Mailbox

__all__ = ["author_in", "canonical", "recipients_in", "up_to_dot", "with_author"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LONE_DOT = re.compile(rb"^\.\r?(?:\n|\Z)", re.MULTILINE)
_MBOX_LINE = re.compile(rb"From [^\r\n]*\r\n")
_RECIPIENTS = (b"to", b"cc", b"bcc")
_RESENT_RECIPIENTS = (b"resent-to", b"resent-cc", b"resent-bcc")


def up_to_dot(content: bytes) -> bytes:
    """What stands before the first line that is a dot and nothing else."""
    end = _LONE_DOT.search(content)
    return content if end is None else content[: end.start()]


def canonical(content: bytes) -> bytes:
    """
    The message in lines that end in CRLF, without the line that begins a
    message in an mbox file.
    """
    lines = _LINE_END.sub(b"\r\n", content)
    lines = _MBOX_LINE.sub(b"", lines, count=1) if lines.startswith(b"From ") else lines
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def recipients_in(headers: HeaderSection) -> list[str]:
    """
    The addresses of To, Cc and Bcc; of a message that is sent again those of
    Resent-To, Resent-Cc and Resent-Bcc alone (RFC 5322 section 3.6.6).
    """
    names = _RESENT_RECIPIENTS if headers.count(*_RESENT_RECIPIENTS) else _RECIPIENTS
    fields = [value for name in names for value in headers.values(name)]
    return [address for _, address in getaddresses(fields) if address]


def author_in(headers: HeaderSection) -> str | None:
    """The first address of the From field, None where there is none."""
    return next((address for _, address in getaddresses(headers.values(b"from")) if address), None)


def with_author(headers: HeaderSection, author: Mailbox, name: str = "") -> HeaderSection:
    """
    Add the From field where there is none.

    :param name: the author's full name; empty for none.
    :raise ValueError: if it cannot stand in a field.
    """
    if headers.count(b"from"):
        return headers
    if not name:
        value = str(author)
    elif author.is_ascii:
        value = formataddr((name, str(author)))
    else:
        value = str(Address(name, author.local_part, author.domain))
    return headers.with_on_top(HeaderField("From", value))

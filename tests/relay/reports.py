"""Delivery status notifications, as a program reads them."""

from __future__ import annotations

import email
import email.policy
import quopri
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass(frozen=True)
class Report:
    """
    A report, taken apart.

    :param raw: the whole message.
    :param about: the fields of the message that it is about.
    :param recipients: the fields of each recipient.
    """

    raw: bytes
    message: EmailMessage
    text: str
    about: EmailMessage
    recipients: tuple[EmailMessage, ...]

    @property
    def told(self) -> list[str]:
        """Of each recipient the local part, what happened, and the code."""
        return [
            f"{_local_part(block['Final-Recipient'])} {block['Action']} {block['Status']}"
            for block in self.recipients
        ]


def _local_part(field: str) -> str:
    return field.partition(";")[2].strip().rpartition("@")[0]


def read_report(raw: bytes) -> Report:
    """
    :raise AssertionError: if it is not what RFC 3464, 6522 and 3834 make of a
        report, or holds more of a message than its header section (R23).
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    # The null reverse-path: nobody reports on a report.
    assert raw.startswith(b"Return-Path: <>\r\n")
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    text, status, headers = message.get_payload()
    assert text.get_content_type() == "text/plain"
    assert headers.get_content_type() in {"text/rfc822-headers", "message/global-headers"}
    about, *recipients = _blocks(status)
    return Report(raw, message, text.get_content(), about, tuple(recipients))


def _blocks(status: EmailMessage) -> list[EmailMessage]:
    if status.get_content_type() == "message/delivery-status":
        return list(status.get_payload())
    # RFC 6533 section 3. The standard library takes it for a message, and
    # leaves its encoding as it is.
    assert status.get_content_type() == "message/global-delivery-status"
    octets = status.as_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    if status["Content-Transfer-Encoding"] == "quoted-printable":
        octets = quopri.decodestring(octets)
    return [_fields(block) for block in octets.strip().split(b"\n\n")]


def _fields(block: bytes) -> EmailMessage:
    found = EmailMessage()
    for line in block.decode("utf-8").splitlines():
        name, _, value = line.partition(": ")
        found[name] = value
    return found

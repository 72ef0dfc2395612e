"""A report of ours as a message (RFC 8460 section 5.3)."""

from __future__ import annotations

from datetime import datetime
from email.message import MIMEPart
from email.policy import SMTP
from email.utils import format_datetime

from mailext.message.headers import HeaderSection
from mailext.message.submission import with_tls_optional
from mailext.tlsrpt.composing import MEDIA_TYPE, ReportFile
from mailext.values import (
    Envelope,
    HeaderField,
    Mailbox,
    MailOptions,
    Notify,
    RcptOptions,
    Recipient,
    TlsDemand,
)

__all__ = ["compose_message", "report_envelope"]

_POLICY = SMTP.clone(refold_source="none")


def report_envelope(contact: Mailbox, to: Mailbox) -> Envelope:
    """
    The envelope of a report.

    :param contact: whom to ask about it: the reverse-path. It is not told
        where a report did not arrive; nobody waits for one.
    """
    quiet = RcptOptions(notify=frozenset({Notify.NEVER}))
    # RFC 8460 section 3: delivered despite any failure of TLS.
    return Envelope(contact, (Recipient(to, quiet),), MailOptions(), TlsDemand.OPTIONAL)


def compose_message(
    file: ReportFile, contact: Mailbox, to: Mailbox, date: datetime
) -> tuple[HeaderSection, bytes]:
    """
    :param date: an aware datetime.
    :return: the message: its header section, and its body as canonical CRLF
        lines.
    """
    report = file.report
    message = _part()
    # Base64 and our words never have "=_".
    message.add_header("Content-Type", "multipart/report", report_type="tlsrpt", boundary=f"=_{file.unique}")
    message.set_payload([_words(file), _attachment(file)])
    mime, body = HeaderSection.parse(message.as_bytes())
    subject = f"Report Domain: {file.domain} Submitter: {file.submitter} Report-ID: <{report.id}>"
    headers = mime.with_on_top(
        HeaderField("From", str(contact)),
        HeaderField("To", str(to)),
        HeaderField("Subject", subject),
        HeaderField("Date", format_datetime(date)),
        HeaderField("Message-ID", f"<{report.id}>"),
        HeaderField("TLS-Report-Domain", file.domain),
        HeaderField("TLS-Report-Submitter", file.submitter),
        # RFC 3834 section 5.
        HeaderField("Auto-Submitted", "auto-generated"),
        HeaderField("MIME-Version", "1.0"),
    )
    return with_tls_optional(headers), body


def _words(file: ReportFile) -> MIMEPart:
    day = file.report.begin.date().isoformat()
    part = _part()
    part.set_content(
        f"This is an aggregate TLS report (RFC 8460) from {file.submitter}\n"
        f"about the sessions with hosts of {file.domain} on {day} (UTC).\n",
        charset="us-ascii",
        cte="7bit",
    )
    del part["MIME-Version"]
    return part


def _attachment(file: ReportFile) -> MIMEPart:
    part = _part()
    part.set_content(file.content, *MEDIA_TYPE.split("/"), filename=file.name)
    del part["MIME-Version"]
    return part


def _part() -> MIMEPart:
    return MIMEPart(policy=_POLICY)

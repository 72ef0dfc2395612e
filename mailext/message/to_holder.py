"""What every message of the server's own to the holder of an account begins with."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from mailext.message.headers import HeaderSection
from mailext.values import HeaderField, Mailbox

__all__ = ["note_headers"]


def note_headers(hostname: str, unique: str, to: Mailbox, subject: str, time: datetime) -> HeaderSection:
    """
    :param hostname: the name of this server.
    :param unique: makes the ``Message-ID`` unlike any other.
    :param subject: nothing that a client can choose.
    :return: the header section of a message whose body is ASCII.
    """
    return HeaderSection().with_on_top(
        HeaderField("From", f"Mail System <MAILER-DAEMON@{hostname}>"),
        HeaderField("To", str(to)),
        HeaderField("Subject", subject),
        HeaderField("Date", format_datetime(time)),
        HeaderField("Message-ID", f"<{unique}@{hostname}>"),
        # RFC 3834 section 5.
        HeaderField("Auto-Submitted", "auto-generated"),
        HeaderField("MIME-Version", "1.0"),
        HeaderField("Content-Type", "text/plain; charset=us-ascii"),
    )

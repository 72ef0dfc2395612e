"""
What a submission server does to a message (RFC 6409 section 8), and a client
that asks for delivery without TLS.

A relay does none of this: it is for the first server of a message only.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime

from mailext.message.headers import HeaderSection
from mailext.values import BodyType, Envelope, HeaderField

__all__ = ["complete", "with_needs", "with_tls_optional"]

_BLIND = ("Bcc", "Resent-Bcc")
_TLS_REQUIRED = "TLS-Required"
# Its name in draft-ietf-uta-smtp-require-tls-03 section 3.
_REQUIRE_TLS = "RequireTLS"


def complete(headers: HeaderSection, *, date: datetime, unique: str, hostname: str) -> HeaderSection:
    """
    Add what is missing and remove what nobody else may see.

    :param date: for a missing ``Date``; an aware datetime.
    :param unique: for a missing ``Message-ID``: what stands before its ``@``.
    :param hostname: what stands behind it.
    :return: the section with ``Date`` and ``Message-ID`` (RFC 6409 sections
        8.2 and 8.3), behind the other fields so that the trace fields stay on
        top, and without ``Bcc`` and ``Resent-Bcc`` (RFC 5322 section 3.6.3).
    """
    missing = []
    if not headers.count(b"date"):
        missing.append(HeaderField("Date", format_datetime(date)))
    if not headers.count(b"message-id"):
        missing.append(HeaderField("Message-ID", f"<{unique}@{hostname}>"))
    added = HeaderSection().with_on_top(*missing)
    return HeaderSection(headers.without(_BLIND).fields + added.fields)


def with_tls_optional(headers: HeaderSection) -> HeaderSection:
    """
    Ask for delivery even where TLS cannot be had.

    :return: the section with the field ``TLS-Required: No``, once (R7, RFC
        8689 section 3).
    """
    return headers.without([_TLS_REQUIRED, _REQUIRE_TLS]).with_on_top(HeaderField(_TLS_REQUIRED, "No"))


def with_needs(envelope: Envelope, message: bytes) -> Envelope:
    """
    Say what a message needs of the hops that carry it, where that is not said:
    SMTPUTF8 for its addresses (RFC 6531), and 8BITMIME for its octets (RFC
    6152).
    """
    options = envelope.options
    addresses = [recipient.address for recipient in envelope.recipients]
    if envelope.reverse_path is not None:
        addresses.append(envelope.reverse_path)
    if not all(address.is_ascii for address in addresses):
        options = replace(options, smtputf8=True)
    if options.body is None and (options.smtputf8 or not message.isascii()):
        options = replace(options, body=BodyType.EIGHT_BIT_MIME)
    return envelope if options is envelope.options else replace(envelope, options=options)

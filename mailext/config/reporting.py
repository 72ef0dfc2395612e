"""What ``[tlsrpt]`` means. A value that makes no sense raises :class:`ValueError`."""

from __future__ import annotations

import math

from mailext.accounts.canonical import canonical_domain
from mailext.config.model import TlsReports
from mailext.tlsrpt.courier import Submitter
from mailext.tlsrpt.reporter import ReportingRules
from mailext.values import Mailbox
from mailext.wire.grammar import parse_mailbox

__all__ = ["contact_address", "organization", "reporting_rules"]

_DAY = 86400
_LONGEST_NAME = 200


def contact_address(text: str) -> Mailbox:
    """
    Whom to ask about reports.

    :raise ValueError: if it is not an address that stands in a report.
    """
    mailbox = parse_mailbox(text)
    if not mailbox.local_part.isascii():
        raise ValueError("must be an address in ASCII")
    return Mailbox(mailbox.local_part, canonical_domain(mailbox.domain))


def organization(text: str) -> str:
    """
    Who sends reports.

    :raise ValueError: if that is no line of text.
    """
    if not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError(f"must be a line of text, of {_LONGEST_NAME} characters at the most")
    return text


def reporting_rules(said: TlsReports) -> ReportingRules:
    """
    Whether reports are sent, and how.

    :raise ValueError: as :func:`contact_address` and :func:`organization`.
    """
    keep_days = math.ceil(said.keep / _DAY)
    if not said.contact:
        return ReportingRules(keep_days=keep_days)
    contact = contact_address(said.contact)
    submitter = Submitter(contact, organization(said.organization_name) or contact.domain, said.mail)
    return ReportingRules(submitter, keep_days)

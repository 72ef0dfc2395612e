"""What a report tells, before it is a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from mailext.message.headers import HeaderSection
from mailext.values import Mailbox, Outcome, Recipient, TlsDemand

__all__ = ["EXPIRED", "LONGEST_ADDRESS", "Action", "RecipientReport", "Report"]

#: Delivery time expired (RFC 3463 section 3.5).
EXPIRED = "4.4.7"

#: Octets: a local part of 64, the @, and a domain of 255 (RFC 5321 sections
#: 4.5.3.1.1 and 4.5.3.1.2).
LONGEST_ADDRESS = 320

_STATUS = re.compile(r"[245]\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})")


class Action(Enum):
    """
    What was done about a recipient (RFC 3464 section 2.3.3). What the reader
    has to know first stands first.
    """

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """
    What a report tells of one recipient.

    :param outcome: what the last attempt brought.
    :param last_attempt: when that was; an aware datetime.
    :param retry_until: of one that is delayed: when it will be given up.
    """

    recipient: Recipient
    action: Action
    outcome: Outcome
    last_attempt: datetime
    retry_until: datetime | None = None

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463): ours, and always one that fits the reply code."""
        outcome = self.outcome
        if self.action is Action.FAILED and outcome.is_temporary:
            return EXPIRED
        status_class = {2: "2", 4: "4"}.get(outcome.code // 100, "5")
        if outcome.enhanced[:1] == status_class and _STATUS.fullmatch(outcome.enhanced):
            return outcome.enhanced
        return f"{status_class}.0.0"


@dataclass(frozen=True, slots=True)
class Report:
    """
    A delivery status notification.

    :param hostname: who reports.
    :param unique: of this report alone: for its ``Message-ID``.
    :param date: when; an aware datetime.
    :param to: the reverse-path of the message that it is about.
    :param recipients: those it tells of, at least one.
    :param arrived: when that message was accepted; an aware datetime.
    :param envid: the message's ``ENVID``, decoded.
    :param tls_demand: the message's.
    :param headers: the message's header section; empty where it is not known.
    """

    hostname: str
    unique: str
    date: datetime
    to: Mailbox
    recipients: tuple[RecipientReport, ...]
    arrived: datetime
    envid: str | None
    tls_demand: TlsDemand
    headers: HeaderSection

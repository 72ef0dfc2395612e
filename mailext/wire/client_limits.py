"""What a server says of its limits (RFC 9422), and what a client makes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mailext.values import Outcome, Recipient

__all__ = ["BEYOND_LIMITS", "ServerLimits", "is_beyond_limits"]

_LIMIT = re.compile(r"(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=([1-9][0-9]{0,5})")

#: Of a recipient that the server was not told of: another transaction may
#: have room for it.
BEYOND_LIMITS = Outcome(452, "4.5.3", "More recipients than the next hop takes at a time")


def is_beyond_limits(outcome: Outcome) -> bool:
    """
    Whether a recipient is to be named in another transaction, by what the
    server said before or says now (RFC 5321 section 4.5.3.1.10).
    """
    return (outcome.code, outcome.enhanced) == (BEYOND_LIMITS.code, BEYOND_LIMITS.enhanced)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """
    None of them, where the server states none.

    :param mails: transactions in a session (``MAILMAX``).
    :param recipients: recipients in a transaction (``RCPTMAX``).
    :param domains: domains of recipients in a session (``RCPTDOMAINMAX``).
    """

    mails: int | None = None
    recipients: int | None = None
    domains: int | None = None

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> ServerLimits:
        """
        :param arguments: those of the keyword ``LIMITS``. What is not
            understood limits nothing.
        """
        matches = (_LIMIT.fullmatch(argument.upper()) for argument in arguments)
        stated = {match[1]: int(match[2]) for match in matches if match is not None}
        return cls(stated.get("MAILMAX"), stated.get("RCPTMAX"), stated.get("RCPTDOMAINMAX"))

    def within(self, recipients: Sequence[Recipient], domains: AbstractSet[str]) -> Sequence[Recipient]:
        """
        Those that may be named in the next transaction.

        :param domains: those that were named in the session, in lower case.
        """
        if self.domains is not None:
            named = set(domains)
            taken = []
            for recipient in recipients:
                domain = recipient.address.domain.lower()
                if domain in named or len(named) < self.domains:
                    named.add(domain)
                    taken.append(recipient)
            recipients = taken
        return recipients if self.recipients is None else recipients[: self.recipients]

    def is_reached(self, mails: int, domains: AbstractSet[str]) -> bool:
        """
        Whether a session has served its time: another one may serve better.

        :param mails: how many transactions there were.
        :param domains: those that were named.
        """
        if self.mails is not None and mails >= self.mails:
            return True
        return self.domains is not None and len(domains) >= self.domains

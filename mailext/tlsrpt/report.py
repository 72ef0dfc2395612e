"""What a report tells, be it ours or somebody else's (RFC 8460 section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

__all__ = ["FailureDetails", "PolicyFigures", "Report", "day_of", "end_of", "start_of"]


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """
    Sessions that failed in the same way.

    :param result_type: of :class:`~mailext.values.TlsResultType`, or one that
        was not known when this was written.
    :param sessions: how many.
    :param mx_host: the host's name.
    :param helo: the name by which it greeted.
    :param receiving_ip: the host's IP address.
    :param sending_ip: the IP address that it was connected from.
    :param reason: what went wrong, in words or as a code.
    :param information: a URI that tells more.
    """

    result_type: str
    sessions: int
    mx_host: str = ""
    helo: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""
    reason: str = ""
    information: str = ""


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """
    What became of one policy.

    :param policy_type: of :class:`~mailext.values.TlsPolicyType`, or one that
        was not known when this was written.
    :param domain: whose policy it is.
    :param strings: the policy in its own words.
    :param mx_hosts: the patterns of hosts of an MTA-STS policy.
    :param successes: sessions that complied with it.
    :param failures: sessions that did not.
    :param details: in what ways; together they may be more, or less.
    """

    policy_type: str
    domain: str
    strings: tuple[str, ...] = ()
    mx_hosts: tuple[str, ...] = ()
    successes: int = 0
    failures: int = 0
    details: tuple[FailureDetails, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """
    A report.

    :param organization: who made it.
    :param contact: the address of whom to ask about it.
    :param id: no other report of that organization has it.
    :param begin: the beginning of the time that it covers; an aware datetime.
    :param end: its end; likewise.
    """

    organization: str
    contact: str
    id: str
    begin: datetime
    end: datetime
    policies: tuple[PolicyFigures, ...] = ()


def day_of(moment: float) -> date:
    """
    The UTC day of a moment.

    :param moment: wall clock, seconds since the epoch.
    """
    return datetime.fromtimestamp(moment, UTC).date()


def start_of(day: date) -> datetime:
    """The first second of a UTC day."""
    return datetime.combine(day, time(), UTC)


def end_of(day: date) -> datetime:
    """The last second of a UTC day, as RFC 8460 appendix B writes it."""
    return start_of(day) + timedelta(days=1, seconds=-1)

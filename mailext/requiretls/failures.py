"""
What it means for a message that no host of its route took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailext.requiretls.path import Lack, Requirement, Shortfall
from mailext.values import Outcome

__all__ = ["HostFailure", "folded", "leads_to_next_pass"]


@dataclass(frozen=True, slots=True)
class HostFailure:
    """
    Why a host did not take a message.

    :param cause: what it fell short of; or what went wrong, in DNS, with the
        connection, or in its own words.
    """

    host: str
    cause: Outcome | Shortfall


def leads_to_next_pass(failures: Sequence[HostFailure]) -> bool:
    """
    Whether the next of :func:`~mailext.requiretls.path.passes` may begin: some
    host was asked, and lacks something. Where all that is known is trouble,
    there is nothing yet to make concessions for.
    """
    return any(
        isinstance(failure.cause, Shortfall) and failure.cause.lack is not Lack.UNKNOWN
        for failure in failures
    )


def folded(requirement: Requirement, failures: Sequence[HostFailure]) -> Outcome:
    """
    The outcome of a pass that no host brought to an end.

    :param requirement: what was required in this pass.
    :param failures: why each host did not take the message, in the order in
        which they were tried; at least one.
    """
    outcomes = [failure.cause for failure in failures if isinstance(failure.cause, Outcome)]
    temporary = [outcome for outcome in outcomes if outcome.is_temporary]
    # R15, RFC 8689 section 4.2.1: trouble with one host may be over soon.
    if temporary:
        return temporary[0]
    # ... so may be that something could not be looked up; and a host that
    # lacked the keyword alone says most of all the rest.
    for lack in Lack.UNKNOWN, Lack.KEYWORD, Lack.TLS:
        for failure in failures:
            if isinstance(failure.cause, Shortfall) and failure.cause.lack is lack:
                return _lacking(failure.host, failure.cause, final=requirement.final)
    return outcomes[-1]


def _lacking(host: str, shortfall: Shortfall, *, final: bool) -> Outcome:
    text = f"{_WORDS[shortfall.lack]}: {host}: {shortfall.reason}"
    if final and shortfall.lack is not Lack.UNKNOWN:
        return Outcome(550, f"5.{_DETAILS[shortfall.lack]}", text)
    return Outcome(451, f"4.{_DETAILS[shortfall.lack]}", text)


_WORDS = {
    Lack.KEYWORD: "REQUIRETLS support required",
    Lack.TLS: "Encryption needed",
    Lack.UNKNOWN: "A host cannot be validated",
}
_DETAILS = {Lack.KEYWORD: "7.30", Lack.TLS: "7.10", Lack.UNKNOWN: "4.3"}

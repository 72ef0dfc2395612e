"""What a program's exit status says of a message, by the header file sysexits.h."""

from __future__ import annotations

from collections.abc import Mapping

from mailext.values import Outcome

__all__ = ["outcome_of_status"]

_TEMPORARY = "The program asks for another attempt"

# The enhanced codes are those of sendmail and Postfix.
_OUTCOMES: Mapping[int, Outcome] = {
    0: Outcome(250, "2.0.0", "Delivered to the program"),
    64: Outcome(554, "5.3.5", "The program was called wrongly"),
    65: Outcome(554, "5.6.0", "The program cannot read the message"),
    66: Outcome(554, "5.3.0", "The program lacks an input"),
    67: Outcome(550, "5.1.1", "No such user"),
    68: Outcome(550, "5.1.2", "No such host"),
    69: Outcome(554, "5.3.0", "The program lacks a service"),
    70: Outcome(554, "5.3.0", "The program has an internal error"),
    71: Outcome(451, "4.3.0", _TEMPORARY),
    72: Outcome(554, "5.3.0", "The program lacks a file of the system"),
    73: Outcome(554, "5.2.0", "The program cannot create a file"),
    74: Outcome(451, "4.3.0", _TEMPORARY),
    75: Outcome(451, "4.3.0", _TEMPORARY),
    76: Outcome(554, "5.5.0", "The program met a protocol error"),
    77: Outcome(550, "5.7.0", "The program refuses the message"),
    78: Outcome(554, "5.3.5", "The program is configured wrongly"),
}
_OTHER = Outcome(554, "5.3.0", "The program failed")


def outcome_of_status(status: int) -> Outcome:
    """:param status: what the program has given to ``exit``."""
    return _OUTCOMES.get(status, _OTHER)

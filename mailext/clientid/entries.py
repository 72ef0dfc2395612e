"""
What is kept of an attempt to log in: for the log of the account's holder, and
to try another configuration on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol as TypingProtocol

from twisted.internet.defer import Deferred

from mailext.message.harmless import line
from mailext.values import LoginOutcome, Place, Protocol

__all__ = ["LoginEntry", "LoginSink"]

_LONGEST_LINE = 500


@dataclass(frozen=True, slots=True)
class LoginEntry:
    """
    One attempt to log in, without secrets.

    :param time: wall clock, seconds since the epoch.
    :param account: whose login it was; while ``proved`` is False, whose it was
        to be.
    :param proved: whether the password was right, even if the login was
        refused then.
    :param reason: why it failed, for the operator.
    :param type: the identity's type, empty without one.
    :param clientid: its id, a keyed hash (C24); empty without one.
    :param authenticate: whether checkers saw the identity (C23).
    :param user_log: whether it belongs into the log of the account's holder
        (C23).
    :param alert: whether the type's flags want somebody to look at this
        outcome (C23).
    :param repeated: as :attr:`mailext.values.LoginAttempt.repeated`.
    """

    time: float
    account: str
    proved: bool
    outcome: LoginOutcome
    reason: str
    protocol: Protocol
    listener: str
    mechanism: str
    place: Place
    type: str = ""
    clientid: str = ""
    authenticate: bool = False
    user_log: bool = False
    alert: bool = False
    repeated: bool = False

    def told(self) -> str:
        """:return: a line for the holder of the account."""
        time = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="seconds")
        where = f"{self.place.address} {self.place.country}".rstrip()
        told = (
            f"{time} {self.outcome.value} {self.type} {self.clientid} from {where} by {self.protocol.value}"
        )
        return line(told, _LONGEST_LINE)


class LoginSink(TypingProtocol):
    """Whoever does something with entries: keeps them, or sends messages."""

    def take(self, entry: LoginEntry) -> Deferred[None]:
        """
        Take the next entry.

        :return: a Deferred that fires when it was dealt with.
        """

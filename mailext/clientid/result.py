"""
What a login comes to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from twisted.cred.error import UnauthorizedLogin
from zope.interface import Interface

from mailext.values import LoginOutcome, Verdict

__all__ = ["Login", "LoginRefusedError", "LoginUnavailableError", "RejectAt"]


class RejectAt(StrEnum):
    """Which command a refused identity makes fail."""

    #: AUTH, with the reply of a wrong password.
    AUTH = "auth"
    #: MAIL, with 550 5.7.1; AUTH succeeds if the password is right.
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Login:
    """
    A login that succeeded.

    :param interface: the interface, of those asked for, that the avatar
        provides.
    :param logout: to be called once, when the session ends.
    :param avatar_id: the account; the user name as given where the portal
        tells no more, empty for an anonymous avatar.
    :param refusal: what MAIL is to be answered where a refused identity comes
        to bear there (:attr:`RejectAt.MAIL`), else None.
    """

    interface: type[Interface]
    avatar: object
    logout: Callable[[], object]
    avatar_id: str
    refusal: Verdict | None = None


class LoginRefusedError(UnauthorizedLogin):
    """
    The login failed for good: 535 5.7.8, whatever the reason.

    :ivar outcome: what checkers and log are told; the client never is.
    :ivar reason: for the log.
    """

    def __init__(self, outcome: LoginOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class LoginUnavailableError(Exception):
    """
    A check before the password, or the back end, failed: 454 4.7.0.

    :ivar outcome: always :attr:`LoginOutcome.ERROR`.
    :ivar reason: for the log.
    """

    outcome = LoginOutcome.ERROR

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

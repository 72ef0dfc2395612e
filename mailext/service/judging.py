"""Who judges the sessions of SMTP, under one configuration."""

from __future__ import annotations

from typing import Protocol

from twisted.cred.portal import IRealm

from mailext.config.model import Listener
from mailext.interfaces import IDeliveryPolicy
from mailext.service.logging_in import LoggingIn

__all__ = ["Judging"]


class Judging(Protocol):
    """
    What stands behind the doors of SMTP:
    :class:`~mailext.service.own_judging.OwnJudging`, or in a worker what asks it.
    """

    def logging_in(self, listener: Listener, realm: IRealm) -> LoggingIn:
        """
        :raise ValueError: if a checker cannot be made after all.
        """

    def policies(self, listener: Listener) -> tuple[IDeliveryPolicy, ...]:
        """
        :raise ValueError: if one cannot be made after all.
        """

    def policy_timeout(self, listener: Listener) -> float:
        """For how many seconds one answer of these policies is waited for."""

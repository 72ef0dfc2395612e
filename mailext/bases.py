# ruff: noqa: ARG002 - a default does not look at what it is asked about
"""
Base classes for what a third party writes.

An interface asks for all of its methods; a checker or policy mostly has
something to say in one of them. The others are answered here, by having
nothing against it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IClientIdentityChecker, IDeliveryPolicy
from mailext.message.headers import HeaderSection
from mailext.values import (
    ACCEPTED,
    Envelope,
    LoginAttempt,
    LoginOutcome,
    Mailbox,
    MailOptions,
    RcptOptions,
    SessionView,
    Verdict,
)

__all__ = ["ClientIdentityChecker", "DeliveryPolicy"]


@implementer(IClientIdentityChecker)
class ClientIdentityChecker:
    """A checker that accepts everything and records nothing."""

    identityTypes: frozenset[str] = frozenset()

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        return ACCEPTED

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        return ACCEPTED

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> object:
        """See :meth:`IClientIdentityChecker.settled`."""

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""


@implementer(IDeliveryPolicy)
class DeliveryPolicy:
    """A policy that accepts everything."""

    def judgeSender(
        self,
        sender: Mailbox | None,
        options: MailOptions,
        session: SessionView,
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeSender`."""
        return ACCEPTED

    def judgeRecipient(
        self,
        envelope: Envelope,
        recipient: Mailbox,
        options: RcptOptions,
        session: SessionView,
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeRecipient`."""
        return ACCEPTED

    def judgeMessage(
        self,
        envelope: Envelope,
        headers: HeaderSection,
        session: SessionView,
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeMessage`."""
        return ACCEPTED

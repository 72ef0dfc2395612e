"""Policies of a worker, which the main process asks: what they count is counted once."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IDeliveryPolicy
from mailext.message.headers import HeaderSection
from mailext.values import Envelope, Mailbox, MailOptions, RcptOptions, SessionView, Verdict
from mailext.workers.channel import Channel
from mailext.workers.messages import JudgeMessage, JudgeRecipient, JudgeSender

__all__ = ["DistantPolicies"]


@implementer(IDeliveryPolicy)
class DistantPolicies:
    """All policies of the session's listener, as one."""

    def __init__(self, channel: Channel) -> None:
        self._ask = channel.ask

    def judgeSender(
        self, sender: Mailbox | None, options: MailOptions, session: SessionView
    ) -> Deferred[Verdict]:
        """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeSender`."""
        return self._ask(JudgeSender(sender, options, session))

    def judgeRecipient(
        self, envelope: Envelope, recipient: Mailbox, options: RcptOptions, session: SessionView
    ) -> Deferred[Verdict]:
        """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeRecipient`."""
        return self._ask(JudgeRecipient(envelope, recipient, options, session))

    def judgeMessage(
        self, envelope: Envelope, headers: HeaderSection, session: SessionView
    ) -> Deferred[Verdict]:
        """See :meth:`mailext.interfaces.IDeliveryPolicy.judgeMessage`."""
        return self._ask(JudgeMessage(envelope, headers, session))

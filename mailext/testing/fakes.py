"""
Fakes of what plugins are given, and of plugins themselves.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from mailext.clientid.counters import MemoryCounterStore
from mailext.interfaces import IClientIdentityChecker, IDeliveryPolicy, IPluginServices
from mailext.message.headers import HeaderSection
from mailext.testing.registry import MemoryIdentityRegistry, MemoryLicenceRegistry
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

__all__ = ["FakeServices", "ScriptedChecker", "ScriptedPolicy"]

#: What a scripted plugin answers: a verdict, now or later, or an exception
#: that it raises.
Answer = Verdict | Deferred[Verdict] | Exception


@implementer(IPluginServices)
class FakeServices:
    """What a factory is given: a clock that stands still, empty registries, and counters at zero."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.identities = MemoryIdentityRegistry()
        self.licences = MemoryLicenceRegistry()
        self.counters = MemoryCounterStore(self.clock)


@implementer(IClientIdentityChecker)
class ScriptedChecker:
    """
    A checker that gives the answers it was made with.

    :param attempt: its answer to ``checkAttempt``.
    :param login: its answer to ``checkLogin``.
    :param types: its ``identityTypes``.
    :ivar calls: every call: the name of the method and its arguments.
    """

    def __init__(
        self, attempt: Answer = ACCEPTED, login: Answer = ACCEPTED, types: frozenset[str] = frozenset()
    ) -> None:
        self.identityTypes = types
        self.calls: list[tuple[object, ...]] = []
        self._attempt = attempt
        self._login = login

    def checkAttempt(self, attempt: LoginAttempt) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkAttempt`."""
        self.calls.append(("checkAttempt", attempt))
        return _given(self._attempt)

    def checkLogin(self, attempt: LoginAttempt, avatarId: str) -> Verdict | Deferred[Verdict]:
        """See :meth:`IClientIdentityChecker.checkLogin`."""
        self.calls.append(("checkLogin", attempt, avatarId))
        return _given(self._login)

    def settled(self, attempt: LoginAttempt, outcome: LoginOutcome) -> None:
        """See :meth:`IClientIdentityChecker.settled`."""
        self.calls.append(("settled", attempt, outcome))

    def sessionEnded(self, session: SessionView) -> None:
        """See :meth:`IClientIdentityChecker.sessionEnded`."""
        self.calls.append(("sessionEnded", session))


@implementer(IDeliveryPolicy)
class ScriptedPolicy:
    """
    A policy that gives the answers it was made with.

    :param sender: its answer to ``judgeSender``.
    :param recipient: its answer to ``judgeRecipient``.
    :param message: its answer to ``judgeMessage``.
    :ivar calls: every call: the name of the method and its arguments.
    """

    def __init__(
        self, sender: Answer = ACCEPTED, recipient: Answer = ACCEPTED, message: Answer = ACCEPTED
    ) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._sender = sender
        self._recipient = recipient
        self._message = message

    def judgeSender(
        self, sender: Mailbox | None, options: MailOptions, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeSender`."""
        self.calls.append(("judgeSender", sender, options, session))
        return _given(self._sender)

    def judgeRecipient(
        self, envelope: Envelope, recipient: Mailbox, options: RcptOptions, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeRecipient`."""
        self.calls.append(("judgeRecipient", envelope, recipient, options, session))
        return _given(self._recipient)

    def judgeMessage(
        self, envelope: Envelope, headers: HeaderSection, session: SessionView
    ) -> Verdict | Deferred[Verdict]:
        """See :meth:`IDeliveryPolicy.judgeMessage`."""
        self.calls.append(("judgeMessage", envelope, headers, session))
        return _given(self._message)


def _given(answer: Answer) -> Verdict | Deferred[Verdict]:
    if isinstance(answer, Exception):
        raise answer
    return answer

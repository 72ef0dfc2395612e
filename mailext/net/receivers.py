"""
Who takes a message: a delivery target, or a site's own ``IMessage`` objects.

Both look the same to a transaction: an
:class:`~mailext.interfaces.IDelivery` that takes the body in chunks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.mail.interfaces import IMessageSMTP
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import IDelivery
from mailext.judgement import log_trouble
from mailext.message.headers import HeaderSection
from mailext.net.refusals import refusal_of
from mailext.values import Mailbox, Outcome, SessionView
from mailext.wire import replies

__all__ = ["LineMessages"]


@implementer(IDelivery)
class LineMessages:
    """
    A site's ``IMessage`` objects, one for each recipient, which want lines.

    A message object that raises gets no further line; its recipient fails.

    :param session: whose message it is, for the log.
    """

    def __init__(self, session: SessionView) -> None:
        self._session = session
        self._messages: list[tuple[Mailbox, IMessageSMTP]] = []
        self._failures: list[tuple[Mailbox, Failure]] = []
        # Its parts are put together once: a line may be as long as a message.
        self._partial: list[bytes] = []

    def add(self, recipient: Mailbox, message: IMessageSMTP) -> None:
        """The message object that a recipient's factory has made."""
        self._messages.append((recipient, message))

    def begin(self, headers: Sequence[HeaderSection]) -> None:
        """
        Give each message its own header section.

        :param headers: in the order of the messages.
        """
        for (recipient, message), section in zip(list(self._messages), headers, strict=True):
            self._give(recipient, message, bytes(section).split(b"\r\n")[:-1])

    def write(self, data: bytes) -> None:
        beginning, *others = data.split(b"\r\n")
        self._partial.append(beginning)
        if not others:
            return
        lines = [b"".join(self._partial), *others]
        self._partial = [lines.pop()]
        for recipient, message in list(self._messages):
            self._give(recipient, message, lines)

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        recipients = [recipient for recipient, _ in self._messages]
        done = DeferredList(
            [maybeDeferred(message.eomReceived) for _, message in self._messages], consumeErrors=True
        )
        return done.addCallback(self._outcomes, recipients)

    def abort(self) -> None:
        messages, self._messages = self._messages, []
        for _, message in messages:
            self._disconnect(message)

    def _give(self, recipient: Mailbox, message: IMessageSMTP, lines: Sequence[bytes]) -> None:
        try:
            for line in lines:
                message.lineReceived(line)
        except Exception:  # noqa: BLE001 - whatever a site's object raises
            self._failures.append((recipient, Failure()))
            self._messages.remove((recipient, message))
            self._disconnect(message)

    def _outcomes(
        self, results: Sequence[tuple[bool, object]], recipients: Sequence[Mailbox]
    ) -> Mapping[Mailbox, Outcome]:
        outcomes = {}
        for recipient, (_, result) in zip(recipients, results, strict=True):
            if isinstance(result, Failure):
                outcomes[recipient] = self._outcome(result)
            else:
                outcomes[recipient] = Outcome(250, "2.0.0", "Delivery in progress")
        for recipient, failure in self._failures:
            outcomes[recipient] = self._outcome(failure)
        return outcomes

    def _outcome(self, failure: Failure) -> Outcome:
        return refusal_of(failure, replies.LOCAL_ERROR, self._session).as_outcome()

    def _disconnect(self, message: IMessageSMTP) -> None:
        try:
            message.connectionLost()
        except Exception as error:  # noqa: BLE001 - whatever a site's object raises
            log_trouble(error, "a message object failed on connectionLost", self._session)

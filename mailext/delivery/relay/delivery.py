"""A message on its way to a host that wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.delivery.relay.stream import ContentStream
from mailext.interfaces import IDelivery, IHopConnection
from mailext.values import Envelope, Handover, Mailbox, Outcome

__all__ = ["Outcomes", "RelayDelivery"]

Outcomes = Mapping[Mailbox, Outcome]


@implementer(IDelivery)
class RelayDelivery:
    """
    One message on a connection, from MAIL to the reply to its end. When that
    is over the connection is given back.

    :param ended: called with the outcomes.
    :ivar outcomes: what became of the recipients, None before the end.
    """

    def __init__(
        self, connection: IHopConnection, beginning: bytes, ended: Callable[[Outcomes], object]
    ) -> None:
        self.outcomes: Outcomes | None = None
        self._connection = connection
        self._stream = ContentStream(beginning)
        self._ended = ended
        self._done: Deferred[Outcomes] = Deferred(lambda _: self.abort())
        self._sending: Deferred[None] | None = None

    async def begin(self, envelope: Envelope) -> bool:
        """
        Name sender and recipients.

        :param envelope: with the options for this host.
        :return: whether the host wants the content; if not, all is settled.
        """
        sending = self._connection.send(envelope, self._stream)
        self._sending = sending.addCallback(self._sent).addErrback(self._failed)
        try:
            await self._stream.begun
        except BaseException:
            self.abort()
            raise
        return self._stream.wanted

    def write(self, data: bytes) -> Deferred[None] | None:
        """See :meth:`IDelivery.write`."""
        return self._stream.write(data)

    def commit(self) -> Deferred[Outcomes]:
        """See :meth:`IDelivery.commit`."""
        self._stream.end()
        return self._done

    def abort(self) -> None:
        """See :meth:`IDelivery.abort`: nothing but the end of the connection ends a message."""
        if self._sending is not None and not self._done.called:
            self._sending.cancel()

    def _sent(self, outcomes: Outcomes) -> None:
        dsn = "DSN" in self._connection.keywords
        self.outcomes = {mailbox: _onward(outcome, dsn=dsn) for mailbox, outcome in outcomes.items()}
        self._part()
        self._ended(self.outcomes)
        self._done.callback(self.outcomes)

    def _failed(self, failure: Failure) -> None:
        self._part()
        if not failure.check(CancelledError):
            self._done.errback(failure)

    def _part(self) -> None:
        self._connection.release()
        self._stream.close()


def _onward(outcome: Outcome, *, dsn: bool) -> Outcome:
    if outcome.delivered:
        return replace(outcome, handover=Handover.NEXT_HOP if dsn else Handover.UNREPORTED)
    if outcome.in_doubt:
        return replace(outcome, text=f"{outcome.text}, behind the end of the message: it may have arrived")
    return outcome

"""Much to send, at the pace at which the client takes it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer, IReactorTime
from zope.interface import implementer

from mailext.access.transport import IReaderTransport

__all__ = ["Outflow"]


@implementer(IPushProducer)
class Outflow:
    """
    Between :meth:`open` and :meth:`close` it is the transport's producer.

    :param patience: for how many seconds a client may take nothing.
    """

    def __init__(self, transport: IReaderTransport, clock: IReactorTime, patience: float) -> None:
        self._transport = transport
        self._clock = clock
        self._patience = patience
        self._waiting: Deferred[None] | None = None
        self._is_full = False
        self._is_gone = False

    def open(self) -> None:
        """Begin."""
        self._transport.registerProducer(self, True)  # noqa: FBT003 - IConsumer's

    def close(self) -> None:
        """Everything has been written."""
        self._transport.unregisterProducer()

    async def write(self, data: bytes) -> None:
        """
        Write octets, and wait until there is room for more.

        :raise ConnectionLost: if the connection is gone.
        :raise twisted.internet.defer.TimeoutError: if the client takes
            nothing for too long.
        """
        if not self._is_gone:
            self._transport.write(data)
        if self._is_full and not self._is_gone:
            self._waiting = Deferred()
            await self._waiting.addTimeout(self._patience, self._clock)
        if self._is_gone:
            raise ConnectionLost

    def pauseProducing(self) -> None:
        self._is_full = True

    def resumeProducing(self) -> None:
        self._is_full = False
        self._go_on()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._is_gone = True
        self._go_on()

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

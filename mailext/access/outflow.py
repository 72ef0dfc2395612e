"""Much to send, at the pace at which the client takes it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReactorTime

from mailext.access.transport import IReaderTransport
from mailext.backpressure import Backpressure

__all__ = ["Outflow"]


class Outflow:
    """
    What a connection sends, from :meth:`open` to :meth:`close`.

    :param patience: for how many seconds a client may take nothing.
    :param drained: called when a client takes again what it is sent.
    """

    def __init__(
        self,
        transport: IReaderTransport,
        clock: IReactorTime,
        patience: float,
        drained: Callable[[], object],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._patience = patience
        self._drained = drained
        self._waiting: Deferred[None] | None = None
        self._backpressure = Backpressure(transport, self._go_on)
        self.open = self._backpressure.open
        self.close = self._backpressure.close

    @property
    def is_full(self) -> bool:
        """Whether the client has not taken what it was sent."""
        return self._backpressure.is_full

    async def write(self, data: bytes) -> None:
        """
        Write octets, and wait until there is room for more.

        :raise ConnectionLost: if the connection is gone.
        :raise twisted.internet.defer.TimeoutError: if the client takes
            nothing for too long.
        """
        if not self._backpressure.is_gone:
            self._transport.write(data)
        if self.is_full:
            self._waiting = Deferred()
            await self._waiting.addTimeout(self._patience, self._clock)
        if self._backpressure.is_gone:
            raise ConnectionLost

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)
        if not self._backpressure.is_gone:
            self._drained()

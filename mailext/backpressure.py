"""Whether a client takes what it is sent, or lets it pile up here."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

__all__ = ["Backpressure"]


@implementer(IPushProducer)
class Backpressure:
    """
    Between :meth:`open` and :meth:`close` it is the producer of a transport.

    :param drained: called when there is room again, and when the connection
        is gone.
    :ivar is_full: whether more waits to be sent than the transport likes.
    :ivar is_gone: whether the connection is gone.
    """

    def __init__(self, transport: IConsumer, drained: Callable[[], object]) -> None:
        self.is_full = False
        self.is_gone = False
        self._transport = transport
        self._drained = drained
        self._is_open = False

    def open(self) -> None:
        """Begin."""
        self._is_open = True
        self._transport.registerProducer(self, True)  # noqa: FBT003 - IConsumer's

    def close(self) -> None:
        """End: what has been written is all."""
        if self._is_open:
            self._is_open = self.is_full = False
            self._transport.unregisterProducer()

    @property
    def is_open(self) -> bool:
        """Whether it is the transport's producer."""
        return self._is_open

    def pauseProducing(self) -> None:
        self.is_full = True

    def resumeProducing(self) -> None:
        self.is_full = False
        self._drained()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.is_gone = True
        self.is_full = False
        self._drained()

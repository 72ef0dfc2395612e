"""What a connection of a mail reader is asked for."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport

__all__ = ["IReaderTransport"]


class IReaderTransport(ITCPTransport, IPushProducer, IConsumer):
    """A connection that can be paused, written to at its own pace, and cut off."""

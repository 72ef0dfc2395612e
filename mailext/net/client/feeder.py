"""A message on its way out, no faster than the host takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Feeder"]

_AT_ONCE = 1 << 15


@implementer(IPushProducer)
class Feeder:
    """
    :param content: the message; a Deferred says that there will be more of it
        when it fires.
    :param transport: what is full, or not.
    :param write: takes a part of the message.
    :param finish: called at its end.
    :param failed: called with what went wrong, in the content or on its way.
    """

    def __init__(
        self,
        content: Iterable[bytes | Deferred[None]],
        transport: IConsumer,
        write: Callable[[bytes], None],
        finish: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._content = iter(content)
        self._transport = transport
        self._write = write
        self._finish = finish
        self._failed = failed
        self._fed = 0
        self._registered = False
        self._paused = False
        self._awaiting = False
        self._feeding = False
        self._stopped = False

    def start(self) -> None:
        """Feed from now on."""
        self._go_on()

    def stop(self) -> None:
        """Feed no more."""
        if not self._stopped:
            self._stopped = True
            if self._registered:
                self._transport.unregisterProducer()

    def resumeProducing(self) -> None:
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        if self._feeding:
            return
        self._feeding = True
        try:
            self._feed()
        except Exception as error:  # noqa: BLE001 - whatever the content raises
            self.stop()
            self._failed(error)
        finally:
            self._feeding = False

    def _feed(self) -> None:
        while not (self._paused or self._awaiting or self._stopped):
            data = next(self._content, None)
            if data is None:
                self.stop()
                self._finish()
            elif isinstance(data, Deferred):
                self._awaiting = True
                data.addCallbacks(self._there_is_more, self._there_is_none)
            else:
                self._write(data)
                self._count(len(data))

    def _count(self, octets: int) -> None:
        self._fed += octets
        # What is no more than this fills no transport.
        if self._fed > _AT_ONCE and not (self._registered or self._stopped):
            self._registered = True
            self._transport.registerProducer(self, True)  # noqa: FBT003 - streaming

    def _there_is_more(self, _: None) -> None:
        self._awaiting = False
        self._go_on()

    def _there_is_none(self, failure: Failure) -> None:
        if not self._stopped and failure.value is not None:
            self.stop()
            self._failed(failure.value)

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._stopped = True

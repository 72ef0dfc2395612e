"""What attempts have brought is recorded, however often it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mailext.queue.clock import QueueClock
from mailext.values import QueueEntry

__all__ = ["PAUSE_AFTER_FAULT", "Recorder"]

_log = Logger()

#: How long to leave a store alone that failed, in seconds.
PAUSE_AFTER_FAULT = 5.0


class Recorder:
    """
    Delivered but not recorded means delivered twice: recording is tried until
    it succeeds or the server stops.

    :param clock: for the pauses between tries.
    """

    def __init__(self, clock: QueueClock) -> None:
        self._clock = clock
        self._stopping = False
        self._pauses: set[Deferred[None]] = set()

    def stop(self) -> None:
        """From now on there is one try, or one more."""
        self._stopping = True
        for pause in tuple(self._pauses):
            pause.cancel()

    async def record(self, entry: QueueEntry, step: Callable[[], Awaitable[None]]) -> None:
        """
        Take one step until it succeeds.

        :param entry: the message that it is about.
        :raise Exception: what was wrong with it, once the server stops.
        """
        while True:
            try:
                await step()
            except Exception:
                if self._stopping:
                    raise
                _log.failure("The outcomes of {queueId} could not be recorded", queueId=entry.id)
                await self._pause()
            else:
                return

    async def _pause(self) -> None:
        pause = self._clock.pause(PAUSE_AFTER_FAULT)
        self._pauses.add(pause)
        # Cancelled by stop(): then there is one try more.
        with suppress(CancelledError):
            await pause
        self._pauses.discard(pause)

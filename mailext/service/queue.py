"""The queue manager of a server whose configuration may change."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred, succeed

from mailext.config.model import Relay
from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.clock import QueueClock
from mailext.queue.manager import QueueManager
from mailext.queue.schedule import RetrySchedule

__all__ = ["QueueRunner"]


class QueueRunner:
    """
    Runs a queue manager, and puts another one in its place when the schedule
    changes.

    :param store: the queue.
    :param target: where every message goes.
    :param random: for the schedule's jitter.
    """

    def __init__(
        self, store: IQueueStore, target: IDeliveryTarget, clock: QueueClock, random: Random
    ) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._random = random
        self._manager: QueueManager | None = None

    def wake(self) -> None:
        """Something may be due. A manager that is not there yet looks when it starts."""
        if self._manager is not None:
            self._manager.wake()

    def start(self, relay: Relay) -> None:
        """
        Begin to deliver.

        :param relay: has the schedule.
        """
        self._manager = QueueManager(
            self._store,
            self._target,
            RetrySchedule(relay.retry, relay.give_up_after),
            self._clock,
            self._random,
        )
        self._manager.start()

    def stop(self) -> Deferred[None]:
        """
        Begin no attempt any more.

        :return: a Deferred that fires when those under way have been settled.
        """
        manager, self._manager = self._manager, None
        return manager.stop() if manager is not None else succeed(None)

    def configure(self, relay: Relay) -> Deferred[None]:
        """Go on with another schedule, as soon as what is under way has been settled."""
        return self.stop().addCallback(lambda _: self.start(relay))

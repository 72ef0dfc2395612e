"""Whether there is room for another message: on the disk, and in the queue."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.config.model import Limits
from mailext.wire import replies
from mailext.wire.replies import Reply

__all__ = ["StateRoom"]

_log = Logger()

# For how long a look is good, in seconds.
_GOOD_FOR = 1.0


class StateRoom:
    """
    Looks at the disk and counts the queue when it is asked, once a second at
    most. Whoever puts messages into the queue from within, as the reports of
    failed deliveries, does not ask.

    :param folder: the state directory.
    :param count: asks the store how many messages are in the queue.
    """

    def __init__(self, folder: Path, count: Callable[[], Deferred[int]], clock: IReactorTime) -> None:
        self._folder = folder
        self._count = count
        self._clock = clock
        self._free = 0
        self._looked: float | None = None
        self._messages = 0
        self._counted: float | None = None
        self._is_counting = False

    def refusal(self, octets: int, limits: Limits) -> Reply | None:
        """
        :param octets: what a message says of its size; 0 if it says nothing.
        :return: what MAIL is answered if there is no room for the message.
        """
        if not self.has_room(octets, limits):
            return replies.DISK_FULL
        self._count_again()
        return replies.QUEUE_FULL if self._messages >= limits.queue_messages else None

    def has_room(self, octets: int, limits: Limits) -> bool:
        """Whether the disk has room for so many octets beside its reserve."""
        if limits.disk_reserve and self._is_old(self._looked):
            self._looked = self._clock.seconds()
            self._look()
        return not limits.disk_reserve or self._free - octets >= limits.disk_reserve

    def _is_old(self, when: float | None) -> bool:
        return when is None or not 0 <= self._clock.seconds() - when < _GOOD_FOR

    def _look(self) -> None:
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            _log.failure("The disk of {folder} does not tell what is free", folder=str(self._folder))
            self._free = 0
        else:
            self._free = disk.f_bavail * disk.f_frsize

    def _count_again(self) -> None:
        if self._is_counting or not self._is_old(self._counted):
            return
        self._is_counting = True
        self._count().addCallbacks(self._count_known, self._count_unknown)

    def _count_known(self, messages: int) -> None:
        self._is_counting = False
        self._counted = self._clock.seconds()
        self._messages = messages

    def _count_unknown(self, failure: Failure) -> None:
        # Whoever adds to the queue hears of the store's trouble, too.
        _log.failure("The store does not tell how many messages wait", failure)
        self._count_known(0)

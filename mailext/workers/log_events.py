"""Log events on their way from a worker to the log of the main process."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure
from twisted.python.threadable import isInIOThread
from zope.interface import implementer

from mailext.workers.messages import Logged

__all__ = ["EventSender", "packed", "unpacked"]

# Of these a key is either no concern of the other process, or made anew there.
_LEFT_OUT = frozenset({"log_level", "log_logger", "log_source", "log_trace"})
_PLAIN = frozenset({str, int, float, bool, type(None)})


@implementer(ILogObserver)
class EventSender:
    """
    Sends the events of this process.

    :param tell: says something to the main process, in the reactor's thread.
    """

    def __init__(self, reactor: IReactorFromThreads, tell: Callable[[Logged], object]) -> None:
        self._reactor = reactor
        self._tell = tell
        self._least = LogLevel.info

    def configure(self, least: str) -> None:
        """Send events of this level and above."""
        self._least = LogLevel.levelWithName(least)

    def __call__(self, event: LogEvent) -> None:
        """See :class:`twisted.logger.ILogObserver`."""
        if event["log_level"] < self._least:
            return
        logged = Logged(packed(event))
        if isInIOThread():
            self._tell(logged)
        else:
            self._reactor.callFromThread(self._tell, logged)


def packed(event: LogEvent) -> Mapping[str, object]:
    """
    What can be said of an event in another process. Where it has a value that
    means something only here, its text is made here.
    """
    said: dict[str, object] = {}
    is_whole = True
    for key, value in event.items():
        if key in _LEFT_OUT:
            continue
        if _is_plain(value):
            said[key] = value
        elif isinstance(value, Failure):
            said[key] = _portable(value)
        else:
            is_whole = False
    if not is_whole:
        said["log_format"], said["log_text"] = "{log_text}", formatEvent(event)
    said["log_level"] = event["log_level"].name
    return said


def unpacked(said: Mapping[str, object]) -> LogEvent:
    """The event as a log observer wants it."""
    return {**said, "log_level": LogLevel.levelWithName(str(said["log_level"]))}


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict and isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(each) for key, each in value.items())
    return kind in (list, tuple) and isinstance(value, list | tuple) and all(map(_is_plain, value))


def _portable(failure: Failure) -> Failure:
    try:
        pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever is in an exception
        return Failure(RuntimeError(failure.getTraceback()))
    return failure

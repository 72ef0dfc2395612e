"""
One end of the connection between the main process and a worker.

What is said in one turn of the reactor travels together, as a length and a
pickle; what nobody waits for gathers for some milliseconds, because each of these
parcels costs both ends a turn. Whoever could write to it is one of the two, so the
pickle is trusted.
"""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IConsumer, IDelayedCall, IReactorSocket, IReactorTime, ITransport
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from mailext.backpressure import Backpressure
from mailext.workers.messages import Question

__all__ = ["Channel", "ChannelError", "ChannelLostError", "Handlers", "adopt"]

_log = Logger()

T = TypeVar("T")

#: What an end does with what it is told: a function for each class. Of a
#: question the result is the answer, or a Deferred of it.
Handlers = Mapping[type[object], Callable[[Any], object]]

# The number of what has no answer.
_NOTE = 0
# Seconds.
_GATHERED_FOR = 0.005


class ChannelError(Exception):
    """The other end could not answer."""


class ChannelLostError(ChannelError):
    """The other end is gone."""


@dataclass(frozen=True)
class _Answer:
    value: object


@dataclass(frozen=True)
class _Trouble:
    reason: str


class Channel(Int32StringReceiver):
    """
    :param handlers: what is done with what the other end says.
    :param lost: called when the other end is gone.
    """

    # A list of accounts is the longest.
    MAX_LENGTH = 1 << 30

    def __init__(self, reactor: IReactorTime, handlers: Handlers, lost: Callable[[], object]) -> None:
        self._reactor = reactor
        self._handlers = handlers
        self._lost = lost
        self._number = _NOTE
        self._asked: dict[int, Deferred[Any]] = {}
        self._outgoing: list[bytes] = []
        self._flushing: IDelayedCall | None = None
        self._wait = 0.0
        self._drained: list[Deferred[None]] = []
        self._is_gone = False

    def connectionMade(self) -> None:
        self._pressure = Backpressure(IConsumer(self.transport), self._let_go)
        self._pressure.open()

    def tell(self, message: object) -> None:
        """
        Say something that has no answer.

        :raise Exception: if it cannot be pickled.
        """
        self._put(_NOTE, message)

    def mention(self, message: object) -> None:
        """Say something that has no answer, and that may wait for some milliseconds."""
        self._put(_NOTE, message, _GATHERED_FOR)

    def ask(self, question: Question[T]) -> Deferred[T]:
        """
        :return: a Deferred of the answer. It fails with :class:`ChannelError`
            if the other end could not give one, and with its kind
            :class:`ChannelLostError` if that is gone.
        """
        answer: Deferred[T] = Deferred()
        self._number += 1
        try:
            self._put(self._number, question)
        except Exception as error:  # noqa: BLE001 - whatever pickling raises
            return fail(ChannelError(f"the question cannot be put: {error}"))
        self._asked[self._number] = answer
        if self._is_gone:
            self._forget_asked()
        return answer

    def room(self) -> Deferred[None] | None:
        """
        :return: None if the other end keeps up, else a Deferred that fires when
            it has.
        """
        if not self._pressure.is_full:
            return None
        drained: Deferred[None] = Deferred()
        self._drained.append(drained)
        return drained

    def close(self) -> None:
        """Close it, for both ends."""
        ITransport(self.transport).loseConnection()

    def flush(self) -> None:
        """Send what was said."""
        said, self._outgoing = self._outgoing, []
        self._flushing = None
        if said and not self._is_gone:
            self.sendString(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))  # type: ignore[no-untyped-call]

    def stringReceived(self, string: bytes) -> None:
        for said in pickle.loads(string):  # noqa: S301 - see above
            self._take(*pickle.loads(said))  # noqa: S301 - likewise

    def lengthLimitExceeded(self, length: int) -> None:
        _log.error("A worker's channel announced {length} octets and is closed", length=length)
        super().lengthLimitExceeded(length)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 - Twisted's signature
        self._is_gone = True
        # A worker ends here: what the main process may have done before it died
        # is not to be answered as if it had failed.
        self._lost()
        self._let_go()
        self._forget_asked()

    def _put(self, number: int, message: object, wait: float = 0.0) -> None:
        # Each by itself: one that cannot be pickled is nobody else's trouble.
        self._outgoing.append(pickle.dumps((number, message), pickle.HIGHEST_PROTOCOL))
        if self._flushing is None:
            self._flushing = self._reactor.callLater(wait, self.flush)
            self._wait = wait
        elif wait < self._wait:
            self._flushing.reset(wait)
            self._wait = wait

    def _take(self, number: int, message: object) -> None:
        if isinstance(message, _Answer):
            self._asked.pop(number).callback(message.value)
            return
        if isinstance(message, _Trouble):
            self._asked.pop(number).errback(ChannelError(message.reason))
            return
        done = maybeDeferred(self._do, message)
        if number != _NOTE:
            done.addCallback(lambda value: self._put(number, _Answer(value)))
        done.addErrback(partial(self._failed, number, type(message).__name__))

    def _do(self, message: object) -> object:
        return self._handlers[type(message)](message)

    def _failed(self, number: int, name: str, failure: Failure) -> None:
        _log.failure("{name} could not be done", failure, name=name)
        if number != _NOTE:
            self._put(number, _Trouble(failure.getErrorMessage()))

    def _let_go(self) -> None:
        waiting, self._drained = self._drained, []
        for drained in waiting:
            drained.callback(None)

    def _forget_asked(self) -> None:
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(ChannelLostError("the other process is gone"))


def adopt(reactor: IReactorSocket, descriptor: int, channel: Channel) -> None:
    """
    Let a channel work on one end of a socket pair.

    :param descriptor: of a socket that does not block; it is copied.
    """

    factory: ServerFactory[Any] = ServerFactory()
    factory.noisy = False
    factory.protocol = lambda: channel
    reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)

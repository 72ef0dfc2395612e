"""The workers of a main process: started, told, watched, started again, ended."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorProcess,
    IReactorSocket,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mailext.workers.channel import Channel, ChannelError, ChannelLostError, adopt
from mailext.workers.counting import ConnectionNews
from mailext.workers.desk import Desk
from mailext.workers.messages import Begin, ConnectionBegun, ConnectionEnded, Drain, NewConfiguration, Ping

__all__ = ["CHANNEL", "FIRST_SOCKET", "Crew", "ICrewReactor"]

_log = Logger()

#: The descriptors of a worker: its end of the channel, and the first of its sockets.
CHANNEL = 3
FIRST_SOCKET = 4

# Seconds.
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 10.0
_LIVED_LONG = 60.0
_PING_EVERY = 5.0
#: How long a worker may do nothing before it is taken for hung.
_PATIENCE = 30.0


class ICrewReactor(IReactorProcess, IReactorTime, IReactorSocket):
    """What a crew asks of a reactor."""


class Crew:
    """All workers. There is none before the start."""

    def __init__(self, reactor: ICrewReactor) -> None:
        self._reactor = reactor
        self._posts: list[_Post] = []

    def start(
        self,
        sockets: Iterable[Sequence[socket.socket]],
        begin: Callable[[], Begin],
        make_desk: Callable[[ConnectionNews], Desk],
    ) -> None:
        """
        Start the processes.

        :param sockets: of each worker, those that it listens on: as many as
            there are workers.
        :param begin: makes the first thing that a worker is told.
        :param make_desk: makes a desk for a worker, of what tells the others of
            a connection.
        """
        posts = [_Post(self._reactor, number, each) for number, each in enumerate(sockets, 1)]
        self._posts = posts
        for post in posts:
            others = [each for each in posts if each is not post]
            post.start(begin, partial(make_desk, partial(_mention, others)))

    def tell(self, message: object) -> None:
        """Tell all workers."""
        for post in self._posts:
            post.tell(message)

    def mention(self, news: ConnectionBegun | ConnectionEnded) -> None:
        """Tell all workers of a connection, in some milliseconds."""
        _mention(self._posts, news)

    def configure(self, configuration: NewConfiguration) -> None:
        """Have all workers go on with another configuration. One that cannot is started again with it."""
        for post in self._posts:
            post.configure(configuration)

    async def serving(self) -> None:
        """Wait until all workers listen."""
        for post in self._posts:
            await post.serves

    async def stop(self, grace: float) -> None:
        """
        Have all workers let their transactions come to their end, and end.

        :param grace: for how many seconds they may take.
        """
        for stopped in [Deferred.fromCoroutine(post.stop(grace)) for post in self._posts]:
            await stopped


def _mention(posts: Sequence[_Post], news: ConnectionBegun | ConnectionEnded) -> None:
    for post in posts:
        post.mention(news)


class _Post(ProcessProtocol):
    """
    A place in the crew: one worker after the other.

    :ivar serves: fires when the first one listens.
    """

    _begin: Callable[[], Begin]
    _make_desk: Callable[[], Desk]
    _process: IProcessTransport | None = None
    _channel: Channel | None = None
    _restart: IDelayedCall | None = None
    _ended: Deferred[None] | None = None

    def __init__(self, reactor: ICrewReactor, number: int, sockets: Sequence[socket.socket]) -> None:
        self.serves: Deferred[None] = Deferred()
        self._reactor = reactor
        self._number = number
        self._sockets = sockets
        self._delay = _FIRST_DELAY
        self._started = 0.0
        self._is_stopping = False
        self._pings = LoopingCall(self._ping)
        self._pings.clock = reactor

    def start(self, begin: Callable[[], Begin], make_desk: Callable[[], Desk]) -> None:
        self._begin = begin
        self._make_desk = make_desk
        self._spawn()

    def tell(self, message: object) -> None:
        if self._channel is not None:
            self._channel.tell(message)

    def mention(self, news: ConnectionBegun | ConnectionEnded) -> None:
        if self._channel is not None:
            self._channel.mention(news)

    def configure(self, configuration: NewConfiguration) -> None:
        if self._channel is not None:
            done = self._channel.ask(configuration).addTimeout(_PATIENCE, self._reactor)
            done.addErrback(self._not_configured)

    async def stop(self, grace: float) -> None:
        self._is_stopping = True
        # As long as they are open here the kernel takes connections for them.
        for each in self._sockets:
            each.close()
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
        if self._channel is None or self._process is None:
            return
        ended = self._ended = Deferred()
        self._stop_pings()
        try:
            await self._channel.ask(Drain()).addTimeout(grace, self._reactor)
        except (ChannelError, DeferredTimeoutError) as error:
            self._kill(f"did not end in order ({error})")
        else:
            # It ends itself when nobody is there any more.
            self._channel.close()
        await ended

    # One worker

    def _spawn(self) -> None:
        self._restart = None
        self._started = self._reactor.seconds()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for each in (ours, theirs):
                os.set_blocking(each.fileno(), False)
            descriptors = {0: 0, 1: 1, 2: 2, CHANNEL: theirs.fileno()}
            descriptors |= {at: each.fileno() for at, each in enumerate(self._sockets, FIRST_SOCKET)}
            self._process = self._reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-P", "-m", "mailext.worker", str(self._number)],
                # It is to find the same modules as this process.
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                childFDs=descriptors,
            )
            desk = self._make_desk()
            self._channel = Channel(self._reactor, desk.handlers, partial(self._lost, desk))
            adopt(self._reactor, ours.fileno(), self._channel)
        begun = self._channel.ask(self._begin()).addTimeout(_PATIENCE, self._reactor)
        begun.addCallbacks(self._serving, self._not_serving)

    def _serving(self, _: None) -> None:
        _log.info("Worker {number} serves", number=self._number)
        self._pings.start(_PING_EVERY, now=False)
        if not self.serves.called:
            self.serves.callback(None)

    def _not_serving(self, failure: Failure) -> None:
        if not failure.check(ChannelLostError):
            self._kill(f"could not begin ({failure.getErrorMessage()})")

    def _ping(self) -> Deferred[None]:
        assert self._channel is not None
        return self._channel.ask(Ping()).addTimeout(_PATIENCE, self._reactor).addErrback(self._not_alive)

    def _not_alive(self, failure: Failure) -> None:
        if not failure.check(ChannelLostError):
            self._kill("does nothing any more")

    def _not_configured(self, failure: Failure) -> None:
        if not failure.check(ChannelLostError):
            self._kill(f"could not take up the configuration ({failure.getErrorMessage()})")

    def _stop_pings(self) -> None:
        if self._pings.running:
            self._pings.stop()

    def _kill(self, reason: str) -> None:
        _log.error("Worker {number} {reason} and is killed", number=self._number, reason=reason)
        self._end()

    def _lost(self, desk: Desk) -> None:
        # Only now all is known that the worker has said.
        desk.close()
        if not self._is_stopping:
            # It is of no use any more.
            self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.pid is not None:
            self._process.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        """See :class:`twisted.internet.protocol.ProcessProtocol`."""
        self._stop_pings()
        self._process = self._channel = None
        if self._is_stopping:
            if self._ended is not None:
                self._ended.callback(None)
            return
        if self._reactor.seconds() - self._started > _LIVED_LONG:
            self._delay = _FIRST_DELAY
        _log.error(
            "Worker {number} has ended and is started again in {delay:.0f} s: {reason}",
            number=self._number,
            delay=self._delay,
            reason=reason.getErrorMessage(),
        )
        self._restart = self._reactor.callLater(self._delay, self._spawn)
        self._delay = min(2 * self._delay, _LONGEST_DELAY)

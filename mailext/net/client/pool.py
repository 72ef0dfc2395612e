"""
Connections that serve one message after the other.

A connection is kept for a while after its message, and serves another only if
that is satisfied by what the connection has proved: a message with REQUIRETLS
never gets one that is weaker. A destination has no more than so many
connections at a time; who comes too many waits, the first first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from mailext.interfaces import IHopConnection, IHopConnector
from mailext.values import (
    Envelope,
    HopSession,
    Mailbox,
    NextHop,
    Outcome,
    TlsEvidence,
    TlsFailedError,
    TlsUse,
)

__all__ = ["ConnectionPool", "PoolSettings"]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """
    :param concurrency: connections to one host and port at a time, those that
        wait for a message included.
    :param idle: seconds that a connection waits for another message.
    :param messages: after so many a connection is not used again.
    """

    concurrency: int = 20
    idle: float = 5.0
    messages: int = 100


@dataclass(eq=False, slots=True)
class _Pooled:
    """
    A connection of the pool.

    :ivar timer: runs out when it has waited long enough.
    :ivar reused: whether it was given back before.
    """

    connection: IHopConnection
    use: TlsUse
    reused: bool = False
    messages: int = 0
    timer: IDelayedCall | None = None

    def serves(self, hop: NextHop, use: TlsUse) -> bool:
        """Whether it was opened as one for this hop would be."""
        ours = self.connection.hop
        return self.use is use and (ours.host, ours.implicit_tls, ours.authenticate) == (
            hop.host,
            hop.implicit_tls,
            hop.authenticate,
        )


@dataclass(eq=False, slots=True)
class _Destination:
    """
    A host and port.

    :ivar open: connections that are open, or about to be.
    """

    open: int = 0
    idle: list[_Pooled] = field(default_factory=list)
    waiting: deque[Deferred[None]] = field(default_factory=deque)


@implementer(IHopConnection)
class _Lease:
    """A connection of the pool, in the hands of one who sends."""

    def __init__(
        self, pooled: _Pooled, give_back: Callable[[_Pooled], None], end: Callable[[_Pooled], Deferred[None]]
    ) -> None:
        self._pooled = pooled
        self._give_back = give_back
        self._end = end
        self._over = False
        self.hop: NextHop = pooled.connection.hop
        self.session: HopSession = pooled.connection.session
        self.address: str = pooled.connection.address
        self.reused: bool = pooled.reused

    @property
    def evidence(self) -> TlsEvidence | None:
        return self._pooled.connection.evidence

    @property
    def keywords(self) -> Mapping[str, tuple[str, ...]]:
        return self._pooled.connection.keywords

    @property
    def usable(self) -> bool:
        return not self._over and self._pooled.connection.usable

    def send(
        self, envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        if self._over:
            raise RuntimeError("the connection was given back")
        self._pooled.messages += 1
        return self._pooled.connection.send(envelope, content)

    def release(self) -> None:
        if not self._over:
            self._over = True
            self._give_back(self._pooled)

    def quit(self) -> Deferred[None]:
        if self._over:
            return succeed(None)
        self._over = True
        return self._end(self._pooled)


@implementer(IHopConnector)
class ConnectionPool:
    """
    :param connector: makes new connections.
    """

    def __init__(
        self, connector: IHopConnector, clock: IReactorTime, settings: PoolSettings | None = None
    ) -> None:
        self._connector = connector
        self._clock = clock
        self._settings = settings or PoolSettings()
        self._destinations: dict[tuple[str, int], _Destination] = {}
        self._closing = False

    def connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        return Deferred.fromCoroutine(self._connect(hop, use, satisfies, failed))

    def close(self) -> Deferred[None]:
        """
        Part with every connection that nobody uses, and with the others when
        they are given back.

        :return: a Deferred that fires when those that nobody uses are gone.
        """
        self._closing = True
        idle = [pooled for destination in self._destinations.values() for pooled in destination.idle]
        return DeferredList([self._end(pooled) for pooled in idle]).addCallback(lambda _: None)

    async def _connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object],
    ) -> IHopConnection:
        key = (hop.host, hop.port)
        destination = self._destinations.setdefault(key, _Destination())
        while True:
            kept = self._take(destination, hop, use, satisfies)
            if kept is not None:
                return self._lease(kept)
            if destination.open < self._settings.concurrency:
                break
            if destination.idle:
                # One that will not do gives way to one that will.
                self._end(destination.idle[0])
                continue
            await self._turn(destination)
        # It may have been given up when the last of its connections ended.
        self._destinations[key] = destination
        destination.open += 1
        try:
            connection = await self._connector.connect(hop, use, satisfies, failed)
        except BaseException:
            self._closed(hop)
            raise
        return self._lease(_Pooled(connection, use))

    def _take(
        self,
        destination: _Destination,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
    ) -> _Pooled | None:
        # The last that was used is the least likely to be closed by the host.
        for pooled in reversed(list(destination.idle)):
            if not pooled.connection.usable:
                self._end(pooled)
            elif pooled.serves(hop, use) and satisfies(pooled.connection):
                self._awake(destination, pooled)
                return pooled
        return None

    def _lease(self, pooled: _Pooled) -> _Lease:
        return _Lease(pooled, self._give_back, self._end)

    def _give_back(self, pooled: _Pooled) -> None:
        hop = pooled.connection.hop
        destination = self._destinations[hop.host, hop.port]
        if self._closing or not pooled.connection.usable or pooled.messages >= self._settings.messages:
            self._end(pooled)
            return
        pooled.reused = True
        destination.idle.append(pooled)
        pooled.timer = self._clock.callLater(self._settings.idle, self._end, pooled)
        self._next(destination)

    def _end(self, pooled: _Pooled) -> Deferred[None]:
        hop = pooled.connection.hop
        self._awake(self._destinations[hop.host, hop.port], pooled)
        self._closed(hop)
        return pooled.connection.quit()

    def _awake(self, destination: _Destination, pooled: _Pooled) -> None:
        if pooled in destination.idle:
            destination.idle.remove(pooled)
        timer, pooled.timer = pooled.timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _closed(self, hop: NextHop) -> None:
        destination = self._destinations[hop.host, hop.port]
        destination.open -= 1
        self._next(destination)
        if not destination.open and not destination.waiting:
            self._destinations.pop((hop.host, hop.port), None)

    def _turn(self, destination: _Destination) -> Deferred[None]:
        turn: Deferred[None] = Deferred(destination.waiting.remove)
        destination.waiting.append(turn)
        return turn

    def _next(self, destination: _Destination) -> None:
        if destination.waiting:
            destination.waiting.popleft().callback(None)

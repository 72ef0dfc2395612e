"""
Connections that serve one message after the other.

A connection is kept for a while after its message, and serves another only if
that is satisfied by what the connection has proved: a message with REQUIRETLS
never gets one that is weaker. A destination has no more than so many
connections at a time; who comes too many waits, the first first. Where
somebody waits, the envelope of the next message is said behind the end of the
last one, before that is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import IHopConnection, IHopConnector, IPipeliningConnection
from mailext.net.client.pace import Pace
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

_log = Logger()

_Place = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """
    :param concurrency: connections to one host and port at a time, those that
        wait for a message included.
    :param idle: seconds that a connection waits for another message.
    :param messages: after so many a connection is not used again.
    :param interval: seconds from one message for a host and port to the next;
        0: as fast as it goes.
    """

    concurrency: int = 20
    idle: float = 5.0
    messages: int = 100
    interval: float = 0.0


@dataclass(eq=False, slots=True)
class _Wish:
    """What somebody asks the pool for."""

    hop: NextHop
    use: TlsUse
    satisfies: Callable[[IHopConnection], bool]
    failed: Callable[[TlsFailedError], object]


@dataclass(eq=False, slots=True)
class _Waiting:
    """
    :ivar turn: fires with a connection, or with None where a new one is to be
        made.
    """

    wish: _Wish
    turn: Deferred[_Pooled | None]


@dataclass(eq=False, slots=True)
class _Pooled:
    """
    A connection of the pool.

    :ivar leases: in how many hands it is: in two, while the envelope of one's
        message is said behind the end of the other's.
    :ivar timer: runs out when it has waited long enough.
    :ivar reused: whether it was given to somebody before.
    :ivar unwanted: whether it ends when it was given back.
    """

    connection: IHopConnection
    use: TlsUse
    messages: int = 0
    leases: int = 0
    timer: IDelayedCall | None = None
    reused: bool = False
    unwanted: bool = False

    def serves(self, wish: _Wish) -> bool:
        """Whether it was opened as one for this hop would be, and will do."""
        ours, hop = self.connection.hop, wish.hop
        if self.use is not wish.use or (ours.host, ours.implicit_tls, ours.authenticate) != (
            hop.host,
            hop.implicit_tls,
            hop.authenticate,
        ):
            return False
        try:
            return wish.satisfies(self.connection)
        except Exception:  # noqa: BLE001 - asked while another's message ends, which is none of its business
            _log.failure("Whether a connection to {host} serves is not known", host=hop.host)
            return False


@dataclass(eq=False, slots=True)
class _Destination:
    """
    A host and port.

    :ivar open: connections that are open, or about to be.
    :ivar calling: whether those that wait are being called.
    """

    open: int = 0
    calling: bool = False
    idle: list[_Pooled] = field(default_factory=list)
    waiting: deque[_Waiting] = field(default_factory=deque)


@implementer(IHopConnection)
class _Lease:
    """A connection of the pool, in the hands of one who sends one message."""

    def __init__(
        self, pooled: _Pooled, give_back: Callable[[_Pooled], None], end: Callable[[_Pooled], Deferred[None]]
    ) -> None:
        self._pooled = pooled
        self._give_back = give_back
        self._end = end
        self._over = False
        self._sent = False
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

    @property
    def worn_out(self) -> bool:
        return self._pooled.connection.worn_out

    def send(
        self, envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        if self._over or self._sent:
            raise RuntimeError("the connection was given back, or is with the next message by now")
        self._sent = True
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
        self._pace = Pace(clock, self._settings.interval)
        self._destinations: dict[_Place, _Destination] = {}
        self._closing = False

    def connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        wish = _Wish(hop, use, satisfies, failed)
        if not self._settings.interval:
            return self._fulfil(wish)
        return self._pace.turn(_place(hop)).addCallback(lambda _: self._fulfil(wish))

    def close(self) -> Deferred[None]:
        """
        Part with every connection that nobody uses, and with the others when
        they are given back.

        :return: a Deferred that fires when those that nobody uses are gone.
        """
        self._closing = True
        idle = [pooled for destination in self._destinations.values() for pooled in destination.idle]
        return DeferredList([self._end(pooled) for pooled in idle]).addCallback(lambda _: None)

    def _fulfil(self, wish: _Wish) -> Deferred[IHopConnection]:
        destination = self._destinations.setdefault(_place(wish.hop), _Destination())
        kept = self._take(destination, wish)
        if kept is not None:
            return succeed(self._lease(kept))
        if destination.open >= self._settings.concurrency and destination.idle:
            # One that will not do gives way to one that will.
            self._end(destination.idle[0])
        if destination.open < self._settings.concurrency:
            return self._open(wish)
        turn: Deferred[_Pooled | None] = Deferred(lambda _: destination.waiting.remove(waiting))
        waiting = _Waiting(wish, turn)
        destination.waiting.append(waiting)
        return turn.addCallback(lambda pooled: self._open(wish) if pooled is None else self._lease(pooled))

    def _take(self, destination: _Destination, wish: _Wish) -> _Pooled | None:
        # The last that was used is the least likely to be closed by the host.
        for pooled in reversed(list(destination.idle)):
            if not pooled.connection.usable:
                self._end(pooled)
            elif pooled.serves(wish):
                self._awake(destination, pooled)
                return pooled
        return None

    def _open(self, wish: _Wish) -> Deferred[IHopConnection]:
        place = _place(wish.hop)
        self._destinations.setdefault(place, _Destination()).open += 1

        def opened(connection: IHopConnection) -> IHopConnection:
            pooled = _Pooled(connection, wish.use)
            if IPipeliningConnection.providedBy(connection):
                connection.onContentSent = lambda: self._hand_on(pooled)
            return self._lease(pooled)

        def failed(failure: Failure) -> Failure:
            self._closed(place)
            return failure

        connecting = self._connector.connect(wish.hop, wish.use, wish.satisfies, wish.failed)
        return connecting.addCallbacks(opened, failed)

    def _lease(self, pooled: _Pooled) -> _Lease:
        pooled.leases += 1
        lease = _Lease(pooled, self._give_back, self._part)
        pooled.reused = True
        return lease

    def _wears_out(self, pooled: _Pooled) -> bool:
        return (
            self._closing
            or pooled.unwanted
            or pooled.messages >= self._settings.messages
            or not pooled.connection.usable
        )

    def _hand_on(self, pooled: _Pooled) -> bool:
        """Give a connection to who waits first, if it serves."""
        waiting = self._destinations[_place(pooled.connection.hop)].waiting
        if not waiting or self._wears_out(pooled) or not pooled.serves(waiting[0].wish):
            return False
        waiting.popleft().turn.callback(pooled)
        return True

    def _give_back(self, pooled: _Pooled) -> None:
        pooled.leases -= 1
        if pooled.leases:
            return
        destination = self._destinations[_place(pooled.connection.hop)]
        if self._wears_out(pooled):
            self._end(pooled)
        elif self._hand_on(pooled):
            pass
        elif destination.waiting:
            # One that will not do gives way to one that will.
            self._end(pooled)
        else:
            destination.idle.append(pooled)
            pooled.timer = self._clock.callLater(self._settings.idle, self._end, pooled)

    def _part(self, pooled: _Pooled) -> Deferred[None]:
        pooled.leases -= 1
        if not pooled.leases:
            return self._end(pooled)
        # The other message is none of the caller's business.
        pooled.unwanted = True
        return succeed(None)

    def _end(self, pooled: _Pooled) -> Deferred[None]:
        place = _place(pooled.connection.hop)
        self._awake(self._destinations[place], pooled)
        self._closed(place)
        return pooled.connection.quit()

    def _awake(self, destination: _Destination, pooled: _Pooled) -> None:
        if pooled in destination.idle:
            destination.idle.remove(pooled)
        timer, pooled.timer = pooled.timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _closed(self, place: _Place) -> None:
        destination = self._destinations[place]
        destination.open -= 1
        if destination.calling:
            return
        # Where opening fails at once each of them comes back here, however many wait.
        destination.calling = True
        while destination.waiting and destination.open < self._settings.concurrency:
            destination.waiting.popleft().turn.callback(None)
        destination.calling = False
        if not destination.open:
            self._destinations.pop(place, None)


def _place(hop: NextHop) -> _Place:
    return hop.host, hop.port, hop.path

"""The listening ports, and what stands behind them at the moment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    ILoggingContext,
    IProtocolFactory,
    IReactorCore,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["ListenError", "Listeners"]

# Connections that the kernel has made and the server has not seen yet.
_BACKLOG = 1024


class ListenError(Exception):
    """A listener could not be bound; ``str()`` says which, and why."""


@implementer(ILoggingContext)
class _Entrance(Factory):
    """
    What a port knows of: it passes connections to the factory of the moment.

    :param name: of the listener, for the log.
    """

    noisy = False
    behind: IProtocolFactory | None = None

    def __init__(self, name: str) -> None:
        self._name = name

    def logPrefix(self) -> str:
        """What the log calls the port."""
        return self._name

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: ANN401 - what any factory makes
        """None, which closes the connection, as long as nothing stands behind."""
        return self.behind.buildProtocol(addr) if self.behind is not None and addr is not None else None


class Listeners:
    """
    :param listen: the endpoint strings of each listener, by its name.
    """

    def __init__(self, reactor: IReactorCore, listen: Mapping[str, tuple[str, ...]]) -> None:
        self._reactor = reactor
        self._listen = listen
        self._entrances = {name: _Entrance(name) for name in listen}
        self._ports: dict[str, list[IListeningPort]] = {name: [] for name in listen}

    def bind(self) -> None:
        """
        Bind all of them.

        :raise ListenError: if one cannot be bound.
        """
        for name, endpoints in self._listen.items():
            for endpoint in endpoints:
                self._ports[name].append(self._bind(name, endpoint))

    def _bind(self, name: str, endpoint: str) -> IListeningPort:
        results: list[IListeningPort | Failure] = []
        made = serverFromString(self._reactor, _with_backlog(endpoint))
        maybeDeferred(made.listen, self._entrances[name]).addBoth(results.append)
        # An endpoint that has to wait would fail when nobody hears of it.
        result = results[0] if results else Failure(TimeoutError("it cannot be bound at once"))
        if isinstance(result, Failure):
            raise ListenError(f"listen.{name}: {endpoint}: {result.getErrorMessage()}") from result.value
        return result

    def addresses(self, name: str) -> list[IAddress]:
        """Where a listener is bound; nowhere if there is none of that name."""
        return [port.getHost() for port in self._ports.get(name, ())]

    def serve(self, factories: Mapping[str, IProtocolFactory]) -> None:
        """
        Put factories behind the ports, in place of those that stood there.

        :param factories: one for each listener.
        """
        for name, factory in factories.items():
            self._entrances[name].behind = factory

    def stop(self) -> Deferred[None]:
        """Take no new connections."""
        ports = list(chain.from_iterable(self._ports.values()))
        for each in self._ports.values():
            each.clear()
        return Deferred.fromCoroutine(_stop(ports))


def _with_backlog(endpoint: str) -> str:
    # Twisted's own, 50, is exceeded by any rush: the kernel then lets clients
    # wait for seconds.
    wants_one = endpoint.startswith(("tcp:", "tcp6:")) and "backlog=" not in endpoint
    return f"{endpoint}:backlog={_BACKLOG}" if wants_one else endpoint


async def _stop(ports: list[IListeningPort]) -> None:
    # All at once, however long one of them takes.
    for stopped in [maybeDeferred(port.stopListening) for port in ports]:
        await stopped

"""
Ports that several processes share.

Of each endpoint every worker has a socket of its own, and the kernel deals
connections out to them. What an endpoint string means is Twisted's business in
both processes: here stands in for the reactor what binds sockets in place of
listening, and what listens on those in place of binding.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, cast

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorSocket
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

__all__ = ["AdoptingReactor", "BindingReactor", "shared_endpoints"]

#: The listeners whose connections workers take.
_LISTENERS = ("mx", "submission", "submissions", "lmtp")
_SHAREABLE = ("tcp:", "tcp6:", "haproxy:tcp:", "haproxy:tcp6:")


def shared_endpoints(endpoints: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """
    Those of the endpoints that workers listen on: of SMTP, and bound by this
    server. The main process listens on the others, as on Unix sockets and those
    of systemd, and treats what comes there as ever.

    :param endpoints: the endpoint strings of each listener.
    """
    shareable = {name: tuple(filter(_is_shareable, endpoints.get(name, ()))) for name in _LISTENERS}
    return {name: each for name, each in shareable.items() if each}


def _is_shareable(endpoint: str) -> bool:
    return endpoint.startswith(_SHAREABLE)


@implementer(IListeningPort)
class _SharedPort:
    """Sockets that listen, and of which nobody takes connections in this process."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets

    def startListening(self) -> None:
        """They do."""

    def stopListening(self) -> None:
        for each in self._sockets:
            each.close()

    def getHost(self) -> IPv4Address | IPv6Address:
        first = self._sockets[0]
        host, port, *rest = first.getsockname()
        if first.family == socket.AF_INET6:
            return IPv6Address("TCP", host, port, *rest)
        return IPv4Address("TCP", host, port)


class BindingReactor:
    """
    What an endpoint of TCP asks of a reactor.

    :param number: how many sockets are bound for each endpoint.
    :ivar sockets: those of each endpoint, in the order of binding.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.sockets: list[list[socket.socket]] = []

    def listenTCP(
        self,
        port: int,
        factory: IProtocolFactory,  # noqa: ARG002 - as any reactor's
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """
        :raise CannotListenError: if it cannot be bound.
        """
        bound: list[socket.socket] = []
        try:
            # With SO_REUSEPORT another server of the same user would be no
            # hindrance, and get half of the mail.
            with closing(_bound(port, interface)) as alone:
                port = alone.getsockname()[1]
            for _ in range(self._number):
                bound.append(_bound(port, interface, socket.SO_REUSEPORT))
                bound[-1].listen(backlog)
        except OSError as error:
            for each in bound:
                each.close()
            raise CannotListenError(interface, port, error) from error
        self.sockets.append(bound)
        return _SharedPort(bound)


class AdoptingReactor:
    """
    The same in a worker.

    :param descriptors: those of its sockets, one for each endpoint.
    """

    def __init__(self, reactor: IReactorSocket, descriptors: Iterable[int]) -> None:
        self._reactor = reactor
        self._descriptors = iter(descriptors)

    def listenTCP(
        self,
        port: int,  # noqa: ARG002 - as any reactor's
        factory: IProtocolFactory,
        backlog: int = 50,  # noqa: ARG002 - likewise
        interface: str = "",
    ) -> IListeningPort:
        """Take connections from the next of the sockets."""
        with socket.socket(fileno=next(self._descriptors)) as given:
            family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
            return self._reactor.adoptStreamPort(given.fileno(), family, cast("ServerFactory[Any]", factory))


def _bound(port: int, interface: str, *options: int) -> socket.socket:
    family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setblocking(False)  # noqa: FBT003 - socket's
        for option in (socket.SO_REUSEADDR, *options):
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind(_address(interface, port))
    except OSError:
        made.close()
        raise
    return made


def _address(interface: str, port: int) -> tuple[object, ...]:
    if not isIPv6Address(interface):
        return interface, port
    # With the scope, which may be part of the address of an interface.
    return socket.getaddrinfo(interface, port, socket.AF_INET6, flags=socket.AI_NUMERICHOST)[0][4]

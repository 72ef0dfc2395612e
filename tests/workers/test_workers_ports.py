"""Ports that several processes share."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import cast

import pytest
from twisted.internet.interfaces import IListeningPort, IReactorCore
from twisted.internet.testing import MemoryReactor
from zope.interface.verify import verifyObject

from mailext.service.listeners import ListenError, Listeners
from mailext.workers.ports import AdoptingReactor, BindingReactor, shared_endpoints
from tests.black_box import free_ports


def bound(binding: BindingReactor, *endpoints: str) -> Listeners:
    listeners = Listeners(cast("IReactorCore", binding), {"mx": endpoints})
    listeners.bind()
    return listeners


def close(binding: BindingReactor) -> None:
    for sockets in binding.sockets:
        for each in sockets:
            each.close()


def test_which_endpoints_are_shared() -> None:
    endpoints = {
        "mx": ("tcp:25", "unix:/run/mx", "tcp6:25", "haproxy:tcp:26"),
        "submission": ("systemd:domain=INET:index=0",),
        "lmtp": ("unix:/run/lmtp",),
        "imap": ("tcp:143",),
        "metrics": ("tcp:9100",),
    }
    assert shared_endpoints(endpoints) == {"mx": ("tcp:25", "tcp6:25", "haproxy:tcp:26")}


@pytest.mark.parametrize("interface", ["127.0.0.1", "\\:\\:1"])
def test_each_worker_has_a_socket_of_its_own(interface: str) -> None:
    binding = BindingReactor(3)
    endpoint = f"tcp{'6' if ':' in interface else ''}:0:interface={interface}"
    listeners = bound(binding, endpoint)
    [sockets] = binding.sockets
    assert len({each.fileno() for each in sockets}) == len(sockets) == 3
    assert len({each.getsockname() for each in sockets}) == 1
    [address] = listeners.addresses("mx")
    assert (address.host, address.port) == sockets[0].getsockname()[:2]
    with closing(socket.create_connection((address.host, address.port), 5)):
        pass
    listeners.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port), 5)


def test_a_port_is_what_twisted_expects() -> None:
    binding = BindingReactor(1)
    verifyObject(IListeningPort, binding.listenTCP(0, None, interface="127.0.0.1"))
    close(binding)


@pytest.mark.parametrize("workers", [None, 2])
def test_a_port_of_another_server_is_taken(workers: int | None) -> None:
    """Also one that would share it."""
    [port] = free_ports(1)
    endpoint = f"tcp:{port}:interface=127.0.0.1"
    others = BindingReactor(workers or 0)
    alone = None
    if workers:
        bound(others, endpoint)
    else:
        alone = socket.create_server(("127.0.0.1", port))
    with pytest.raises(ListenError, match="Address already in use"):
        bound(BindingReactor(2), endpoint)
    close(others)
    if alone:
        alone.close()


def test_a_worker_takes_its_sockets_in_their_order() -> None:
    binding = BindingReactor(1)
    endpoints = ("tcp:0:interface=127.0.0.1", "haproxy:tcp:0:interface=127.0.0.1")
    bound(binding, *endpoints)
    descriptors = [sockets[0].fileno() for sockets in binding.sockets]
    # They are the worker's, which closes them once the reactor has its own.
    given = [sockets[0].detach() for sockets in binding.sockets]
    reactor = MemoryReactor()
    adopting = Listeners(cast("IReactorCore", AdoptingReactor(reactor, given)), {"mx": endpoints})
    adopting.bind()
    assert [number for number, _, _ in reactor.adoptedPorts] == descriptors
    assert all(family == socket.AF_INET for _, family, _ in reactor.adoptedPorts)
    with pytest.raises(OSError, match="Bad file descriptor"):
        socket.socket(fileno=given[0])

"""
Octets to the peer, without the reactor's detour.

A transport of Twisted gathers what is written, has epoll watch its socket, is
called back in the next turn and has epoll watch no longer: two system calls, a
turn and a look-up of the log context for each reply. A socket nearly always
takes a reply at once. See docs/reasons/performance.rst for what this gains.
"""

from __future__ import annotations

from twisted.internet.interfaces import ITransport
from twisted.internet.tcp import Connection

from mailext.tls_layer import is_encrypted

__all__ = ["Outlet"]


class Outlet:
    """
    What is said on a connection. Nobody else writes to it.

    :param transport: one that is not a TCP connection of Twisted itself, or is
        under TLS, is written to as ever.
    """

    def __init__(self, transport: ITransport) -> None:
        self._transport = transport
        self._connection = transport if isinstance(transport, Connection) else None

    def write(self, data: bytes) -> None:
        """Send this, or as much as the socket takes, and the rest when it takes more."""
        connection = self._connection
        if connection is None or is_encrypted(connection):
            self._transport.write(data)
            return
        sent = connection.writeSomeData(data)
        if sent != len(data):
            # It takes no more, or is gone, which the reactor finds out. From
            # now on something may wait in the transport that goes first.
            self._connection = None
            self._transport.write(data[sent:] if isinstance(sent, int) else data)

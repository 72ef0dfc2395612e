"""
The TLS layer of a connection: the one seam behind which it stands.

Its beginning, and what is known of it afterwards; for every room that speaks
with clients or hosts.
"""

from __future__ import annotations

from typing import cast

import idna
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    ISSLTransport,
    ISystemHandle,
    ITLSTransport,
    ITransport,
)
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailext.values import TlsFacts

__all__ = ["begin", "facts", "implicit", "is_encrypted"]


def begin(
    transport: ITransport, creator: IOpenSSLServerConnectionCreator | IOpenSSLClientConnectionCreator
) -> None:
    """
    Begin TLS on a connection in clear, as the side that one is. What is
    written before is sent in clear, what is written from now on under TLS.
    """
    ITLSTransport(transport).startTLS(creator)


def implicit(factory: IProtocolFactory, creator: IOpenSSLServerConnectionCreator) -> IProtocolFactory:
    """The factory of connections that are under TLS from their first octet."""
    return TLSMemoryBIOFactory(creator, False, factory)  # noqa: FBT003 - isClient


def is_encrypted(transport: ITransport) -> bool:
    """Whether a connection is under TLS."""
    return bool(ISSLTransport.providedBy(transport))


def facts(transport: ITransport) -> TlsFacts | None:
    """What is known of the TLS layer of a connection, None before its handshake."""
    # A wrapper such as that of the PROXY protocol does not say that the
    # transport within it is under TLS by now; but it hands out its handle.
    connection = cast("ISystemHandle", transport).getHandle() if hasattr(transport, "getHandle") else None
    if not isinstance(connection, SSL.Connection):
        return None
    cipher = connection.get_cipher_name()
    if cipher is None:
        return None
    name = connection.get_servername()
    return TlsFacts(
        connection.get_protocol_version_name(),
        cipher,
        _host_name(name) if name else None,
    )


def _host_name(name: bytes) -> str | None:
    try:
        return idna.decode(name.decode("ascii")) if name.isascii() else None
    except idna.IDNAError:
        return None

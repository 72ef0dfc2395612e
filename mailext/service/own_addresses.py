"""The addresses that lead back to this server: mail for others is not brought there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

import ifaddr
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from mailext.routing.names import plain_address

__all__ = ["own_addresses"]


def own_addresses(bound: Iterable[IAddress], port: int) -> Iterator[str]:
    """
    :param bound: where the listener for mail of other servers is bound.
    :param port: the port of next hops: at another one it is not this server
        that answers.
    """
    for address in bound:
        if isinstance(address, IPv4Address | IPv6Address) and address.port == port:
            if ip_address(address.host).is_unspecified:
                yield from _of_this_machine()
            else:
                yield plain_address(address.host)


def _of_this_machine() -> Iterator[str]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            # Of IPv6 there are the flow and the scope beside the address.
            yield plain_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])

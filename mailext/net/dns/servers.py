"""Which name servers are asked, and which of them are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dns.exception import DNSException
from dns.resolver import Resolver

from mailext.routing.names import is_address
from mailext.routing.places import host_and_port, is_loopback

__all__ = ["NameServer", "name_servers", "system_name_servers"]

_DNS_PORT = 53
_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class NameServer:
    """
    A resolver to ask.

    :param address: its IP address.
    :param trusted: whether its word on DNSSEC counts: the AD bit.
    """

    address: str
    port: int
    trusted: bool


def name_servers(places: Sequence[str], *, trusted: bool = False) -> tuple[NameServer, ...]:
    """
    :param places: of each its IP address, ``address:port`` or
        ``[address]:port``.
    :param trusted: whether the AD bit counts from elsewhere than loopback.
    :raise ValueError: which of them makes no sense.
    """
    return tuple(_name_server(place, trusted=trusted) for place in places)


def system_name_servers(path: Path = _RESOLV_CONF, *, trusted: bool = False) -> tuple[NameServer, ...]:
    """
    The name servers of this machine; where none are named, it is its own
    (resolv.conf(5)).

    :param trusted: as for :func:`name_servers`.
    :raise ValueError: if the file makes no sense.
    """
    if not path.exists():
        return name_servers(["127.0.0.1"])
    resolver = Resolver(configure=False)
    try:
        resolver.read_resolv_conf(path)
    except (DNSException, OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    return name_servers([str(server) for server in resolver.nameservers], trusted=trusted)


def _name_server(place: str, *, trusted: bool) -> NameServer:
    host, port = host_and_port(place, _DNS_PORT)
    if not is_address(host):
        raise ValueError(f"not an IP address, and a port after a colon: {place!r}")
    return NameServer(host, port, trusted or is_loopback(host))

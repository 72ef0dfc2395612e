"""Which name servers are asked, and which of them are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from dns.exception import DNSException
from dns.resolver import Resolver

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
    host, port = _split(place)
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f"not an IP address, and a port after a colon: {place!r}") from None
    return NameServer(host, port, trusted or _is_loopback(address))


def _split(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or port[:1] not in {"", ":"}:
            raise ValueError(f"not an address in brackets: {place!r}")
        port = port[1:]
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        host, port = place, ""
    if not port:
        return host, _DNS_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16):
        raise ValueError(f"not a port: {place!r}")
    return host, int(port)


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback

"""Places in the network as an operator writes them: a host, and perhaps a port."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from mailext.routing.names import is_address

__all__ = ["host_and_port", "is_loopback"]

# RFC 6761 section 6.3, and what Debian's /etc/hosts calls it.
_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost"})
_LAST_PORT = 65535


def host_and_port(text: str, port: int) -> tuple[str, int]:
    """
    :param text: a host, or ``host:port``; an IPv6 address with a port is in
        brackets, and may be in brackets without.
    :param port: the one that is meant where none is written.
    :return: the host, not in brackets, and the port. What the host is is not
        looked at.
    :raise ValueError: if it cannot be taken apart.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or rest[:1] not in {"", ":"} or not is_address(host):
            raise ValueError(f"not an address in brackets: {text!r}")
    elif text.count(":") == 1:
        host, rest = text.split(":")
        rest = f":{rest}"
    else:
        host, rest = text, ""
    if not rest:
        return host, port
    digits = rest[1:]
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) <= _LAST_PORT):
        raise ValueError(f"not a port: {digits!r}")
    return host, int(digits)


def is_loopback(host: str) -> bool:
    """
    Whether a host is this machine, reached by its loopback interface.

    :param host: a name or an IP address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() in _LOCAL_NAMES
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback

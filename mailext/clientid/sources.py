"""
Where an attempt comes from, as far as it is counted and compared.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from mailext.values import LoginAttempt

__all__ = ["address_of", "source_of"]


def address_of(attempt: LoginAttempt) -> IPv4Address | IPv6Address | None:
    """The client's address, that of IPv4 where IPv6 only carries it; None for a client of this machine."""
    try:
        address = ip_address(attempt.place.address.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def source_of(attempt: LoginAttempt) -> str:
    """
    What the strangers at one place have in common: their address; in IPv6 the
    network that a customer is given, within which addresses cost nothing.
    """
    address = address_of(attempt)
    return str(address) if isinstance(address, IPv4Address) else attempt.place.network

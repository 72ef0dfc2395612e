"""Domains and hosts, in the one spelling in which they are looked up and compared."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna

__all__ = [
    "destination_key",
    "destination_of",
    "host_name",
    "is_address",
    "is_host_name",
    "literal_address",
    "plain_address",
]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_IPV6_TAG = "ipv6:"


def host_name(name: str) -> str:
    """
    A host's or a domain's name in A-labels, in lower case.

    :raise ValueError: if it is no such name.
    """
    # UTS 46 takes all spellings that lead to one name, as a look-up does that
    # starts with what people type.
    text = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii").lower()
    if not is_host_name(text):
        raise ValueError(f"not a domain name: {name!r}")
    return text


def is_host_name(text: str) -> bool:
    """Whether this is the name of a host or domain as :func:`host_name` gives it."""
    # An all-numeric top-level domain is none: that is an IPv4 address.
    return bool(_NAME.fullmatch(text)) and not text.rpartition(".")[2].isdigit()


def literal_address(domain: str) -> str | None:
    """
    The IP address of an address literal (RFC 5321 section 4.1.3), None of a
    domain name.

    :raise ValueError: if it is neither.
    """
    if not domain.startswith("["):
        return None
    content = domain.removeprefix("[").removesuffix("]")
    if content[: len(_IPV6_TAG)].lower() == _IPV6_TAG:
        return plain_address(str(IPv6Address(content[len(_IPV6_TAG) :])))
    return str(IPv4Address(content))


def destination_of(domain: str) -> str:
    """
    The recipient domain, in the spelling of :attr:`~mailext.values.Route.destination`.

    :raise ValueError: if it is neither a domain name nor an address literal.
    """
    address = literal_address(domain)
    if address is None:
        return host_name(domain)
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def destination_key(domain: str) -> str:
    """
    What is known of a recipient domain's hosts goes by this:
    :func:`destination_of`, or the domain as it stands where its route will say
    what is wrong with it.
    """
    try:
        return destination_of(domain)
    except ValueError:
        return domain


def is_address(text: str) -> bool:
    """Whether this is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def plain_address(text: str) -> str:
    """
    An IP address in its one spelling; an IPv4 address within IPv6 is that
    IPv4 address.

    :raise ValueError: if it is none.
    """
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)

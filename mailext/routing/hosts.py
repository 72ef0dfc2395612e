"""The hosts of a domain: their order, and where the list is cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, ip_address
from itertools import chain, zip_longest
from random import Random

from mailext.routing.names import plain_address
from mailext.values import MxRecord, NextHop

__all__ = ["by_turns", "in_order", "without_own", "without_own_addresses"]


def in_order(records: Iterable[MxRecord], random: Random) -> list[MxRecord]:
    """
    MX records in the order to try: by preference, and shuffled where that is
    equal (RFC 5321 section 5.1). Each host comes once, and none of a null MX.
    """
    best: dict[str, MxRecord] = {}
    for record in sorted(records, key=lambda record: (record.preference, record.host)):
        if record.host:
            best.setdefault(record.host, record)
    shuffled = list(best.values())
    random.shuffle(shuffled)
    return sorted(shuffled, key=lambda record: record.preference)


def without_own(records: Collection[MxRecord], own_names: Collection[str]) -> list[MxRecord]:
    """The records of hosts that are nearer to the recipient than this server."""
    own = min((record.preference for record in records if record.host in own_names), default=None)
    return [record for record in records if own is None or record.preference < own]


def without_own_addresses(hops: Collection[NextHop], own_addresses: frozenset[str]) -> list[NextHop]:
    """The hosts that are nearer to the recipient than one that is this server, by its addresses."""
    own = min((hop.preference for hop in hops if not own_addresses.isdisjoint(hop.addresses)), default=None)
    return [hop for hop in hops if own is None or hop.preference < own]


def by_turns(addresses: Iterable[str]) -> Iterator[str]:
    """
    The addresses that can be those of a host, in the order to try: of IPv6 and
    of IPv4 by turns, so that neither hides the other where the number is
    bounded.
    """
    usable = [each for each in dict.fromkeys(map(plain_address, addresses)) if _is_of_one_host(each)]
    six = [each for each in usable if ":" in each]
    four = [each for each in usable if ":" not in each]
    turns = chain.from_iterable(zip_longest(six, four))
    return (each for each in turns if each is not None)


def _is_of_one_host(text: str) -> bool:
    address = ip_address(text)
    return not (address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255"))

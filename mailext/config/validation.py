"""
Whether the resolvers validate: without DNSSEC there is neither DANE nor the
proof of an MX record that REQUIRETLS asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

import dns.name
from dns.rdatatype import RdataType

from mailext.config.model import Relay
from mailext.config.reader import Finding
from mailext.config.relaying import relay_name_servers
from mailext.net.dns.exchange import NameServers
from mailext.net.dns.servers import NameServer
from mailext.values import DnsError, DnsStatus

__all__ = ["resolver_remarks"]

_TIMEOUT = 3.0


def resolver_remarks(relay: Relay) -> Iterator[Finding]:
    """
    Ask every resolver for the root, which is signed. This blocks, for seconds
    where one does not answer.

    :return: a remark for each that cannot be relied on.
    :raise ValueError: if the resolvers make no sense.
    """
    for index, server in enumerate(relay_name_servers(relay)):
        remark = _remark(server)
        if remark:
            path = ("relay", "resolver", index) if relay.resolver else ("relay", "resolver")
            yield path, f"{server.address} {remark}"


def _remark(server: NameServer) -> str:
    try:
        found = NameServers([server], timeout=_TIMEOUT, rounds=1).ask(dns.name.root, RdataType.SOA)
    except DnsError as error:
        return f"is not fit to be asked: {error}"
    if found.answer.status is DnsStatus.SECURE:
        return ""
    if server.trusted:
        return "DOES NOT VALIDATE DNSSEC: no DANE, and REQUIRETLS for domains with MTA-STS alone"
    return (
        "IS NOT TRUSTED TO VALIDATE DNSSEC: no DANE, and REQUIRETLS for domains with MTA-STS alone. "
        "Run a validating resolver on this machine, or set trust-resolver if the way to it is safe"
    )

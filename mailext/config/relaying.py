"""
What ``[relay]`` means: from its keys to what a relay is made of.

A value that makes no sense raises :class:`ValueError`; the checks of the
configuration come here first, so a running server does not see one.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailext.accounts.canonical import canonical_domain
from mailext.config.model import (
    SYSTEM_ROOTS,
    Configuration,
    Destination,
    Relay,
    Smarthost,
    SmarthostTls,
)
from mailext.net.client.pool import PoolSettings
from mailext.net.client.settings import ClientSettings, Credentials, Timeouts
from mailext.net.client.verification import TrustRoots
from mailext.net.dns.servers import NameServer, name_servers, system_name_servers
from mailext.private_files import secret_from
from mailext.routing.names import destination_of, is_address
from mailext.routing.places import host_and_port
from mailext.routing.settings import ConfiguredHost, DestinationSettings, RoutingSettings, configured_host

__all__ = [
    "client_settings",
    "next_hop",
    "pool_settings",
    "relay_name_servers",
    "routing_settings",
    "smarthost",
    "trust_roots",
]


def relay_name_servers(relay: Relay) -> tuple[NameServer, ...]:
    """
    Who is asked for names.

    :raise ValueError: if one of them, or the system's file, makes no sense.
    """
    if relay.resolver:
        return name_servers(relay.resolver, trusted=relay.trust_resolver)
    return system_name_servers(trusted=relay.trust_resolver)


def trust_roots(relay: Relay) -> TrustRoots:
    """
    The authorities that certificates of next hops are verified with.

    :raise ValueError: if the file cannot be used.
    """
    return TrustRoots(None if relay.trust_roots == SYSTEM_ROOTS else relay.trust_roots)


def next_hop(text: str, port: int) -> ConfiguredHost:
    """
    :param text: a host name, an IPv4 address, or an IPv6 address in brackets;
        with a port after a colon if it is not the one of all next hops.
    :param port: that one.
    :raise ValueError: if it is anything else.
    """
    if ":" in text and is_address(text):
        raise ValueError(f"write [{text}], with or without a port behind it")
    return configured_host(*host_and_port(text, port))


def smarthost(relay: Relay) -> ConfiguredHost | None:
    """
    Where all outgoing mail goes, None for nowhere in particular.

    :raise ValueError: if it cannot be a host.
    """
    said = relay.smarthost
    if not said.host:
        return None
    return configured_host(
        said.host,
        said.port,
        implicit_tls=said.tls is SmarthostTls.IMPLICIT,
        authenticate=bool(said.username),
    )


def pool_settings(relay: Relay) -> PoolSettings:
    """How many connections next hops see, and how fast messages follow each other."""
    return PoolSettings(concurrency=relay.connections_per_host, interval=relay.pace)


def client_settings(configuration: Configuration) -> ClientSettings:
    """
    How next hops are spoken to.

    :raise ValueError: if the smarthost's password cannot be had.
    """
    relay = configuration.relay
    return ClientSettings(
        configuration.hostname,
        timeouts=Timeouts(
            connect=relay.connect_timeout, greeting=relay.command_timeout, command=relay.command_timeout
        ),
        credentials=_credentials(relay.smarthost),
    )


def _credentials(said: Smarthost) -> Credentials | None:
    if not said.username or said.password_file is None:
        return None
    return Credentials(said.username, secret_from(said.password_file))


def routing_settings(configuration: Configuration, own_addresses: Iterable[str]) -> RoutingSettings:
    """
    :param own_addresses: the addresses that lead back to this server.
    :raise ValueError: if a host or domain makes no sense.
    """
    relay = configuration.relay
    return RoutingSettings(
        port=relay.port,
        own_names=frozenset({canonical_domain(configuration.hostname)}),
        own_addresses=frozenset(own_addresses),
        smarthost=smarthost(relay),
        smarthost_security=relay.smarthost.security,
        requiretls=relay.requiretls,
        destinations={
            destination_of(domain): _destination(said, relay) for domain, said in relay.destinations.items()
        },
    )


def _destination(said: Destination, relay: Relay) -> DestinationSettings:
    return DestinationSettings(
        next_hop=next_hop(said.next_hop, relay.port) if said.next_hop else None,
        security=said.security,
        requiretls=said.requiretls or relay.requiretls,
    )

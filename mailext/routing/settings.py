"""What the operator says about routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailext.routing.names import host_name, plain_address
from mailext.values import RequireTlsMode, Security

__all__ = ["ConfiguredHost", "DestinationSettings", "RoutingSettings", "configured_host"]


@dataclass(frozen=True, slots=True)
class ConfiguredHost:
    """
    A host that the operator named; see :func:`configured_host`.

    :param host: its name in A-labels, lower case, or its IP address.
    :param implicit_tls: whether TLS begins with the connection.
    :param authenticate: whether to log in there.
    """

    host: str
    port: int
    implicit_tls: bool = False
    authenticate: bool = False


def configured_host(
    host: str, port: int, *, implicit_tls: bool = False, authenticate: bool = False
) -> ConfiguredHost:
    """
    :param host: a name, or an IP address, in brackets or not.
    :raise ValueError: if it is neither.
    """
    try:
        name = plain_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        name = host_name(host)
    return ConfiguredHost(name, port, implicit_tls, authenticate)


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """
    What holds for mail to one domain.

    :param next_hop: where it goes in place of the domain's hosts, and of the
        smarthost; None: nothing is said.
    """

    next_hop: ConfiguredHost | None = None
    security: Security = Security.MAY
    requiretls: RequireTlsMode = RequireTlsMode.ENFORCE


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """
    What holds for all mail.

    :param port: the port of hosts that DNS names, and of address literals.
    :param own_names: the names of this server, in A-labels and lower case.
    :param own_addresses: the addresses that lead back to this server.
    :param smarthost: where all mail goes that no destination sends elsewhere.
    :param smarthost_security: what the smarthost must prove, for mail to
        domains without settings of their own.
    :param requiretls: what REQUIRETLS asks of hops to domains without settings
        of their own.
    :param destinations: by domain, as in
        :attr:`~mailext.values.Route.destination`.
    :param maximum_hosts: how many hosts of a domain are tried.
    :param maximum_addresses: how many addresses of a host are tried.
    """

    port: int = 25
    own_names: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    smarthost: ConfiguredHost | None = None
    smarthost_security: Security = Security.VERIFY
    requiretls: RequireTlsMode = RequireTlsMode.ENFORCE
    destinations: Mapping[str, DestinationSettings] = field(default_factory=dict)
    maximum_hosts: int = 10
    maximum_addresses: int = 6

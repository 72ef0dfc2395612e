"""Checks of ``[relay]``, ``[tlsrpt]`` and ``[mta-sts]``."""

from __future__ import annotations

from collections.abc import Iterator

from mailext.config.model import Configuration, MtaSts, Relay, Smarthost, SmarthostTls
from mailext.config.publishing import host_pattern, own_policy, policy_life
from mailext.config.reader import Finding
from mailext.config.relaying import next_hop, relay_name_servers, smarthost, trust_roots
from mailext.config.reporting import contact_address, organization
from mailext.config.trying import said_twice, tried
from mailext.private_files import secret_from
from mailext.routing.names import destination_key, destination_of
from mailext.values import Security

__all__ = ["check_mta_sts", "check_relay", "check_tls_reports"]


def check_relay(configuration: Configuration) -> Iterator[Finding]:
    """Where other mail goes."""
    relay = configuration.relay
    for index, network in enumerate(relay.networks):
        if not network.prefixlen:
            yield ("relay", "networks", index), "that is everybody: this server would be an open relay"
    if not relay.retry:
        yield ("relay", "retry"), "must not be empty"
    yield from tried(("relay", "resolver"), relay_name_servers, relay)
    yield from tried(("relay", "trust-roots"), trust_roots, relay)
    yield from _smarthost(relay)
    yield from _destinations(configuration)


def _destinations(configuration: Configuration) -> Iterator[Finding]:
    own = {destination_key(domain) for domain in configuration.domains}
    yield from said_twice(("relay", "destinations"), configuration.relay.destinations, destination_of)
    for domain, said in configuration.relay.destinations.items():
        path = ("relay", "destinations", domain)
        yield from tried(path, destination_of, domain)
        if destination_key(domain) in own:
            yield path, "is one of this server's own domains: its mail goes nowhere else"
        if said.next_hop:
            yield from tried((*path, "next-hop"), next_hop, said.next_hop, configuration.relay.port)


def _smarthost(relay: Relay) -> Iterator[Finding]:
    said, path = relay.smarthost, ("relay", "smarthost")
    yield from tried((*path, "host"), smarthost, relay)
    if said.username and said.password_file is None:
        yield (*path, "password-file"), "the user name needs a password"
    elif said.password_file is not None and not said.username:
        yield (*path, "username"), "the password needs a user name"
    elif said.password_file is not None:
        yield from tried((*path, "password-file"), secret_from, said.password_file)
    if not said.host and said != Smarthost():
        yield (*path, "host"), "the other keys need a host"
    if said.username and said.security is Security.NONE and said.tls is SmarthostTls.STARTTLS:
        yield (*path, "security"), "the password is not said without TLS: with a user name, write verify"


def check_tls_reports(configuration: Configuration) -> Iterator[Finding]:
    """What is told to other domains."""
    said = configuration.tlsrpt
    if said.contact:
        yield from tried(("tlsrpt", "contact"), contact_address, said.contact)
    elif said.mail or said.organization_name:
        yield ("tlsrpt", "contact"), "the other keys need an address: none are sent without"
    yield from tried(("tlsrpt", "organization-name"), organization, said.organization_name)


def check_mta_sts(configuration: Configuration) -> Iterator[Finding]:
    """What is told of our own domains."""
    said = configuration.mta_sts
    found = list(tried(("mta-sts", "max-age"), policy_life, said.max_age))
    for index, pattern in enumerate(said.mx):
        found += tried(("mta-sts", "mx", index), host_pattern, pattern)
    yield from found
    # Where nobody asks for it the hostname may be any.
    if not found and (configuration.listen.https or said != MtaSts()):
        yield from tried(("mta-sts", "mx"), own_policy, configuration)

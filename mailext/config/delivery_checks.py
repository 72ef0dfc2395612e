"""Checks of ``[delivery]`` and ``[programs]``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from mailext.accounts.canonical import canonical_domain
from mailext.config.delivering import lmtp_hop, program_address, runnable
from mailext.config.model import Configuration, Delivery
from mailext.config.reader import Finding
from mailext.config.trying import said_twice, tried
from mailext.message.field_names import own_field_name
from mailext.values import RequireTlsMode

__all__ = ["check_delivery"]

_NOBODY_TO_ASK = "it is asked of a program that speaks LMTP, and there is no lmtp"


def check_delivery(configuration: Configuration) -> Iterator[Finding]:
    """Where mail for our own addresses goes."""
    said = configuration.delivery
    if said.lmtp:
        yield from tried(("delivery", "lmtp"), lmtp_hop, said.lmtp)
    if said.tag_field:
        yield from tried(("delivery", "tag-field"), own_field_name, said.tag_field)
    if said.requiretls is not RequireTlsMode.OPPORTUNISTIC and not _asked(said):
        yield ("delivery", "requiretls"), _NOBODY_TO_ASK
    own_domains = set(_canonical_domains(configuration))
    path = ("delivery", "domains")
    yield from said_twice(path, said.domains, canonical_domain)
    for domain, own in said.domains.items():
        yield from tried((*path, domain), _one_of, own_domains, canonical_domain, domain)
        if own.lmtp:
            yield from tried((*path, domain, "lmtp"), lmtp_hop, own.lmtp)
        elif own.requiretls is not None and not said.lmtp:
            yield (*path, domain, "requiretls"), _NOBODY_TO_ASK
    yield from said_twice(("programs",), configuration.programs, program_address)
    for address, program in configuration.programs.items():
        yield from tried(("programs", address), _one_of, own_domains, _program_domain, address)
        yield from tried(("programs", address, "command"), runnable, program)


def _asked(said: Delivery) -> bool:
    return bool(said.lmtp) or any(own.lmtp for own in said.domains.values())


def _canonical_domains(configuration: Configuration) -> Iterator[str]:
    for domain in configuration.domains:
        with suppress(ValueError):
            yield canonical_domain(domain)


def _program_domain(address: str) -> str:
    return program_address(address).domain


def _one_of(own: Collection[str], domain_of: Callable[[str], str], text: str) -> None:
    domain = domain_of(text)
    if domain not in own:
        raise ValueError(f"{domain} is none of this server's domains")

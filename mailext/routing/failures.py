"""Why there is no route, as outcomes for the recipients."""

from __future__ import annotations

from mailext.values import DnsError, DnsStatus, Outcome

__all__ = [
    "bad_domain",
    "loop",
    "misconfigured",
    "no_host",
    "no_mail",
    "no_such_domain",
    "unknown",
    "unreachable",
]


def unknown(name: str, error: DnsError) -> Outcome:
    """DNS does not tell: SERVFAIL, silence, or an answer whose proof failed."""
    if error.status is DnsStatus.BOGUS:
        return Outcome(451, "4.4.3", f"DNSSEC validation failed for {name}: {error}")
    return Outcome(451, "4.4.3", f"DNS look-up of {name} failed: {error}")


def bad_domain(domain: str) -> Outcome:
    return Outcome(550, "5.1.2", f"Not a domain that mail can be sent to: {ascii(domain)[1:-1]}")


def no_such_domain(domain: str) -> Outcome:
    return Outcome(550, "5.1.2", f"Domain {domain} does not exist")


def no_host(domain: str) -> Outcome:
    return Outcome(550, "5.1.2", f"Domain {domain} has neither MX nor address records")


def no_mail(domain: str) -> Outcome:
    # RFC 7505 section 4.1.
    return Outcome(556, "5.1.10", f"Domain {domain} does not accept mail: null MX")


def loop(domain: str) -> Outcome:
    return Outcome(554, "5.4.6", f"Mail for {domain} loops back to this server")


def unreachable(host: str) -> Outcome:
    return Outcome(550, "5.4.4", f"Host {host} has no usable address")


def misconfigured(host: str) -> Outcome:
    # A mistake of this server's operator is not the sender's.
    return Outcome(451, "4.3.5", f"The configured host {host} has no usable address")

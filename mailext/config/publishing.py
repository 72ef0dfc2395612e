"""What the configuration has our own domains say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from mailext.accounts.canonical import canonical_domain
from mailext.config.model import Configuration
from mailext.publishing.own_certificates import certificate_for
from mailext.publishing.wanted import Publication, key_digest
from mailext.routing.names import is_host_name
from mailext.tlsrpt.record import parse_record
from mailext.trust.mta_sts.policy import LONGEST_LIFE, StsPolicy, read_pattern, read_policy

__all__ = ["host_pattern", "own_policies", "own_policy", "policy_life", "publications"]


def own_policy(configuration: Configuration) -> StsPolicy:
    """
    The MTA-STS policy of our domains.

    :raise ValueError: if it would be none.
    """
    said = configuration.mta_sts
    patterns = tuple(map(host_pattern, said.mx or (configuration.hostname,)))
    # Read as those read it who are to go by it.
    return read_policy(StsPolicy(said.mode, policy_life(said.max_age), patterns).text)


def host_pattern(text: str) -> str:
    """
    Which hosts take mail for our domains.

    :raise ValueError: if it is no pattern of host names.
    """
    if not text.isascii():
        raise ValueError("write it in A-labels, as in xn--bcher-kva.example")
    pattern = read_pattern(text)
    if not is_host_name(pattern.removeprefix("*.")):
        raise ValueError(f"an IP address is no name of a host: {text!r}")
    return pattern


def policy_life(seconds: float) -> int:
    """
    For how long a policy is remembered.

    :raise ValueError: if no policy may be remembered as long, or as shortly.
    """
    if not 1 <= seconds <= LONGEST_LIFE:
        raise ValueError(f"must be from 1s to {LONGEST_LIFE}s")
    return int(seconds)


def own_policies(configuration: Configuration) -> dict[str, StsPolicy]:
    """
    The same, by domain, in A-labels.

    :raise ValueError: if a name makes no sense.
    """
    policy = own_policy(configuration)
    return {canonical_domain(domain): policy for domain in configuration.domains}


def publications(
    configuration: Configuration, next_keys: Sequence[Path], report_to: str | None
) -> list[Publication]:
    """
    What there is to say of our domains.

    :param next_keys: files of keys that are to be used some day.
    :param report_to: where TLS reports are wanted, a URI; None: at the address
        in ``[tlsrpt] contact``, or at the postmaster of each domain.
    :raise ValueError: if a file or a name makes no sense.
    """
    host = canonical_domain(configuration.hostname)
    certificate = certificate_for(host, configuration.tls.certificate)
    digests = tuple(key_digest(file) for file in next_keys)
    contact = configuration.tlsrpt.contact
    return [
        Publication(
            domain,
            host,
            certificate,
            digests,
            policy,
            _checked(report_to or f"mailto:{quote(contact or f'postmaster@{domain}', safe='@+')}"),
        )
        for domain, policy in own_policies(configuration).items()
    ]


def _checked(uri: str) -> str:
    if not parse_record(f"v=TLSRPTv1; rua={uri}"):
        raise ValueError(f"reports go to mailto: or https:, and not to {uri!r}")
    return uri

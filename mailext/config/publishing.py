"""What the configuration has our own domains say of themselves."""

from __future__ import annotations

from mailext.accounts.canonical import canonical_domain
from mailext.config.model import Configuration
from mailext.trust.mta_sts.policy import StsPolicy, read_policy

__all__ = ["own_policies", "own_policy"]


def own_policy(configuration: Configuration) -> StsPolicy:
    """
    The MTA-STS policy of our domains.

    :raise ValueError: if it would be none.
    """
    said = configuration.mta_sts
    patterns = said.mx or (configuration.hostname,)
    # Read as those read it who are to go by it.
    return read_policy(StsPolicy(said.mode, int(said.max_age), patterns).text)


def own_policies(configuration: Configuration) -> dict[str, StsPolicy]:
    """
    The same, by domain, in A-labels.

    :raise ValueError: if a name makes no sense.
    """
    policy = own_policy(configuration)
    return {canonical_domain(domain): policy for domain in configuration.domains}

"""
The demand of a message, settled from everything that was said about it.
"""

from __future__ import annotations

from mailext.values import MailOptions, TlsDemand

__all__ = ["settle"]


def settle(options: MailOptions, header_demand: TlsDemand, policy_demand: TlsDemand) -> TlsDemand:
    """
    Settle what a message demands, for all of its recipients (R8).

    :param options: the parameters of its MAIL command.
    :param header_demand: what its header section says, by
        :func:`mailext.message.headers.tls_demand`.
    :param policy_demand: the strictest demand of the policies' verdicts.
    """
    # R6, RFC 8689 section 4.1: beside the parameter the field is ignored.
    # R20, section 4.3: rules may ask on the sender's behalf, and never for less.
    stated = TlsDemand.REQUIRE if options.requiretls else header_demand
    return max(stated, policy_demand)

"""
Where an attempt comes from, as far as it is counted.
"""

from __future__ import annotations

from mailext.values import LoginAttempt

__all__ = ["address_of"]


def address_of(attempt: LoginAttempt) -> str:
    """
    The client's address; in IPv6 the network that a customer is given, within
    which addresses cost nothing.
    """
    place = attempt.place
    return place.network if ":" in place.address else place.address

"""How much is kept of what clients say of themselves, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RegistryLimits"]

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class RegistryLimits:
    """
    :param per_account: identities of one account. The next one takes the place
        of the one that matters least.
    :param keep: for how many seconds an identity is kept that was not seen
        meanwhile, unless it was approved or revoked; so are the networks that
        it was seen in.
    :param logins: attempts to log in that are kept, each of those with the
        right password and those without.
    :param keep_logins: for how many seconds; so are strangers.
    """

    per_account: int = 100
    keep: float = 400 * _DAY
    logins: int = 500_000
    keep_logins: float = 30 * _DAY

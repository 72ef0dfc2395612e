"""
An account's own devices, and strangers.
"""

from __future__ import annotations

from mailext.interfaces import IPluginServices
from mailext.values import ClientIdentity, IdentityRecord, IdentityStatus

__all__ = ["Devices", "is_known"]


def is_known(record: IdentityRecord | None, now: float) -> bool:
    """
    Whether an identity is a known device of an account: the account has logged
    in with it, or it was taken on; and it neither waits for approval nor is
    revoked.

    :param now: wall clock, seconds since the epoch.
    """
    if record is None or record.is_revoked(now) or record.status is IdentityStatus.PENDING:
        return False
    return record.count > 0 or record.is_trusted(now)


class Devices:
    """Tells an account's own devices from strangers."""

    def __init__(self, services: IPluginServices) -> None:
        self._identities = services.identities
        self._clock = services.clock

    async def knows(self, account: str, identity: ClientIdentity | None) -> bool:
        """
        Whether the client has shown itself to be a known device.

        :param account: which need not exist.
        """
        if identity is None:
            return False
        record = await self._identities.find(account, identity)
        return is_known(record, self._clock.seconds())

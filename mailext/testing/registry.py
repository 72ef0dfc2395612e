"""
Registries of client identities, and of licences, that need no disk.
"""

from __future__ import annotations

import hmac
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from mailext.clientid import memory
from mailext.interfaces import ILicenceRegistry
from mailext.values import ClientIdentity, Licence

__all__ = ["MemoryIdentityRegistry", "MemoryLicenceRegistry"]


class MemoryIdentityRegistry(memory.MemoryIdentityRegistry):
    """
    A registry of identities that forgets all when it goes. Its Deferreds have
    fired already. The id of an identity is the same in each of them.
    """

    def __init__(self) -> None:
        super().__init__(_fingerprint)


def _fingerprint(identity: ClientIdentity) -> str:
    said = f"{identity.type} {identity.token}".encode()
    return hmac.digest(b"a key of no worth", said, "sha256").hex()[:16]


@implementer(ILicenceRegistry)
class MemoryLicenceRegistry:
    """A registry of licences that forgets all when it goes. Its Deferreds have fired already."""

    def __init__(self) -> None:
        self._licences: dict[ClientIdentity, Licence] = {}

    def put(self, identity: ClientIdentity, licence: Licence) -> None:
        """What the operator may do, and no checker: set up a licence."""
        self._licences[identity] = licence

    def find(self, identity: ClientIdentity) -> Deferred[Licence | None]:
        """See :meth:`ILicenceRegistry.find`."""
        return succeed(self._licences.get(identity))

    def used(self, identity: ClientIdentity, when: float) -> Deferred[None]:
        """See :meth:`ILicenceRegistry.used`."""
        if identity in self._licences:
            self._licences[identity] = replace(self._licences[identity], last_used=when)
        return succeed(None)

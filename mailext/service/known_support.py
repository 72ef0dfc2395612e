"""What rules may know of the way that a recipient's mail will take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.interfaces import (
    ICounterStore,
    IIdentityRegistry,
    ILicenceRegistry,
    IRelayServices,
    IRequireTlsSupport,
)
from mailext.requiretls.support import KnownSupport
from mailext.routing.names import destination_key
from mailext.values import Mailbox

__all__ = ["RecipientSupport", "RelayServices"]


@implementer(IRequireTlsSupport)
@dataclass(frozen=True)
class RecipientSupport:
    """
    Follows aliases, to the destinations that they lead to.

    :param addresses: gives the address book as it is now.
    """

    addresses: Callable[[], AddressBook]
    known: KnownSupport

    def supports(self, recipient: Mailbox) -> bool:
        """See :meth:`IRequireTlsSupport.supports`."""
        resolution = self.addresses().resolve(recipient)
        onward = (recipient,) if resolution.kind is AddressKind.REMOTE else resolution.elsewhere
        return all(self.known.supports(destination_key(each.domain)) for each in onward)


@implementer(IRelayServices)
@dataclass(frozen=True)
class RelayServices:
    """
    The services of the server itself.

    :param clock: its ``seconds()`` is the wall clock.
    """

    clock: IReactorTime
    identities: IIdentityRegistry
    licences: ILicenceRegistry
    counters: ICounterStore
    support: IRequireTlsSupport

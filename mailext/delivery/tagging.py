"""What a message demands of its path, told to who reads it where it was delivered."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.values import Envelope, HeaderField, TlsDemand

__all__ = ["TaggingTarget"]


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class TaggingTarget:
    """
    Delivers with a header field that names the demand: ``require`` or
    ``optional``. So programs that answer a message from its mailbox can see it
    (R25, RFC 8689 section 6). A field of this name that somebody else wrote is
    removed.

    :param target: where to.
    :param field: the name of the field.
    """

    target: IDeliveryTarget
    field: str

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        headers = headers.without([self.field])
        if envelope.tls_demand is not TlsDemand.NONE:
            headers = headers.with_on_top(HeaderField(self.field, envelope.tls_demand.word))
        return self.target.startDelivery(envelope, headers)

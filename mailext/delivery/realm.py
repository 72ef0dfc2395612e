"""Who gets which delivery object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.mail.interfaces import IMessageDeliveryFactory
from zope.interface import Interface, implementer

from mailext.delivery.reception import ExchangeDelivery, Reception, SubmissionDelivery

__all__ = ["DeliveryFactory", "MailRealm"]


@implementer(IMessageDeliveryFactory)
@dataclass(frozen=True, slots=True)
class DeliveryFactory:
    """
    An avatar.

    :param make: makes the delivery object of one transaction.
    """

    make: Callable[[], ExchangeDelivery]

    def getMessageDelivery(self) -> ExchangeDelivery:
        """A delivery object for one transaction."""
        return self.make()


@implementer(IRealm)
class MailRealm:
    """
    The realm of the server's own mail.

    :param reception: the server.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def requestAvatar(
        self,
        avatarId: str | bytes | tuple[()],
        mind: object,  # noqa: ARG002 - cred's signature
        *interfaces: type[Interface],
    ) -> tuple[type[Interface], object, Callable[[], None]]:
        """
        :param avatarId: the name that a checker knows an account by, octets as
            UTF-8; ``ANONYMOUS`` for nobody's account.
        :param mind: ignored.
        :raise UnauthorizedLogin: if the name cannot be that of an account.
        """
        if IMessageDeliveryFactory not in interfaces:
            raise NotImplementedError("this realm gives out IMessageDeliveryFactory only")
        return IMessageDeliveryFactory, DeliveryFactory(self._delivery_for(avatarId)), _logged_out

    def _delivery_for(self, avatar_id: str | bytes | tuple[()]) -> Callable[[], ExchangeDelivery]:
        if isinstance(avatar_id, tuple):
            return partial(ExchangeDelivery, self._reception)
        try:
            name = avatar_id if isinstance(avatar_id, str) else avatar_id.decode("utf-8")
            account = self._reception.addresses().account_named(name)
        except ValueError as error:
            raise UnauthorizedLogin("not the name of an account") from error
        return partial(SubmissionDelivery, self._reception, account)


def _logged_out() -> None:
    """Nothing is kept for a session."""

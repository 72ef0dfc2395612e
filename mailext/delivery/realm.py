"""Who gets which avatar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.mail.interfaces import IMessageDeliveryFactory
from zope.interface import Interface, implementer

from mailext.accounts.addresses import AddressBook
from mailext.delivery.reception import ExchangeDelivery, Reception, SubmissionDelivery
from mailext.values import Mailbox

__all__ = ["AvatarMaker", "DeliveryFactory", "MailRealm", "deliveries"]


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


#: Makes an avatar, and what is to be called when the session ends. It is given
#: the account's canonical address; None for nobody's account.
AvatarMaker = Callable[[Mailbox | None], tuple[object, Callable[[], None]]]


@implementer(IRealm)
class MailRealm:
    """
    The realm of the server's own mail.

    :param addresses: gives the address book.
    :param makers: of avatars, by the interface that these provide.
    """

    def __init__(
        self, addresses: Callable[[], AddressBook], makers: Mapping[type[Interface], AvatarMaker]
    ) -> None:
        self._addresses = addresses
        self._makers = makers

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
        :raise UnauthorizedLogin: if the name cannot be that of an account, or
            nobody's account has no such avatar.
        """
        for interface in interfaces:
            if interface in self._makers:
                avatar, logout = self._makers[interface](self._account(avatarId))
                return interface, avatar, logout
        raise NotImplementedError("this realm gives out other avatars")

    def _account(self, avatar_id: str | bytes | tuple[()]) -> Mailbox | None:
        if isinstance(avatar_id, tuple):
            return None
        try:
            name = avatar_id if isinstance(avatar_id, str) else avatar_id.decode("utf-8")
            return self._addresses().account_named(name)
        except ValueError as error:
            raise UnauthorizedLogin("not the name of an account") from error


def deliveries(reception: Reception) -> AvatarMaker:
    """
    Makes the avatars that bring mail.

    :param reception: the server.
    """

    def make(account: Mailbox | None) -> tuple[DeliveryFactory, Callable[[], None]]:
        if account is None:
            return DeliveryFactory(partial(ExchangeDelivery, reception)), _logged_out
        return DeliveryFactory(partial(SubmissionDelivery, reception, account)), _logged_out

    return make


def _logged_out() -> None:
    """Nothing is kept for a session."""

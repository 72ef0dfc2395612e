"""The recipients of a queued message that are ours, and do not go to the Maildirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.accounts.canonical import canonical_mailbox
from mailext.interfaces import IDeliveryTarget
from mailext.queue.dispatch import Dispatch, Group
from mailext.values import Mailbox, QueueEntry, Recipient

__all__ = ["JointDispatch", "LocalDispatch", "LocalWays"]


@dataclass(frozen=True, slots=True)
class LocalWays:
    """
    Where mail of our own domains goes.

    :param programs: by canonical address.
    :param stores: by canonical domain.
    :param other: where everything else goes; None: to the queue's own target.
    """

    programs: Mapping[Mailbox, IDeliveryTarget] = field(default_factory=dict)
    stores: Mapping[str, IDeliveryTarget] = field(default_factory=dict)
    other: IDeliveryTarget | None = None

    def of(self, address: Mailbox) -> IDeliveryTarget | None:
        """:param address: canonical."""
        return self.programs.get(address) or self.stores.get(address.domain, self.other)

    def __bool__(self) -> bool:
        return bool(self.programs or self.stores or self.other)


@dataclass(frozen=True, slots=True)
class LocalDispatch:
    """
    Sends recipients of this server where the operator wants them. A
    :class:`~mailext.queue.dispatch.Dispatch`.

    :param addresses: gives the address book as it is now.
    :param ways: gives what holds now.
    """

    addresses: Callable[[], AddressBook]
    ways: Callable[[], LocalWays]

    def leaves(self, address: Mailbox) -> bool:
        """Whether this is the address of an account, and left to the queue's own target."""
        return self.addresses().has_account(address) and self.ways().of(canonical_mailbox(address)) is None

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:  # noqa: ARG002 - a dispatch's signature
        """See :meth:`mailext.queue.dispatch.Dispatch.elsewhere`."""
        ways = self.ways()
        if not ways:
            return ()
        book = self.addresses()
        grouped: dict[int, tuple[IDeliveryTarget, list[Recipient]]] = {}
        for recipient in recipients:
            if book.resolve(recipient.address).kind is AddressKind.REMOTE:
                continue
            way = ways.of(canonical_mailbox(recipient.address))
            if way is not None:
                grouped.setdefault(id(way), (way, []))[1].append(recipient)
        return [Group(tuple(together), way) for way, together in grouped.values()]


@dataclass(frozen=True, slots=True)
class JointDispatch:
    """
    Several dispatches, each for recipients of its own. A
    :class:`~mailext.queue.dispatch.Dispatch`.
    """

    dispatches: tuple[Dispatch, ...]

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        """See :meth:`mailext.queue.dispatch.Dispatch.elsewhere`."""
        return [group for each in self.dispatches for group in each.elsewhere(entry, recipients)]

"""The remote recipients of a queued message, by their destinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.target import RelayTarget
from mailext.interfaces import IDeliveryTarget
from mailext.queue.dispatch import Deferral, Group
from mailext.routing.names import destination_key
from mailext.values import QueueEntry, Recipient

__all__ = ["RemoteDispatch"]


@dataclass(frozen=True, slots=True)
class RemoteDispatch:
    """
    Sends recipients to other hosts that are not of this server. A
    :class:`~mailext.queue.dispatch.Dispatch`.

    :param addresses: gives the address book as it is now.
    :param means: gives what relaying is done with now.
    """

    addresses: Callable[[], AddressBook]
    means: Callable[[], RelayMeans]

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        """See :meth:`mailext.queue.dispatch.Dispatch.elsewhere`."""
        book, means = self.addresses(), self.means()
        grouped: dict[str, list[Recipient]] = {}
        for recipient in recipients:
            if book.resolve(recipient.address).kind is AddressKind.REMOTE:
                grouped.setdefault(destination_key(recipient.address.domain), []).append(recipient)
        return [
            Group(tuple(together), _way(means, destination, entry))
            for destination, together in grouped.items()
        ]


def _way(means: RelayMeans, destination: str, entry: QueueEntry) -> IDeliveryTarget | Deferral:
    deferral = means.backoff.deferral(destination)
    return deferral if deferral is not None else RelayTarget(means, destination, entry)

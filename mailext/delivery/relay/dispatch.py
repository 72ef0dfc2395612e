"""The remote recipients of a queued message, by their destinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailext.accounts.addresses import AddressBook, AddressKind
from mailext.delivery.relay.means import RelayMeans
from mailext.delivery.relay.target import RelayTarget
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.dispatch import Deferral, Group
from mailext.queue.shares import DestinationShares
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
    :param shares: how much each destination may have under way.
    """

    addresses: Callable[[], AddressBook]
    means: Callable[[], RelayMeans]
    shares: DestinationShares

    def elsewhere(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        """See :meth:`mailext.queue.dispatch.Dispatch.elsewhere`."""
        book, means = self.addresses(), self.means()
        grouped: dict[str, list[Recipient]] = {}
        for recipient in recipients:
            if book.resolve(recipient.address).kind is AddressKind.REMOTE:
                grouped.setdefault(destination_key(recipient.address.domain), []).append(recipient)
        return [
            Group(
                tuple(together),
                RelayTarget(means, destination, entry),
                _Gate(means.router.destination(destination), self.shares, means.backoff),
            )
            for destination, together in grouped.items()
        ]


@dataclass(frozen=True, slots=True)
class _Gate:
    """
    Before the hosts of one destination. A :class:`~mailext.queue.dispatch.Gate`.

    :param destination: see :meth:`mailext.routing.router.Router.destination`.
    """

    destination: str
    shares: DestinationShares
    backoff: DestinationBackoff

    def enter(self) -> Deferral | None:
        if (deferral := self.shares.enter(self.destination)) is not None:
            return deferral
        # Asked last: one that is let through is to be tried.
        if (deferral := self.backoff.deferral(self.destination)) is not None:
            self.leave()
        return deferral

    def leave(self) -> None:
        self.shares.leave(self.destination)

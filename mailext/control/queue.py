"""What an operator does with the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

from attrs import frozen

from mailext.control.as_json import EntryJson, ShownEntryJson, entry_as_json, shown_as_json
from mailext.control.requests import (
    DemandTls,
    DropMessage,
    HoldMessage,
    ListQueue,
    ReleaseMessage,
    RequestRefusedError,
    RetryMessages,
    ShowMessage,
)
from mailext.queue.clock import QueueClock
from mailext.queue.events import log_demand, log_dropped
from mailext.routing.names import destination_key
from mailext.storage.errors import NoMessageError
from mailext.storage.operating import QueueSelection
from mailext.storage.queue_admin import QueueAdmin
from mailext.values import TlsDemand

__all__ = ["DemandJson", "MessageJson", "QueueOperations"]


class MessageJson(TypedDict):
    """A message that something was done with: its queue id."""

    id: str


class DemandJson(TypedDict):
    """A message, and what it demands now."""

    id: str
    requiretls: str


@frozen
class QueueOperations:
    """
    :param admin: the operator's questions about the queue.
    :param clock: the queue's clock.
    :param wake: called when something is due.
    :param abandon: called with the queue id of a message that was dropped.
    :param forget_destinations: called with domains that are to be tried at
        once, even if they are left alone for a while.
    """

    admin: QueueAdmin
    clock: QueueClock
    wake: Callable[[], object]
    abandon: Callable[[str], object]
    forget_destinations: Callable[[Iterable[str]], object]

    async def list(self, request: ListQueue) -> list[EntryJson]:
        """The oldest message first."""
        selection = QueueSelection(request.limit, request.held, request.domain)
        return [entry_as_json(entry) for entry in await self.admin.entries(selection)]

    async def show(self, request: ShowMessage) -> ShownEntryJson:
        """:raise RequestRefusedError: if there is no such message."""
        found = await self.admin.show(request.queue_id)
        if found is None:
            raise RequestRefusedError(f"there is no message {request.queue_id} in the queue")
        return shown_as_json(*found)

    async def hold(self, request: HoldMessage) -> MessageJson:
        """:raise RequestRefusedError: if there is no such message."""
        if not await self.admin.hold(request.queue_id):
            raise RequestRefusedError(f"there is no message {request.queue_id} in the queue")
        return MessageJson(id=request.queue_id)

    async def release(self, request: ReleaseMessage) -> MessageJson:
        """:raise RequestRefusedError: if there is no such message, or it is not held."""
        if not await self.admin.release(request.queue_id, self.clock.steady()):
            raise RequestRefusedError(f"there is no message {request.queue_id} on hold")
        self.wake()
        return MessageJson(id=request.queue_id)

    async def retry(self, request: RetryMessages) -> Sequence[MessageJson]:
        """
        :return: the messages, the oldest first.
        :raise RequestRefusedError: if it is about one message, and that is not
            there, or on hold.
        """
        retried = await self.admin.retry(request.queue_id, self.clock.steady())
        if request.queue_id is not None and not retried.queue_ids:
            raise RequestRefusedError(
                f"there is no message {request.queue_id} in the queue that is not on hold"
            )
        self.forget_destinations(map(destination_key, retried.domains))
        self.wake()
        return [MessageJson(id=queue_id) for queue_id in retried.queue_ids]

    async def drop(self, request: DropMessage) -> MessageJson:
        """:raise RequestRefusedError: if there is no such message."""
        try:
            entry = await self.admin.drop(request.queue_id)
        except NoMessageError as error:
            raise RequestRefusedError(str(error)) from error
        self.abandon(entry.id)
        log_dropped(entry)
        return MessageJson(id=entry.id)

    async def demand_tls(self, request: DemandTls) -> DemandJson:
        """:raise RequestRefusedError: if there is no such message, or no such demand."""
        try:
            demand = TlsDemand.of_word(request.requiretls)
        except ValueError as error:
            raise RequestRefusedError(str(error)) from error
        try:
            entry = await self.admin.demand_tls(request.queue_id, demand)
        except NoMessageError as error:
            raise RequestRefusedError(str(error)) from error
        log_demand(entry, demand)
        return DemandJson(id=entry.id, requiretls=request.requiretls)

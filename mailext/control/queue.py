"""What an operator does with the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from attrs import frozen

from mailext.control.as_json import EntryJson, ShownEntryJson, entry_as_json, shown_as_json
from mailext.control.requests import (
    HoldMessage,
    ListQueue,
    ReleaseMessage,
    RequestRefusedError,
    ShowMessage,
)
from mailext.queue.clock import QueueClock
from mailext.storage.queue_admin import QueueAdmin

__all__ = ["MessageJson", "QueueOperations"]


class MessageJson(TypedDict):
    """A message that something was done with: its queue id."""

    id: str


@frozen
class QueueOperations:
    """
    :param admin: the operator's questions about the queue.
    :param clock: the queue's clock.
    :param wake: called when a message was released.
    """

    admin: QueueAdmin
    clock: QueueClock
    wake: Callable[[], object]

    async def list(self, request: ListQueue) -> list[EntryJson]:  # noqa: ARG002 - it asks for all
        """The oldest message first."""
        return [entry_as_json(entry) for entry in await self.admin.entries()]

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

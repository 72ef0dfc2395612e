"""One delivery attempt of one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger
from twisted.mail.smtp import SMTPServerError

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.clock import QueueClock
from mailext.queue.content import read_headers
from mailext.queue.dispatch import NOWHERE_ELSE, Dispatch, Group
from mailext.queue.undelivered import UndeliveredError
from mailext.values import Envelope, Mailbox, Outcome, QueueEntry, Recipient, RecipientState
from mailext.wire.replies import Reply

__all__ = ["DeliveryAttempts"]

_log = Logger()

_LOCAL_TROUBLE = Outcome(451, "4.3.0", "Requested action aborted: local error in processing")

# How many groups of one message are delivered at a time: each has the content
# open, and one message with many destinations is not to have all there is.
_GROUPS = 10


class DeliveryAttempts:
    """
    Delivers queued messages to targets.

    :param store: where their content is.
    :param target: where recipients go that the dispatch sends nowhere else.
    :param clock: for the pauses between the chunks of large contents.
    :param dispatch: tells which recipients go elsewhere.
    """

    def __init__(
        self,
        store: IQueueStore,
        target: IDeliveryTarget,
        clock: QueueClock,
        dispatch: Dispatch = NOWHERE_ELSE,
    ) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._dispatch = dispatch

    async def deliver(self, entry: QueueEntry) -> Mapping[Mailbox, Outcome]:
        """
        Try every recipient that is still to be served. Groups of them that go
        to different targets are tried at the same time, each with its own
        reading of the content; the trouble of one is its own.

        :return: an outcome for the address of each. Whatever goes wrong is an
            outcome too; nothing is raised.
        """
        waiting = tuple(
            queued.recipient for queued in entry.recipients if queued.state is RecipientState.QUEUED
        )
        try:
            groups = self._groups(entry, waiting)
        except Exception:  # noqa: BLE001 - whatever a dispatch raises is a temporary failure
            _log.failure("Nobody knows where {queueId} goes", queueId=entry.id)
            return _for_all(waiting, _LOCAL_TROUBLE)
        gate = DeferredSemaphore(_GROUPS)
        deliveries = [gate.run(self._deliver, entry, group) for group in groups]
        outcomes: dict[Mailbox, Outcome] = {}
        for each in await gatherResults(deliveries):
            outcomes.update(each)
        return outcomes

    def _groups(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        groups = self._dispatch.elsewhere(entry, recipients)
        gone = {recipient.address for group in groups for recipient in group.recipients}
        rest = tuple(recipient for recipient in recipients if recipient.address not in gone)
        return (Group(rest, self._target), *groups) if rest else groups

    async def _deliver(self, entry: QueueEntry, group: Group) -> Mapping[Mailbox, Outcome]:
        if isinstance(group.way, Outcome):
            return _for_all(group.recipients, group.way)
        envelope = replace(entry.envelope, recipients=group.recipients)
        try:
            return await self._transfer(entry, envelope, group.way)
        except UndeliveredError as error:
            return error.outcomes
        except SMTPServerError as refusal:
            outcome = _outcome_of(refusal)
        except Exception:  # noqa: BLE001 - whatever a target raises is a temporary failure
            _log.failure("Delivery of {queueId} failed", queueId=entry.id)
            outcome = _LOCAL_TROUBLE
        return _for_all(group.recipients, outcome)

    async def _transfer(
        self, entry: QueueEntry, envelope: Envelope, target: IDeliveryTarget
    ) -> Mapping[Mailbox, Outcome]:
        chunks = await self._store.readContent(entry)
        headers, beginning = read_headers(chunks)
        delivery = target.startDelivery(envelope, headers)
        if isinstance(delivery, Deferred):
            delivery = await delivery
        try:
            taken = delivery.write(beginning)
            for chunk in chunks:
                # A large content leaves the reactor room between its chunks.
                await (taken or self._clock.pause(0))
                taken = delivery.write(chunk)
            if taken is not None:
                await taken
        except BaseException:
            delivery.abort()
            raise
        return await delivery.commit()


def _for_all(recipients: Sequence[Recipient], outcome: Outcome) -> Mapping[Mailbox, Outcome]:
    return {recipient.address: outcome for recipient in recipients}


def _outcome_of(refusal: SMTPServerError) -> Outcome:
    if not 400 <= refusal.code < 600:
        return _LOCAL_TROUBLE
    default = f"{refusal.code // 100}.3.0"
    return Reply.parse_text(refusal.code, refusal.resp, default=default).as_outcome()

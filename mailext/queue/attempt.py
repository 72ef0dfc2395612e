"""One delivery attempt of one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.smtp import SMTPServerError

from mailext.interfaces import IDeliveryTarget, IQueueStore
from mailext.queue.clock import QueueClock
from mailext.queue.content import read_headers
from mailext.values import Envelope, Mailbox, Outcome, QueueEntry, RecipientState
from mailext.wire.replies import Reply

__all__ = ["DeliveryAttempts"]

_log = Logger()

_LOCAL_TROUBLE = Outcome(451, "4.3.0", "Requested action aborted: local error in processing")


class DeliveryAttempts:
    """
    Delivers queued messages to a target.

    :param store: where their content is.
    :param target: where they go.
    :param clock: for the pauses between the chunks of large contents.
    """

    def __init__(self, store: IQueueStore, target: IDeliveryTarget, clock: QueueClock) -> None:
        self._store = store
        self._target = target
        self._clock = clock

    async def deliver(self, entry: QueueEntry) -> Mapping[Mailbox, Outcome]:
        """
        Try every recipient that is still to be served.

        :return: an outcome for the address of each. Whatever goes wrong is an
            outcome too; nothing is raised.
        """
        waiting = tuple(
            queued.recipient for queued in entry.recipients if queued.state is RecipientState.QUEUED
        )
        envelope = replace(entry.envelope, recipients=waiting)
        try:
            return await self._transfer(entry, envelope)
        except SMTPServerError as refusal:
            outcome = _outcome_of(refusal)
        except Exception:  # noqa: BLE001 - whatever a target raises is a temporary failure
            _log.failure("Delivery of {queueId} failed", queueId=entry.id)
            outcome = _LOCAL_TROUBLE
        return {recipient.address: outcome for recipient in waiting}

    async def _transfer(self, entry: QueueEntry, envelope: Envelope) -> Mapping[Mailbox, Outcome]:
        chunks = await self._store.readContent(entry)
        headers, beginning = read_headers(chunks)
        delivery = self._target.startDelivery(envelope, headers)
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


def _outcome_of(refusal: SMTPServerError) -> Outcome:
    if not 400 <= refusal.code < 600:
        return _LOCAL_TROUBLE
    text = refusal.resp if isinstance(refusal.resp, str) else refusal.resp.decode("utf-8", "replace")
    reply = Reply.parse_text(refusal.code, text, default=f"{refusal.code // 100}.3.0")
    return Outcome(reply.code, reply.enhanced or "", " ".join(reply.lines))

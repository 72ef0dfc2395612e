"""One delivery attempt of one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.mail.smtp import SMTPServerError

from mailext.interfaces import IDelivery, IDeliveryTarget, IQueueStore
from mailext.queue.clock import QueueClock
from mailext.queue.content import read_headers
from mailext.queue.dispatch import NOWHERE_ELSE, Dispatch, Group
from mailext.queue.undelivered import LeftAloneError, UndeliveredError
from mailext.values import Envelope, Mailbox, Outcome, QueueEntry, Recipient
from mailext.wire.replies import Reply

__all__ = ["LOCAL_TROUBLE", "DeliveryAttempts", "for_all"]

_log = Logger()

#: Whatever goes wrong here is temporary.
LOCAL_TROUBLE = Outcome(451, "4.3.0", "Requested action aborted: local error in processing")

# Of a recipient of which a target says nothing.
_NO_OUTCOME = Outcome(451, "4.3.0", "No outcome")

_CUT_OFF = Outcome(451, "4.3.2", "The delivery was cut off when it was all but done", in_doubt=True)


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

    def groups(self, entry: QueueEntry, recipients: Sequence[Recipient]) -> Sequence[Group]:
        """
        :param recipients: those to be tried.
        :return: them in groups. Nothing is raised.
        """
        try:
            groups = self._dispatch.elsewhere(entry, recipients)
        except Exception:  # noqa: BLE001 - whatever a dispatch raises is a temporary failure
            _log.failure("Nobody knows where {queueId} goes", queueId=entry.id)
            return [Group(tuple(recipients), LOCAL_TROUBLE)]
        gone = {recipient.address for group in groups for recipient in group.recipients}
        rest = tuple(recipient for recipient in recipients if recipient.address not in gone)
        return (Group(rest, self._target), *groups) if rest else groups

    async def deliver(
        self, entry: QueueEntry, recipients: Sequence[Recipient], target: IDeliveryTarget
    ) -> Mapping[Mailbox, Outcome]:
        """
        Deliver to a group, with a reading of the content of its own.

        :return: an outcome for the address of each recipient. Whatever goes
            wrong is an outcome too.
        :raise CancelledError: if this was cancelled while it was certain that
            nobody has the message.
        :raise LeftAloneError: if this was no attempt.
        """
        try:
            outcomes = await self._deliver(entry, recipients, target)
        except (CancelledError, LeftAloneError):
            raise
        except UndeliveredError as error:
            outcomes = error.outcomes
        except SMTPServerError as refusal:
            outcomes = for_all(recipients, _outcome_of(refusal))
        except Exception:  # noqa: BLE001 - whatever a target raises is a temporary failure
            _log.failure("Delivery of {queueId} failed", queueId=entry.id)
            outcomes = for_all(recipients, LOCAL_TROUBLE)
        return {each.address: outcomes.get(each.address, _NO_OUTCOME) for each in recipients}

    async def _deliver(
        self, entry: QueueEntry, recipients: Sequence[Recipient], target: IDeliveryTarget
    ) -> Mapping[Mailbox, Outcome]:
        envelope = replace(entry.envelope, recipients=tuple(recipients))
        delivery = await self._hand_over(entry, envelope, target)
        try:
            return await delivery.commit()
        except CancelledError:
            return for_all(recipients, _CUT_OFF)

    async def _hand_over(self, entry: QueueEntry, envelope: Envelope, target: IDeliveryTarget) -> IDelivery:
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
        return delivery


def for_all(recipients: Sequence[Recipient], outcome: Outcome) -> Mapping[Mailbox, Outcome]:
    """The same outcome for the address of each recipient."""
    return {recipient.address: outcome for recipient in recipients}


def _outcome_of(refusal: SMTPServerError) -> Outcome:
    if not 400 <= refusal.code < 600:
        return LOCAL_TROUBLE
    default = f"{refusal.code // 100}.3.0"
    return Reply.parse_text(refusal.code, refusal.resp, default=default).as_outcome()

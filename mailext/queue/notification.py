"""Who is told of what: when a sender gets a report, and of which recipients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mailext.message.report_values import Action, RecipientReport
from mailext.values import (
    Envelope,
    Handover,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    QueuedRecipient,
    QueueEntry,
    RcptOptions,
    Recipient,
    RecipientState,
    Settlement,
    TlsDemand,
)

__all__ = ["NotificationRules", "count_unreported", "recipient_reports", "report_envelope"]


@dataclass(frozen=True, slots=True)
class NotificationRules:
    """
    Decides which recipients a report is due for.

    :param delay_after: how long a message may wait before its sender is told,
        in seconds.
    :param unasked: what a recipient without NOTIFY asks for: RFC 3461 section
        4.1 allows FAILURE, and FAILURE with DELAY.
    """

    delay_after: float = 4 * 3600.0
    unasked: frozenset[Notify] = frozenset({Notify.FAILURE})

    def mark(
        self, entry: QueueEntry, settlement: Settlement, outcomes: Mapping[Mailbox, Outcome], now: float
    ) -> Settlement:
        """
        :param entry: the message as it was before the attempt.
        :param settlement: what the attempt brought.
        :param outcomes: likewise, in the words of the hosts, for the address of
            each recipient that it is about.
        :param now: the wall clock.
        :return: the settlement in which each recipient's ``reported`` has the
            event that a report is due for. A null reverse-path is never told
            anything.
        """
        if entry.envelope.reverse_path is None:
            return settlement
        late = now - entry.arrived >= self.delay_after
        recipients = tuple(
            self._marked(after, outcomes[after.recipient.address], late=late)
            if before.state is RecipientState.QUEUED and after.recipient.address in outcomes
            else after
            for before, after in zip(entry.recipients, settlement.recipients, strict=True)
        )
        return replace(settlement, recipients=recipients)

    def _marked(self, queued: QueuedRecipient, outcome: Outcome, *, late: bool) -> QueuedRecipient:
        event = _event(queued, outcome, late=late)
        asked = queued.recipient.options.notify or self.unasked
        if event is None or event not in asked:
            return queued
        return replace(queued, reported=queued.reported | {event})


def _event(queued: QueuedRecipient, outcome: Outcome, *, late: bool) -> Notify | None:
    if queued.state is RecipientState.FAILED:
        return Notify.FAILURE
    if queued.state is RecipientState.QUEUED:
        return Notify.DELAY if late else None
    # RFC 3461 section 5.2.2: a next hop that knows NOTIFY reports itself.
    return None if outcome.handover is Handover.NEXT_HOP else Notify.SUCCESS


def recipient_reports(
    entry: QueueEntry,
    settlement: Settlement,
    outcomes: Mapping[Mailbox, Outcome],
    *,
    now: float,
    give_up_after: float,
) -> tuple[RecipientReport, ...]:
    """
    What a report has to tell.

    :param entry: the message as it was before the attempt.
    :param settlement: as :meth:`NotificationRules.mark` left it.
    :param now: the wall clock.
    :param give_up_after: how long a message may be in the queue, in seconds.
    :return: of each recipient an event of which it does not know yet; empty if
        there is nothing to report.
    """
    last_attempt = datetime.fromtimestamp(now, UTC)
    retry_until = datetime.fromtimestamp(entry.arrived + give_up_after, UTC)
    reports = []
    for before, after in zip(entry.recipients, settlement.recipients, strict=True):
        if after.reported == before.reported:
            continue
        outcome = outcomes[after.recipient.address]
        action = _action(after.state, outcome.handover)
        reports.append(
            RecipientReport(
                after.recipient,
                action,
                outcome,
                last_attempt,
                retry_until if action is Action.DELAYED else None,
            )
        )
    return tuple(reports)


def _action(state: RecipientState, handover: Handover) -> Action:
    if state is RecipientState.FAILED:
        return Action.FAILED
    if state is RecipientState.QUEUED:
        return Action.DELAYED
    return Action.DELIVERED if handover is Handover.FINAL else Action.RELAYED


def count_unreported(entry: QueueEntry, settlement: Settlement) -> int:
    """
    :param settlement: as :meth:`NotificationRules.mark` left it.
    :return: how many recipients have failed in this attempt without anybody
        being told.
    """
    return sum(
        before.state is RecipientState.QUEUED
        and after.state is RecipientState.FAILED
        and Notify.FAILURE not in after.reported
        for before, after in zip(entry.recipients, settlement.recipients, strict=True)
    )


def report_envelope(envelope: Envelope, to: Mailbox) -> Envelope:
    """
    The envelope of a report (RFC 3461 section 6.1).

    :param envelope: of the message that it is about: R18, R22, RFC 8689
        sections 4.2.2 and 5: the report makes the same demand.
    :param to: that one's reverse-path.
    """
    demand = envelope.tls_demand
    return Envelope(
        reverse_path=None,
        recipients=(Recipient(to, RcptOptions(notify=frozenset({Notify.NEVER}))),),
        options=MailOptions(smtputf8=not to.is_ascii, requiretls=demand is TlsDemand.REQUIRE),
        tls_demand=demand,
    )

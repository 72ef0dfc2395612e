"""
The log events of a message: ``accepted``, ``attempt`` or ``left-alone``,
``report`` or ``unreported``, ``done``; and what an operator does to it:
``demand``, ``dropped``.

Each is one line with the queue id, and has the keys ``event``, ``queueId``,
``requiretls`` and ``clientid``. Of a client identity only the keyed hash that
the entry holds is ever named (C24, draft-storey-smtp-client-id-13 section 9).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from twisted.logger import Logger

from mailext.message.report_values import Report
from mailext.values import Mailbox, Outcome, QueueEntry, RecipientState, Settlement, TlsDemand

__all__ = [
    "log_accepted",
    "log_attempt",
    "log_demand",
    "log_done",
    "log_dropped",
    "log_left_alone",
    "log_report",
    "log_unreported",
]

_log = Logger()


def log_accepted(entry: QueueEntry) -> None:
    """The message is in the queue, on stable storage."""
    _log.info(
        "accepted queueId={queueId} from=<{reversePath}> recipients={recipients} size={size} "
        "requiretls={requiretls} clientid={clientid}",
        event="accepted",
        recipients=len(entry.recipients),
        size=entry.size,
        **_common(entry),
    )


def log_attempt(entry: QueueEntry, outcomes: Mapping[Mailbox, Outcome], settlement: Settlement) -> None:
    """
    A delivery attempt has ended.

    :param outcomes: what became of each recipient that was tried.
    :param settlement: what follows from it.
    """
    states = Counter(recipient.state for recipient in settlement.recipients)
    _log.info(
        "attempt queueId={queueId} from=<{reversePath}> delivered={delivered} deferred={deferred} failed={failed} "
        "hold={hold} requiretls={requiretls} clientid={clientid} replies={replies}",
        event="attempt",
        delivered=states[RecipientState.DELIVERED],
        deferred=states[RecipientState.QUEUED],
        failed=states[RecipientState.FAILED],
        hold=settlement.hold,
        replies={str(address): str(outcome) for address, outcome in outcomes.items()},
        **_common(entry),
    )


def log_left_alone(entry: QueueEntry, outcomes: Mapping[Mailbox, Outcome]) -> None:
    """
    The message was due, and nobody was tried: where it goes is left alone for a
    while.

    :param outcomes: why, for each recipient.
    """
    _log.info(
        "left alone queueId={queueId} from=<{reversePath}> recipients={recipients} requiretls={requiretls} "
        "clientid={clientid} reasons={reasons}",
        event="left-alone",
        recipients=len(outcomes),
        reasons=sorted({str(outcome) for outcome in outcomes.values()}),
        **_common(entry),
    )


def log_report(entry: QueueEntry, report: Report, outcome: Outcome) -> None:
    """
    The sender is told.

    :param report: what the sender is told.
    :param outcome: of putting it into the queue; names its own queue id.
    """
    _log.info(
        "report queueId={queueId} from=<{reversePath}> actions={actions} reply={reply} "
        "requiretls={requiretls} clientid={clientid}",
        event="report",
        actions={str(each.recipient.address): each.action.value for each in report.recipients},
        reply=str(outcome),
        **_common(entry),
    )


def log_unreported(entry: QueueEntry, failed: int) -> None:
    """
    Recipients have failed, and nobody is told: a double bounce, or NOTIFY says so.

    :param failed: how many.
    """
    _log.info(
        "unreported queueId={queueId} from=<{reversePath}> failed={failed} requiretls={requiretls} "
        "clientid={clientid}",
        event="unreported",
        failed=failed,
        **_common(entry),
    )


def log_done(entry: QueueEntry, settlement: Settlement, now: float) -> None:
    """
    The message has left the queue: every recipient has it, or has failed and
    whoever is to know of that was told.

    :param settlement: how its recipients ended.
    :param now: the wall clock.
    """
    _log.info(
        "done queueId={queueId} from=<{reversePath}> recipients={recipients} failed={failed} "
        "seconds={seconds:.1f} requiretls={requiretls} clientid={clientid}",
        event="done",
        recipients=len(entry.recipients),
        failed=sum(queued.state is RecipientState.FAILED for queued in settlement.recipients),
        seconds=now - entry.arrived,
        **_common(entry),
    )


def log_demand(entry: QueueEntry, demand: TlsDemand) -> None:
    """
    An operator has changed what a message demands of its path.

    :param entry: the message as it was.
    :param demand: what it demands now.
    """
    _log.info(
        "demand queueId={queueId} from=<{reversePath}> former={former} requiretls={requiretls} clientid={clientid}",
        event="demand",
        former=entry.envelope.tls_demand.word,
        **_common(entry) | {"requiretls": demand.word},
    )


def log_dropped(entry: QueueEntry) -> None:
    """
    An operator has dropped a message. Nobody is told.

    :param entry: the message as it was.
    """
    states = Counter(queued.state for queued in entry.recipients)
    _log.info(
        "dropped queueId={queueId} from=<{reversePath}> recipients={recipients} delivered={delivered} "
        "requiretls={requiretls} clientid={clientid}",
        event="dropped",
        recipients=len(entry.recipients),
        delivered=states[RecipientState.DELIVERED],
        **_common(entry),
    )


def _common(entry: QueueEntry) -> dict[str, str]:
    return {
        "queueId": entry.id,
        "reversePath": str(entry.envelope.reverse_path or ""),
        "requiretls": entry.envelope.tls_demand.word,
        "clientid": entry.clientid,
    }

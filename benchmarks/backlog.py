"""A queue in which many messages wait already, for two hours at least."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

from benchmarks.load import RECIPIENT, SENDER, content
from mailext.queue.ids import QueueIds
from mailext.storage.engine import open_database
from mailext.storage.message_rows import message_row, recipient_rows
from mailext.storage.messages import ADD_SMALL
from mailext.storage.transactions import BulkChange
from mailext.values import Envelope, QueuedRecipient, QueueEntry, Recipient
from mailext.wire.grammar import parse_mailbox

__all__ = ["fill"]

_SOON = 7200.0
_TOGETHER = 10_000


def fill(state: Path, number: int) -> None:
    """
    :param state: the state directory of a server that does not run.
    :param number: how many messages are put into its queue.
    """
    database = open_database(state)
    ids = QueueIds(time.time, Random(1))
    data = content(1024)
    recipient = Recipient(parse_mailbox(RECIPIENT))
    envelope = Envelope(parse_mailbox(SENDER), (recipient,))
    now = time.time()
    for first in range(0, number, _TOGETHER):
        changes = []
        for at in range(first, min(first + _TOGETHER, number)):
            due = now + _SOON + at / 1000
            entry = QueueEntry(
                ids(), now, envelope, (QueuedRecipient(recipient, next_attempt=due),), len(data), due
            )
            rows = (
                [message_row(entry, 0.0)],
                recipient_rows(entry),
                [{"message_id": entry.id, "data": data}],
            )
            changes.append(BulkChange(ADD_SMALL, rows))
        with database.writer.begin() as connection:
            BulkChange.together(changes)(connection)
    database.dispose()

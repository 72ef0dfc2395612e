"""What became of numbered messages, counted: the invariants of durability."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from tests.black_box import RunningServer, eventually
from tests.numbered_sender import NumberedSender, number_of
from tests.samples import is_delivered


@dataclass(frozen=True)
class Ledger:
    """
    :param acknowledged: those that were answered with 250.
    :param refused: those that were answered otherwise.
    :param delivered: how often each has arrived.
    :param reported: those that a report says have failed.
    :param queued: how many still wait.
    """

    acknowledged: frozenset[int]
    refused: frozenset[int]
    delivered: Counter[int]
    reported: frozenset[int] = frozenset()
    queued: int = 0

    @property
    def lost(self) -> frozenset[int]:
        """Acknowledged, and gone. For when nothing waits any more."""
        return self.acknowledged - self.delivered.keys() - self.reported

    @property
    def refused_yet_delivered(self) -> frozenset[int]:
        return self.refused & self.delivered.keys()

    @property
    def doubled(self) -> int:
        """How many copies came beside the first one."""
        return self.delivered.total() - len(self.delivered)

    def __str__(self) -> str:
        return (
            f"{len(self.acknowledged)} acknowledged, {len(self.refused)} refused, "
            f"{len(self.delivered)} delivered, {len(self.reported)} reported, {self.queued} queued, "
            f"{len(self.lost)} lost, {self.doubled} doubled, "
            f"{len(self.refused_yet_delivered)} refused yet delivered"
        )


def ledger_of(server: RunningServer, senders: Iterable[NumberedSender]) -> Ledger:
    """
    Wait until the queue is empty, and count.

    :param senders: to the one account of the server. What has arrived must be
        what they sent, octet by octet.
    """
    senders = list(senders)
    sent = {number: message for sender in senders for number, message in sender.sent.items()}
    eventually(lambda: waiting(server) == 0, "an empty queue", 120)
    delivered: Counter[int] = Counter()
    for stored in server.messages():
        number = number_of(stored)
        assert is_delivered(sent[number], stored), f"message {number} is not what was sent"
        delivered[number] += 1
    return Ledger(
        frozenset(number for sender in senders for number in sender.acknowledged),
        frozenset(number for sender in senders for number in sender.refused),
        delivered,
        queued=waiting(server),
    )


def waiting(server: RunningServer) -> int:
    """:return: how many messages are in the queue."""
    with closing(sqlite3.connect(f"file:{server.folder}/state/mailext.sqlite?mode=ro", uri=True)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM message").fetchall()
    return int(count)

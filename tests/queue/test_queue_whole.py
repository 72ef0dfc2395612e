"""The whole queue on a server's store, threads and all: from 250 to delivery."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.manager import QueueManager
from mailext.queue.schedule import RetrySchedule
from mailext.queue.target import QueueTarget
from mailext.storage.store import open_store
from mailext.values import Envelope, Mailbox, Outcome
from tests.queue_samples import ANN, envelope_to
from tests.support import ThreadCalls

MESSAGES = 300


@implementer(IDeliveryTarget)
class Mailboxes:
    """Defers every third message once, then delivers it."""

    def __init__(self) -> None:
        self.deferred: set[bytes] = set()
        self.delivered: list[bytes] = []
        self.all_delivered: Deferred[None] = Deferred()

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        return OneDelivery(self, headers.fields[0][1])


@implementer(IDelivery)
class OneDelivery:
    """A delivery to the mailboxes, known by its subject."""

    def __init__(self, mailboxes: Mailboxes, subject: bytes) -> None:
        self.mailboxes = mailboxes
        self.subject = subject

    def write(self, data: bytes) -> None: ...

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        boxes = self.mailboxes
        if len(boxes.deferred) < MESSAGES // 3 and self.subject not in boxes.deferred:
            boxes.deferred.add(self.subject)
            return succeed({ANN: Outcome(451, "4.2.0", "Later")})
        boxes.delivered.append(self.subject)
        if len(boxes.delivered) == MESSAGES:
            boxes.all_delivered.callback(None)
        return succeed({ANN: Outcome(250, "2.0.0", "Delivered")})

    def abort(self) -> None: ...


def test_every_message_is_delivered_once(tmp_path: Path) -> None:
    reactor = ThreadCalls()
    store = open_store(tmp_path, reactor)
    mailboxes = Mailboxes()
    verifyObject(IDeliveryTarget, mailboxes)
    verifyObject(IDelivery, OneDelivery(mailboxes, b""))
    clock = Clock()
    times = QueueClock(clock, clock.seconds)
    manager = QueueManager(
        store.queue, mailboxes, RetrySchedule((60.0,), 86400.0), times, Random(1), concurrency=7
    )
    target = QueueTarget(store.queue, QueueIds(times.wall, Random(2)), times, manager)
    manager.start()

    subjects = [b"Subject: %d\r\n" % number for number in range(MESSAGES)]
    accepted = []
    for subject in subjects:
        delivery = target.startDelivery(envelope_to(ANN), HeaderSection.parse(subject + b"\r\n")[0])
        delivery.write(b"Body\r\n")
        accepted.append(delivery.commit())
    outcomes = reactor.wait_for(gatherResults(accepted))
    assert {outcome[ANN].code for outcome in outcomes} == {250}

    # Time stands still: what was deferred is due only when it goes on.
    while len(mailboxes.deferred) + len(mailboxes.delivered) < MESSAGES:
        reactor.wait_for(store.queue.nextDue())
    while not mailboxes.all_delivered.called:
        clock.advance(10)
        reactor.wait_for(store.queue.nextDue())
    assert sorted(mailboxes.delivered) == sorted(subjects)
    reactor.wait_for(manager.stop())
    assert reactor.wait_for(store.queue_admin.entries()) == []
    reactor.wait_for(store.close())

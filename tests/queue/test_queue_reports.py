"""Reports: when they are due, and how they get into the queue, on a real store."""

from __future__ import annotations

import email
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.mail.smtp import SMTPServerError
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.message.report_values import Action
from mailext.queue.clock import QueueClock
from mailext.queue.ids import QueueIds
from mailext.queue.intake import NO_INTAKE
from mailext.queue.manager import QueueManager
from mailext.queue.notification import NotificationRules, recipient_reports
from mailext.queue.reporting import ReportFailures
from mailext.queue.schedule import RetrySchedule
from mailext.queue.settlement import SettlementRules
from mailext.queue.target import QueueTarget
from mailext.storage.store import Store, open_store_offline
from mailext.values import (
    BodyType,
    Envelope,
    Handover,
    Mailbox,
    MailOptions,
    Notify,
    Outcome,
    QueueEntry,
    RcptOptions,
    Recipient,
    RecipientState,
    TlsDemand,
)
from tests.queue_fakes import DELIVERED, FailingStore, FakeDelivery, FakeTarget, WakeOnly
from tests.queue_samples import ANN, BOB, CAROL, CONTENT, entry_of, written
from tests.support import logged, success_result_of

DEFERRED = Outcome(451, "4.2.0", "Later", "mail.example.org")
FAILED = Outcome(550, "5.1.1", "Unknown", "mail.example.org")
PASSED_ON = Outcome(250, "2.0.0", "Ok", "mail.example.org", Handover.NEXT_HOP)
RELAYED = Outcome(250, "2.0.0", "Ok", "mail.example.org", Handover.UNREPORTED)

ALL = frozenset({Notify.SUCCESS, Notify.FAILURE, Notify.DELAY})


def asking(address: Mailbox, *notify: Notify) -> Recipient:
    return Recipient(address, RcptOptions(frozenset(notify)))


class Site:
    """A queue that reports, with its manager, a target and a clock."""

    def __init__(self, directory: Path) -> None:
        self.opened: Store = open_store_offline(directory)
        self.store = FailingStore(self.opened.queue)
        self.target = FakeTarget()
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.queue_clock = QueueClock(self.clock, self.clock.seconds)
        self.ids = QueueIds(self.clock.seconds, Random(1))
        self.queue = QueueTarget(self.store, self.ids, self.queue_clock, WakeOnly(self._wake))
        self.manager = self.new_manager(self.queue)

    def new_manager(self, reports_to: IDeliveryTarget) -> QueueManager:
        schedule = RetrySchedule((3600.0,), give_up_after=86400.0, jitter=0.0)
        aftermath = ReportFailures(
            self.store,
            lambda: reports_to,
            lambda: "mx.example.org",
            self.ids,
            self.queue_clock,
            lambda: schedule.give_up_after,
        )
        return QueueManager(
            self.store, self.target, schedule, self.queue_clock, Random(1), aftermath=aftermath
        )

    def add(self, *recipients: Recipient, envelope: Envelope = Envelope(CAROL, ())) -> None:  # noqa: B008
        envelope = replace(envelope, recipients=recipients)
        entry = entry_of("m1", envelope, size=len(CONTENT), arrived=self.clock.seconds())
        success_result_of(self.store.add(entry, written(self.store, CONTENT)))

    def entries(self) -> list[QueueEntry]:
        return success_result_of(self.opened.queue_admin.entries())

    def _wake(self) -> None:
        self.manager.wake()

    @property
    def reports(self) -> list[FakeDelivery]:
        """The deliveries of what came back."""
        return [each for each in self.target.deliveries if each.envelope.reverse_path is None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    success_result_of(site.opened.close())


def message_of(delivery: FakeDelivery) -> EmailMessage:
    message = email.message_from_bytes(bytes(delivery.headers) + delivery.body, policy=policy.SMTPUTF8)
    assert isinstance(message, EmailMessage)
    return message


def actions_of(delivery: FakeDelivery) -> dict[str, str]:
    """The action for each recipient that a report names."""
    _, status, *_ = message_of(delivery).iter_parts()
    _, *blocks = status.get_payload()
    return {block["Final-Recipient"]: block["Action"] for block in blocks}


def test_a_permanent_failure_is_reported_and_the_message_leaves(site: Site) -> None:
    site.add(Recipient(ANN), Recipient(BOB))
    site.target.outcomes[ANN] = FAILED
    with logged() as events:
        site.manager.start()
    assert site.entries() == []
    (report,) = site.reports
    assert report.addresses == [CAROL]
    assert actions_of(report) == {"rfc822; ann@example.org": "failed"}
    message = message_of(report)
    assert message["To"] == str(CAROL)
    *_, returned = message.iter_parts()
    assert returned.get_content() == "Subject: hello\r\nTo: ann\r\n"

    steps = [event["event"] for event in events if event.get("event") and event["queueId"] == "m1"]
    assert steps == ["attempt", "report", "done"]
    (done,) = [event for event in events if event.get("event") == "done" and event["queueId"] == "m1"]
    assert (done["recipients"], done["failed"]) == (2, 1)


def test_what_expires_is_reported_once_with_the_last_words(site: Site) -> None:
    site.add(Recipient(ANN))
    site.target.outcomes[ANN] = DEFERRED
    site.manager.start()
    for _ in range(48):
        site.clock.advance(3600)
    (report,) = site.reports
    assert actions_of(report) == {"rfc822; ann@example.org": "failed"}
    assert b"Status: 4.4.7\r\n" in report.body
    assert b"Diagnostic-Code: smtp; 451 4.2.0 Later\r\n" in report.body
    assert site.entries() == []


def test_a_null_reverse_path_is_told_nothing_and_the_end_is_logged(site: Site) -> None:
    site.add(asking(ANN, *ALL), asking(BOB, *ALL), envelope=Envelope(None, ()))
    site.target.outcomes[ANN] = FAILED
    with logged() as events:
        site.manager.start()
    assert len(site.target.deliveries) == 1
    assert site.entries() == []
    assert [event["queueId"] for event in events if event.get("event") == "unreported"] == ["m1"]


def test_a_report_that_fails_ends_quietly(site: Site) -> None:
    site.add(Recipient(ANN))
    site.target.outcomes |= {ANN: FAILED, CAROL: FAILED}
    with logged() as events:
        site.manager.start()
    assert len(site.target.deliveries) == 2
    assert site.entries() == []
    (end,) = [event for event in events if event.get("event") == "unreported"]
    assert end["queueId"] != "m1"


def test_who_does_not_want_to_know_of_a_failure_is_not_told(site: Site) -> None:
    site.add(asking(ANN, Notify.NEVER), asking(BOB, Notify.SUCCESS))
    site.target.outcomes |= {ANN: FAILED, BOB: FAILED}
    with logged() as events:
        site.manager.start()
    assert site.reports == []
    assert site.entries() == []
    assert [event["failed"] for event in events if event.get("event") == "unreported"] == [2]


def test_what_was_reported_is_not_logged_as_unreported_later(site: Site) -> None:
    site.add(Recipient(ANN), Recipient(BOB))
    site.target.outcomes |= {ANN: FAILED, BOB: DEFERRED}
    with logged() as events:
        site.manager.start()
        site.target.outcomes.clear()
        site.clock.advance(3600)
    assert len(site.reports) == 1
    assert site.entries() == []
    assert [event for event in events if event.get("event") == "unreported"] == []


def test_a_delay_is_reported_once_to_who_asked_for_it(site: Site) -> None:
    site.add(asking(ANN, Notify.DELAY), asking(BOB, Notify.FAILURE))
    site.target.outcomes |= {ANN: DEFERRED, BOB: DEFERRED}
    site.manager.start()
    for _ in range(3):
        site.clock.advance(3600)
    assert site.reports == []
    site.clock.advance(3600)
    (report,) = site.reports
    assert actions_of(report) == {"rfc822; ann@example.org": "delayed"}
    assert b"Will-Retry-Until: Fri, 02 Jan 1970 00:16:40 +0000\r\n" in report.body
    site.clock.advance(3600)
    success_result_of(site.manager.stop())
    # What was reported is remembered.
    site.manager = site.new_manager(site.queue)
    site.manager.start()
    for _ in range(10):
        site.clock.advance(3600)
    assert len(site.reports) == 1


@pytest.mark.parametrize(
    ("outcome", "action"), [(DELIVERED, "delivered"), (RELAYED, "relayed"), (PASSED_ON, None)]
)
def test_a_success_is_reported_by_who_knows_of_it_last(
    site: Site, outcome: Outcome, action: str | None
) -> None:
    site.add(asking(ANN, Notify.SUCCESS), Recipient(BOB))
    site.target.outcomes |= {ANN: outcome, BOB: outcome}
    site.manager.start()
    told = [actions_of(report) for report in site.reports]
    assert told == ([] if action is None else [{"rfc822; ann@example.org": action}])


def test_one_attempt_makes_one_report(site: Site) -> None:
    site.add(asking(ANN, *ALL), asking(BOB, *ALL), Recipient(Mailbox("dave", "example.org")))
    site.target.outcomes[ANN] = FAILED
    site.target.outcomes[Mailbox("dave", "example.org")] = DEFERRED
    site.manager.start()
    (report,) = site.reports
    assert actions_of(report) == {"rfc822; ann@example.org": "failed", "rfc822; bob@example.org": "delivered"}


@pytest.mark.requirement("R18", "R22")
@pytest.mark.parametrize("demand", TlsDemand)
def test_a_report_makes_the_demand_of_its_message(site: Site, demand: TlsDemand) -> None:
    sender = Mailbox("用户", "example.net")
    original = Envelope(sender, (), MailOptions(smtputf8=True, envid="e 1"), tls_demand=demand)
    site.add(Recipient(ANN), envelope=original)
    site.target.outcomes[ANN] = FAILED
    site.manager.start()
    (report,) = site.reports
    assert report.envelope == Envelope(
        None,
        (asking(sender, Notify.NEVER),),
        MailOptions(body=BodyType.EIGHT_BIT_MIME, smtputf8=True, requiretls=demand is TlsDemand.REQUIRE),
        tls_demand=demand,
    )
    assert report.headers.values(b"tls-required") == (["No"] if demand is TlsDemand.OPTIONAL else [])
    assert b"Original-Envelope-Id: e 1\r\n" in report.body


# Nothing is lost


def test_the_report_is_safe_before_the_failure_is_recorded(site: Site) -> None:
    site.add(Recipient(ANN))
    site.target.outcomes[ANN] = FAILED
    site.store.failures["settle"] = 1
    site.manager = site.new_manager(QueueTarget(site.store, site.ids, site.queue_clock, NO_INTAKE))
    site.manager.start()
    # A crash now would lose nothing.
    assert {entry.envelope.reverse_path for entry in site.entries()} == {CAROL, None}
    site.clock.advance(5)
    # Recording was tried again, reporting was not.
    assert len(site.reports) == 1
    assert site.entries() == []


@implementer(IDeliveryTarget)
class Refusing:
    """A queue that does not take the first reports."""

    def __init__(self, queue: IDeliveryTarget, *troubles: Exception | Outcome) -> None:
        self._queue = queue
        self._troubles = list(troubles)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery | Deferred[IDelivery]:
        trouble = self._troubles.pop(0) if self._troubles else None
        if isinstance(trouble, Exception):
            raise trouble
        if isinstance(trouble, Outcome):
            return FakeDelivery(envelope, headers, lambda _: trouble, succeed)
        return succeed(self._queue.startDelivery(envelope, headers))


def test_a_report_that_cannot_be_queued_is_tried_again_and_the_message_stays(site: Site) -> None:
    troubles = (SMTPServerError(451, b"Full"), Outcome(452, "4.3.1", "Full"))
    refusing = Refusing(site.queue, *troubles)
    verifyObject(IDeliveryTarget, refusing)
    site.manager = site.new_manager(refusing)
    site.add(Recipient(ANN))
    site.target.outcomes[ANN] = FAILED
    site.manager.start()
    for _ in troubles:
        assert [entry.id for entry in site.entries()] == ["m1"]
        assert site.entries()[0].recipients[0].state is RecipientState.QUEUED
        site.clock.advance(5)
    assert site.entries() == []
    assert len(site.reports) == 1
    # The attempt itself was made once.
    assert len(site.target.deliveries) == 2


def test_a_report_that_breaks_off_is_taken_back(site: Site) -> None:
    site.add(Recipient(ANN))
    site.target.outcomes[ANN] = FAILED
    broken: list[FakeDelivery] = []

    def writing(data: bytes) -> None:
        raise OSError("disk full")

    @implementer(IDeliveryTarget)
    class Breaking:
        def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
            broken.append(FakeDelivery(envelope, headers, lambda _: DELIVERED, succeed, writing=writing))
            return broken[-1]

    site.manager = site.new_manager(Breaking())
    site.manager.start()
    success_result_of(site.manager.stop())
    assert all(delivery.aborted for delivery in broken)
    assert [entry.id for entry in site.entries()] == ["m1"]


def test_a_content_that_cannot_be_read_does_not_stop_the_report(site: Site) -> None:
    site.add(Recipient(ANN))
    site.target.outcomes[ANN] = DEFERRED
    site.store.failures["readContent"] = 10**6
    site.manager.start()
    for _ in range(24):
        site.clock.advance(3600)
    (report,) = [entry for entry in site.entries() if entry.id != "m1"]
    site.store.failures.clear()
    site.clock.advance(3600)
    (delivery,) = site.reports
    assert report.envelope.recipients == delivery.envelope.recipients
    assert len(list(message_of(delivery).iter_parts())) == 2


# The decision


@given(
    asked=st.lists(
        st.just(frozenset({Notify.NEVER})) | st.frozensets(st.sampled_from(sorted(ALL))),
        min_size=3,
        max_size=3,
    ),
    attempts=st.lists(
        st.lists(st.sampled_from([DELIVERED, RELAYED, PASSED_ON, DEFERRED, FAILED]), min_size=3, max_size=3),
        max_size=6,
    ),
    unasked=st.sampled_from([frozenset({Notify.FAILURE}), frozenset({Notify.FAILURE, Notify.DELAY})]),
    sender=st.sampled_from([CAROL, None]),
)
def test_each_event_is_told_once_and_only_to_who_asked(
    asked: list[frozenset[Notify]],
    attempts: list[list[Outcome]],
    unasked: frozenset[Notify],
    sender: Mailbox | None,
) -> None:
    addresses = (ANN, BOB, CAROL)
    recipients = tuple(
        Recipient(address, RcptOptions(notify)) for address, notify in zip(addresses, asked, strict=True)
    )
    clock = Clock()
    queue_clock = QueueClock(clock, clock.seconds)
    schedule = RetrySchedule((4 * 3600.0,), give_up_after=5 * 4 * 3600.0)
    settling = SettlementRules(schedule, queue_clock, Random(1))
    rules = NotificationRules(unasked=unasked)
    entry = entry_of("m1", Envelope(sender, recipients), arrived=0.0)
    told: list[tuple[Mailbox, Action]] = []
    for brought in attempts:
        outcomes = dict(zip(addresses, brought, strict=True))
        now = clock.seconds()
        settlement = rules.mark(entry, settling.settle(entry, outcomes), outcomes, now)
        reports = recipient_reports(
            entry, settlement, outcomes, now=now, give_up_after=schedule.give_up_after
        )
        told += [(report.recipient.address, report.action) for report in reports]
        entry = replace(entry, recipients=settlement.recipients)
        clock.advance(4 * 3600.0)
    assert len(set(told)) == len(told)
    events = {
        Action.FAILED: Notify.FAILURE,
        Action.DELAYED: Notify.DELAY,
        Action.DELIVERED: Notify.SUCCESS,
        Action.RELAYED: Notify.SUCCESS,
    }
    for queued in entry.recipients:
        wants = queued.recipient.options.notify or unasked
        got = {events[action] for address, action in told if address == queued.recipient.address}
        assert got == queued.reported <= wants
        failed = queued.state is RecipientState.FAILED
        assert (Notify.FAILURE in got) == (failed and Notify.FAILURE in wants and sender is not None)
    assert sender is not None or not told

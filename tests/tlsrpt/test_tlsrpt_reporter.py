"""When reports are sent, where to, and that each is sent once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.storage.store import Store, open_store_offline
from mailext.testing.dns import DnsFault, DnsRecords, FakeResolver
from mailext.tlsrpt.collecting import ResultCollector
from mailext.tlsrpt.courier import Courier, ReportRefusedError, Submitter
from mailext.tlsrpt.reading import read_reports
from mailext.tlsrpt.report import start_of
from mailext.tlsrpt.reporter import ReportingRules, TlsReporter
from mailext.tlsrpt.store import ReportState
from mailext.values import (
    Envelope,
    HopSession,
    Mailbox,
    Outcome,
    PolicyResult,
    TlsDemand,
    TlsFailure,
    TlsPolicy,
    TlsPolicyType,
    TlsResult,
    TlsResultType,
)
from tests.support import logged, success_result_of
from tests.tlsrpt.samples import DAY

HOUR = 3600.0
CONTACT = Mailbox("tls", "example.org")
OK = Outcome(250, "2.0.0", "Ok")
URL = "https://reports.example.net/tlsrpt"
RECORD = "_smtp._tls.example.net"
BAD = TlsResult(
    "example.net",
    PolicyResult(
        TlsPolicy(TlsPolicyType.NOT_FOUND, "example.net"), TlsFailure(TlsResultType.STARTTLS_NOT_SUPPORTED)
    ),
    "mx.example.net",
    HopSession("192.0.2.1", "198.51.100.7", "mx"),
)


@implementer(IDeliveryTarget)
@dataclass
class Mailed:
    """
    Takes mail.

    :ivar taken: the messages, with their envelopes.
    """

    outcome: Outcome = OK
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        return MailedDelivery(self, envelope, bytes(headers))


@implementer(IDelivery)
@dataclass
class MailedDelivery:
    target: Mailed
    envelope: Envelope
    data: bytes

    def write(self, data: bytes) -> None:
        self.data += data

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        if self.target.outcome.delivered:
            self.target.taken.append((self.envelope, self.data))
        return succeed({each.address: self.target.outcome for each in self.envelope.recipients})

    def abort(self) -> None:
        raise AssertionError("nothing went wrong")


class Site:
    """
    A reporter whose world can be changed.

    :ivar posted: what was posted, with the hour of the day after.
    :ivar answer: what posting brings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.clock.advance(start_of(DAY).timestamp() + 23.5 * HOUR)
        self.records = DnsRecords()
        self.mailed = Mailed()
        self.posted: list[tuple[str, bytes, str]] = []
        self.answer: Callable[[str], Deferred[None]] = lambda _: succeed(None)
        self.rules = ReportingRules(Submitter(CONTACT, "Example", mail=True))
        self.random = Random(1)
        self.begin()

    def begin(self) -> None:
        self.store: Store = open_store_offline(self.folder)
        self.collector = ResultCollector(self.store.tls_results, self.clock)
        self.reporter = TlsReporter(
            self.store.tls_results,
            self.collector,
            self.courier(),
            self.clock,
            random=self.random,
            rules=self.rules,
        )
        self.reporter.start()

    def courier(self) -> Courier:
        return Courier(FakeResolver(self.records), self.mailed, self.post, self.clock.seconds)

    def end(self) -> None:
        self.reporter.stop()
        success_result_of(self.collector.flush())
        success_result_of(self.store.close())

    def restart(self) -> None:
        self.end()
        assert self.clock.getDelayedCalls() == []
        self.begin()

    def post(self, url: str, content: bytes, media_type: str) -> Deferred[None]:
        self.posted.append((url, content, media_type))
        return self.answer(url)

    def wants(self, *uris: str) -> None:
        self.records.add(RECORD, "TXT", f'"v=TLSRPTv1;rua={",".join(uris)}"')

    def pass_hours(self, hours: float) -> None:
        self.clock.pump([60.0] * round(hours * 60))

    def state(self, domain: str = "example.net") -> ReportState | None:
        [found] = success_result_of(self.store.tls_results.figures(DAY, DAY, domain))
        return found.report


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "state")
    site.wants(URL)
    site.collector.record(BAD)
    yield site
    site.end()


def test_fakes() -> None:
    verifyObject(IDeliveryTarget, Mailed())
    verifyObject(IDelivery, MailedDelivery(Mailed(), Envelope(None, ()), b""))


def test_a_report_is_sent_when_the_day_is_over(site: Site) -> None:
    site.pass_hours(0.4)
    assert (site.posted, site.state()) == ([], None)
    site.pass_hours(5)
    [(url, content, media_type)] = site.posted
    assert (url, media_type, site.state()) == (URL, "application/tlsrpt+gzip", ReportState.SENT)
    [report] = read_reports(content)
    assert (report.organization, report.contact) == ("Example", "tls@example.org")
    assert (report.begin, report.end.isoformat()) == (start_of(DAY), "2026-06-01T23:59:59+00:00")
    assert [(each.failures, each.details[0].result_type) for each in report.policies] == [
        (1, "starttls-not-supported")
    ]


def test_the_delay_is_another_each_time(tmp_path: Path) -> None:
    sent = []
    for seed in range(10):
        site = Site(tmp_path / str(seed))
        site.random = Random(seed)
        site.restart()
        site.wants(URL)
        site.collector.record(BAD)
        while not site.posted:
            site.pass_hours(0.1)
        sent.append(site.clock.seconds() - start_of(DAY).timestamp() - 24 * HOUR)
        site.end()
    assert len(set(sent)) > 5
    assert all(0 < delay <= 5 * HOUR for delay in sent)


def test_it_is_sent_once_over_restarts(site: Site) -> None:
    for _ in range(10):
        site.pass_hours(2)
        site.restart()
    assert len(site.posted) == 1


def test_what_is_counted_survives_a_restart_in_the_middle_of_the_day(site: Site) -> None:
    site.restart()
    site.collector.record(BAD)
    site.pass_hours(6)
    [(_, content, _)] = site.posted
    assert read_reports(content)[0].policies[0].failures == 2


def test_a_server_that_was_down_still_tells_of_the_day_before(site: Site) -> None:
    site.end()
    site.clock.advance(20 * HOUR)
    site.begin()
    assert site.posted == []
    site.pass_hours(5)
    assert len(site.posted) == 1


def test_nobody_wants_to_know_after_a_week(site: Site) -> None:
    site.end()
    site.clock.advance(7 * 24 * HOUR)
    site.begin()
    site.pass_hours(24)
    assert site.posted == []


def test_each_day_has_its_report(site: Site) -> None:
    site.pass_hours(12)
    site.collector.record(BAD)
    site.pass_hours(24)
    site.pass_hours(24)
    days = [read_reports(content)[0].begin.date().isoformat() for _, content, _ in site.posted]
    assert days == ["2026-06-01", "2026-06-02"]
    ids = {read_reports(content)[0].id for _, content, _ in site.posted}
    assert len(ids) == 2


def test_trouble_is_tried_again_ever_more_slowly_for_a_day(site: Site) -> None:
    hours = []

    def refuse(_: str) -> Deferred[None]:
        hours.append(site.clock.seconds() / HOUR)
        return fail(ReportRefusedError("status 503"))

    site.answer = refuse
    site.pass_hours(4.5)
    site.pass_hours(40)
    waits = [later - earlier for earlier, later in pairwise(hours)]
    assert waits == pytest.approx([0.25, 0.5, 1, 2, 4, 8], abs=0.1)
    assert site.state() is ReportState.FAILED
    # Each time the same report: who took it after all can tell.
    assert len({content for _, content, _ in site.posted}) == 1


def test_it_may_succeed_later_and_after_a_restart(site: Site) -> None:
    site.answer = lambda _: fail(ReportRefusedError("status 503"))
    site.pass_hours(5)
    before = len(site.posted)
    site.answer = lambda _: succeed(None)
    site.restart()
    site.pass_hours(24)
    assert (len(site.posted) - before, site.state()) == (1, ReportState.SENT)


def test_by_mail(site: Site) -> None:
    site.wants("mailto:reports@example.net")
    site.pass_hours(6)
    [(envelope, message)] = site.mailed.taken
    assert envelope.reverse_path == CONTACT
    assert [str(each.address) for each in envelope.recipients] == ["reports@example.net"]
    assert envelope.tls_demand is TlsDemand.OPTIONAL
    assert read_reports(message)[0].policies[0].failures == 1
    assert site.state() is ReportState.SENT


def test_mail_that_the_queue_does_not_take(site: Site) -> None:
    site.wants("mailto:reports@example.net")
    site.mailed.outcome = Outcome(451, "4.3.0", "Disk full")
    site.pass_hours(6)
    assert site.state() is ReportState.PENDING
    site.mailed.outcome = OK
    site.pass_hours(24)
    assert (len(site.mailed.taken), site.state()) == (1, ReportState.SENT)


def test_without_mail(site: Site) -> None:
    site.reporter.configure(site.courier(), ReportingRules(Submitter(CONTACT, "Example", mail=False)))
    site.wants("mailto:reports@example.net")
    with logged() as events:
        site.pass_hours(6)
    assert (site.mailed.taken, site.state()) == ([], ReportState.UNWANTED)
    assert any("by mail alone" in each.get("said", "") for each in events)


def test_one_destination_is_enough(site: Site) -> None:
    def answer(url: str) -> Deferred[None]:
        return fail(ReportRefusedError("status 500")) if url == URL else succeed(None)

    site.answer = answer
    site.wants(URL, "https://others.example/", "mailto:reports@example.net")
    with logged() as events:
        site.pass_hours(30)
    assert [url for url, _, _ in site.posted] == [URL, "https://others.example/"]
    assert (len(site.mailed.taken), site.state()) == (1, ReportState.SENT)
    [said] = [each["said"] for each in events if each.get("event") == "tls-report"]
    assert said == (f"{URL}: status 500; https://others.example/: taken; mailto:reports@example.net: taken")


def test_not_everybody_that_a_record_names(site: Site) -> None:
    site.wants(*(f"https://v{number}" for number in range(15)))
    site.pass_hours(6)
    assert len(site.posted) == 5


def test_a_domain_that_wants_none(site: Site) -> None:
    site.records.add(RECORD, "TXT")
    site.pass_hours(6)
    assert (site.posted, site.state()) == ([], ReportState.UNWANTED)


def test_dns_in_trouble(site: Site) -> None:
    site.records.fail(RECORD, "TXT", DnsFault.SERVFAIL)
    site.pass_hours(6)
    assert site.state() is ReportState.PENDING
    site.wants(URL)
    site.pass_hours(24)
    assert site.state() is ReportState.SENT


def test_an_error_that_nobody_thought_of_stops_nobody_else(site: Site) -> None:
    def answer(url: str) -> Deferred[None]:
        return fail(RuntimeError("no")) if url == URL else succeed(None)

    site.answer = answer
    site.records.add("_smtp._tls.example.com", "TXT", '"v=TLSRPTv1;rua=https://other.example/"')
    site.collector.record(replace(BAD, domain="example.com"))
    site.pass_hours(6)
    assert (site.state(), site.state("example.com")) == (ReportState.PENDING, ReportState.SENT)


def test_without_a_contact_figures_are_kept_and_nothing_is_sent(site: Site) -> None:
    site.reporter.configure(site.courier(), ReportingRules())
    site.pass_hours(48)
    assert (site.posted, site.state()) == ([], None)


def test_old_figures_are_forgotten(site: Site) -> None:
    site.reporter.configure(site.courier(), ReportingRules(keep_days=3))
    site.pass_hours(24 * 3)
    assert success_result_of(site.store.tls_results.figures(DAY, DAY, None))
    site.pass_hours(24)
    assert success_result_of(site.store.tls_results.figures(DAY, DAY, None)) == []


def test_what_is_under_way_when_the_server_stops_is_sent_after_the_next_start(site: Site) -> None:
    cancelled = []
    site.answer = lambda _: Deferred(cancelled.append)
    site.pass_hours(6)
    assert (len(site.posted), site.state()) == (1, ReportState.PENDING)
    site.answer = lambda _: succeed(None)
    with logged() as events:
        site.end()
    assert (len(cancelled), events) == (1, [])
    site.begin()
    assert (len(site.posted), site.state()) == (2, ReportState.SENT)
    assert site.posted[0] == site.posted[1]


def test_a_store_in_trouble_is_asked_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.pass_hours(0.4)
    with monkeypatch.context() as patched:
        patched.setattr(type(site.store.tls_results), "unplanned", lambda *_: fail(OSError("disk full")))
        with logged() as events:
            site.pass_hours(6)
    assert len(events) >= 5
    site.pass_hours(6)
    assert site.state() is ReportState.SENT

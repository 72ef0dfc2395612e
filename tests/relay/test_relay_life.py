"""What becomes of mail in the queue, over several attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.black_box import ADDRESS, eventually
from tests.relay.scenario import message_of
from tests.relay.site import IMPATIENT, PATIENT, RelaySite, Sent


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelaySite]:
    """A server that tries again at once, and soon gives up."""
    made = RelaySite(tmp_path_factory.mktemp("hasty") / "site", IMPATIENT)
    made.start()
    yield made
    made.stop()


def send(site: RelaySite, *recipients: str, notify: str = "") -> Sent:
    parameters = [f"NOTIFY={notify}"] if notify else []
    return site.submit(message_of([]), ADDRESS, [], dict.fromkeys(recipients, parameters))


def test_greylisting(hasty: RelaySite) -> None:
    with hasty.host("grey.test", "RCPT=451:4.7.1,250") as host:
        sent = send(hasty, "bob@grey.test")
        hasty.log.wait_for(event="done", queueId=sent.queue_id)
        assert len(host.arrivals) == 1
    assert len(hasty.log.all(event="attempt", queueId=sent.queue_id)) == 2
    assert hasty.log.all(event="report", queueId=sent.queue_id) == []


def test_who_has_the_message_does_not_get_it_again(hasty: RelaySite) -> None:
    with hasty.host("some.test", "RCPT.eve=450:4.2.1,450:4.2.1,250") as host:
        sent = send(hasty, "bob@some.test", "eve@some.test", "kim@some.test")
        hasty.log.wait_for(event="done", queueId=sent.queue_id)
        arrived = [arrival.recipients for arrival in host.arrivals]
    assert arrived == [["bob@some.test", "kim@some.test"], ["eve@some.test"]]


def test_doubt_is_settled_by_schedule(hasty: RelaySite) -> None:
    """The host has the message, and we cannot know: it comes twice, and not at once."""
    with hasty.host("doubt.test", "END=taken-and-cut,250") as host:
        sent = send(hasty, "bob@doubt.test")
        hasty.log.wait_for(event="done", queueId=sent.queue_id)
        assert len(host.arrivals) == 2
    first, second = hasty.log.all(event="relay", queueId=sent.queue_id)
    assert "may have arrived" in str(first["reply"])
    assert str(second["reply"]).startswith("250 ")


def test_its_time_is_over(hasty: RelaySite) -> None:
    with hasty.host("never.test", "RCPT=451:4.7.1"):
        sent = send(hasty, "bob@never.test")
        report = hasty.report_about(sent)
    assert report.told == ["bob failed 4.4.7"]
    assert "451 4.7.1 Said by never.test" in report.recipients[0]["Diagnostic-Code"]


def test_doubt_is_not_heaped_on_doubt(hasty: RelaySite) -> None:
    with hasty.host("dies.test", "END=cut") as host:
        sent = send(hasty, "bob@dies.test")
        report = hasty.report_about(sent)
        assert host.arrivals == []
    assert len(hasty.log.all(event="relay", queueId=sent.queue_id)) == 2
    assert report.told == ["bob failed 5.4.2"]


def test_the_queue_over_a_restart(tmp_path: Path) -> None:
    """What waits is there after the end of the server, its tag and all; the sender learns of a delay."""
    site = RelaySite(tmp_path / "site", PATIENT)
    site.start()
    place = site.place("late.test")
    site.records.add(place.name, place.record, place.address)
    sent = site.submit(
        message_of([]),
        ADDRESS,
        ["REQUIRETLS", "ENVID=late"],
        {"bob@late.test": ["NOTIFY=DELAY"], "eve@late.test": []},
    )
    site.log.wait_for(event="attempt", queueId=sent.queue_id)
    site.leave()
    site.server.stop()
    let_time_pass(site, hours=5)
    site.server.start()
    try:
        report = site.report_about(sent)
        assert site.queue()[sent.queue_id]["requiretls"] == "require"
        site.server.run("queue", "retry", sent.queue_id)
        eventually(lambda: len(site.log.all(event="attempt", queueId=sent.queue_id)) > 2, "another attempt")
        assert len(site.log.all(event="report", queueId=sent.queue_id)) == 1
    finally:
        site.stop()
    assert report.told == ["bob delayed 4.4.1"]
    assert report.about["Original-Envelope-Id"] == "late"
    assert report.recipients[0]["Will-Retry-Until"]


def let_time_pass(site: RelaySite, hours: int) -> None:
    """Everything in the queue came so much earlier, and is due."""
    database = site.server.folder / "state" / "mailext.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE message SET arrived = arrived - ?, next_attempt = 0", [hours * 3600])
        connection.execute("UPDATE recipient SET next_attempt = 0")

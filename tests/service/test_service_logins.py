"""What becomes of logins: holders are told, files are written, what is old goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailext.accounts.addresses import AddressBook
from mailext.clientid.entries import LoginEntry
from mailext.config.model import Configuration, Identities
from mailext.delivery.holder_log import HolderLogFiles
from mailext.queue.clock import QueueClock
from mailext.queue.intake import NO_INTAKE
from mailext.queue.target import QueueTarget
from mailext.service.holder_mail import HolderMail
from mailext.service.login_alerts import LoginAlerts
from mailext.service.login_digests import LoginDigests
from mailext.service.logins import LoginKeeping, PruningTimer, registry_limits
from mailext.storage.store import Store, open_store_offline
from mailext.testing import login_attempt
from mailext.values import LoginOutcome, Place, Protocol
from tests.support import failure_result_of, logged, success_result_of

DAY = 86400.0
ENTRY = LoginEntry(
    time=1.0,
    account="ann@example.org",
    proved=True,
    outcome=LoginOutcome.SUCCESS,
    reason="",
    protocol=Protocol.ESMTP,
    listener="submission",
    mechanism="PLAIN",
    place=Place("192.0.2.1", "192.0.2.0/24", "DE"),
    type="UUID",
    clientid="0123456789abcdef",
    user_log=True,
    alert=True,
)
FAILURE = replace(ENTRY, proved=False, outcome=LoginOutcome.BAD_CREDENTIALS)


def addresses() -> AddressBook:
    return AddressBook(["example.org"], ["ann@example.org", "ben@example.org"], {"cho": ["ann", "ben"]})


def at_once(function, /, *args, **kwargs):
    return succeed(function(*args, **kwargs))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store_offline(tmp_path / "state")
    yield opened
    success_result_of(opened.close())


@pytest.fixture
def queue(store: Store) -> QueueTarget:
    clock = Clock()
    numbers = iter(range(1000))
    return QueueTarget(store.queue, lambda: f"q{next(numbers)}", QueueClock(clock, clock.seconds), NO_INTAKE)


@pytest.fixture
def mail(queue: QueueTarget) -> HolderMail:
    return HolderMail(queue, addresses, "mx.example.org")


@pytest.fixture
def alerts(store: Store, mail: HolderMail) -> LoginAlerts:
    return LoginAlerts(store.alerts, mail)


def messages(store: Store) -> list[tuple[str, str]]:
    """Each message in the queue: its recipients and its subject."""
    told = []
    for entry in success_result_of(store.queue_admin.entries()):
        assert entry.envelope.reverse_path is None
        content = b"".join(success_result_of(store.queue.readContent(entry)))
        recipients = " ".join(str(each.address) for each in entry.envelope.recipients)
        message = message_from_bytes(content)
        assert message["Auto-Submitted"] == "auto-generated"
        assert ENTRY.clientid in content.decode("ascii")
        told.append((recipients, message["Subject"]))
    return told


# Alerts


@pytest.mark.requirement("C23")
@pytest.mark.parametrize(
    ("entry", "subject"),
    [
        (ENTRY, "A new device has logged in to your account"),
        (replace(ENTRY, outcome=LoginOutcome.REFUSED), "A device with your password was refused"),
        (FAILURE, "A login to your account has failed"),
    ],
)
def test_the_holder_is_told_once_a_day(
    store: Store, alerts: LoginAlerts, entry: LoginEntry, subject: str
) -> None:
    for when in (0.0, 1.0, DAY - 1, DAY):
        success_result_of(alerts.take(replace(entry, time=when)))
    assert messages(store) == [("ann@example.org", subject)] * 2


@pytest.mark.parametrize(
    "entry",
    [
        replace(ENTRY, alert=False),
        replace(ENTRY, clientid="", type=""),
        replace(ENTRY, account="nobody@example.org"),
        replace(ENTRY, account="ann@elsewhere.example"),
        replace(ENTRY, account="zoe"),
    ],
)
def test_of_what_is_not_flagged_and_to_strangers_nothing_is_told(
    store: Store, alerts: LoginAlerts, entry: LoginEntry
) -> None:
    success_result_of(alerts.take(entry))
    assert messages(store) == []


def test_an_alias_leads_to_mailboxes(store: Store, alerts: LoginAlerts) -> None:
    success_result_of(alerts.take(replace(ENTRY, account="cho@example.org")))
    assert [to for to, _ in messages(store)] == ["ann@example.org ben@example.org"]


def test_a_message_that_the_queue_does_not_take_is_logged(
    store: Store, alerts: LoginAlerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.queue, "add", lambda *_: fail(OSError("the disk is full")))
    with logged() as events:
        success_result_of(alerts.take(ENTRY))
    assert any("could not be told" in event["log_format"] for event in events if event["log_format"])


# The log as a message


@pytest.fixture
def digests(store: Store, mail: HolderMail, clock: Clock) -> LoginDigests:
    made = LoginDigests(store.logins, store.digest_mark, clock)
    made.configure(DAY, mail)
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(store: Store, *entries: LoginEntry) -> None:
    for entry in entries:
        success_result_of(store.logins.take(entry))


def bodies(store: Store) -> dict[str, list[str]]:
    """The lines of each message in the queue, by its recipient."""
    told = {}
    for entry in success_result_of(store.queue_admin.entries()):
        message = message_from_bytes(b"".join(success_result_of(store.queue.readContent(entry))))
        assert message["Subject"] == "Logins to your account"
        told[message["To"]] = message.get_payload().splitlines()
    return told


@pytest.mark.requirement("C23")
def test_once_a_day_each_holder_gets_what_is_new(store: Store, digests: LoginDigests, clock: Clock) -> None:
    clock.advance(DAY / 2)
    ben = replace(FAILURE, account="ben@example.org")
    take(store, ENTRY, replace(ENTRY, user_log=False, type="X-HIDDEN"), ben, replace(ENTRY, account="zoe"))
    clock.advance(DAY / 2 - 1)
    assert bodies(store) == {}
    clock.advance(1)
    assert bodies(store) == {
        "ann@example.org": [
            "Logins to ann@example.org, up to Fri, 02 Jan 1970 00:00:00 +0000.",
            "",
            "1970-01-01T00:00:01+00:00 success UUID 0123456789abcdef from 192.0.2.1 DE by esmtp",
            "",
            "If one of them was not you, change your password, and have the device revoked.",
        ],
        "ben@example.org": [
            "Logins to ben@example.org, up to Fri, 02 Jan 1970 00:00:00 +0000.",
            "",
            "1970-01-01T00:00:01+00:00 bad-credentials UUID 0123456789abcdef from 192.0.2.1 DE by esmtp",
            "",
            "If one of them was not you, change your password, and have the device revoked.",
        ],
    }
    clock.advance(DAY)
    assert len(success_result_of(store.queue_admin.entries())) == 2


def test_a_guesser_does_not_fill_the_message(store: Store, digests: LoginDigests, clock: Clock) -> None:
    for hour in range(2):
        take(store, *[replace(FAILURE, time=hour * 3600.0)] * 150)
    clock.advance(DAY)
    lines = bodies(store)["ann@example.org"]
    assert lines[2] == "(100 earlier ones are left out)"
    assert len(lines) == 200 + 5


def test_a_server_that_was_down_sends_it_later(store: Store, digests: LoginDigests, mail: HolderMail) -> None:
    take(store, ENTRY)
    digests.stop()
    clock = Clock()
    clock.advance(3 * DAY)
    LoginDigests(store.logins, store.digest_mark, clock).configure(DAY, mail)
    clock.advance(DAY)
    assert list(bodies(store)) == ["ann@example.org"]


def test_who_begins_to_send_them_tells_no_old_news(store: Store, mail: HolderMail, clock: Clock) -> None:
    digests = LoginDigests(store.logins, store.digest_mark, clock)
    for every in (None, DAY, None, DAY):
        digests.configure(every, mail)
        take(store, ENTRY)
    digests.configure(None, mail)
    digests.configure(DAY, mail)
    clock.advance(2 * DAY)
    assert bodies(store) == {}
    digests.stop()
    assert not clock.getDelayedCalls()


def test_who_shares_a_registry_no_longer_begins_with_its_own(
    store: Store, mail: HolderMail, clock: Clock
) -> None:
    success_result_of(store.digest_mark.set(9000))
    digests = LoginDigests(store.logins, store.digest_mark, clock)
    digests.configure(DAY, mail)
    take(store, ENTRY)
    clock.advance(DAY)
    assert list(bodies(store)) == ["ann@example.org"]
    digests.stop()


def test_a_log_that_cannot_be_sent_waits_for_the_next_time(
    store: Store, digests: LoginDigests, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(store, ENTRY)
    with monkeypatch.context() as broken, logged() as events:
        broken.setattr(store.digest_mark, "get", lambda: fail(OSError("the disk is gone")))
        clock.advance(DAY)
    assert any("could not be sent" in event["log_format"] for event in events if event["log_format"])
    clock.advance(DAY)
    assert list(bodies(store)) == ["ann@example.org"]


# Files


@pytest.mark.requirement("C23")
def test_each_holder_has_a_file(tmp_path: Path) -> None:
    files = HolderLogFiles(tmp_path / "logs", at_once, addresses)
    hostile = replace(ENTRY, place=Place("x\ny", "x"), type="A" * 900)
    for entry in (
        ENTRY,
        FAILURE,
        replace(ENTRY, user_log=False),
        replace(ENTRY, account="nobody@example.org"),
    ):
        success_result_of(files.take(entry))
    success_result_of(files.take(replace(hostile, account="ben@example.org")))
    path = tmp_path / "logs/example.org/ann.log"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == (
        "1970-01-01T00:00:01+00:00 success UUID 0123456789abcdef from 192.0.2.1 DE by esmtp\n"
        "1970-01-01T00:00:01+00:00 bad-credentials UUID 0123456789abcdef from 192.0.2.1 DE by esmtp\n"
    )
    [line] = (tmp_path / "logs/example.org/ben.log").read_text().splitlines()
    assert len(line) <= 500
    assert sorted(each.name for each in (tmp_path / "logs/example.org").iterdir()) == ["ann.log", "ben.log"]


def test_a_file_that_is_too_large_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailext.delivery.holder_log._LARGEST", 100)
    files = HolderLogFiles(tmp_path, at_once, addresses)
    for _ in range(9):
        success_result_of(files.take(ENTRY))
    sizes = {each.name: len(each.read_text().splitlines()) for each in (tmp_path / "example.org").iterdir()}
    assert sizes == {"ann.log": 1, "ann.log.1": 2}


def test_trouble_with_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")

    def in_thread(function, /, *args, **kwargs):
        try:
            return succeed(function(*args, **kwargs))
        except OSError:
            return fail()

    assert failure_result_of(HolderLogFiles(tmp_path / "logs", in_thread, addresses).take(ENTRY)).check(
        OSError
    )


# The configuration


def keeping(store: Store, mail: HolderMail, identities: Identities) -> LoginKeeping:
    configuration = Configuration(hostname="mx.example.org", identities=identities)
    return LoginKeeping.under(configuration, store, mail, at_once, addresses)


def test_the_configuration_says_who_is_told(store: Store, mail: HolderMail, tmp_path: Path) -> None:
    def kinds(identities: Identities) -> list[type]:
        return [type(sink) for sink in keeping(store, mail, identities).sinks]

    assert kinds(Identities()) == [type(store.logins), LoginAlerts]
    assert kinds(Identities(alert_mail=False, user_log=tmp_path)) == [type(store.logins), HolderLogFiles]
    limits = registry_limits(Identities(per_account=1, keep=2.0, logins=3, keep_logins=4.0))
    assert (limits.per_account, limits.keep, limits.logins, limits.keep_logins) == (1, 2.0, 3, 4.0)


@pytest.mark.parametrize(
    ("given", "account"),
    [("Ann", "ann@example.org"), ("ann@EXAMPLE.org", "ann@example.org"), ("a b@c", "a b@c"), ("", "")],
)
def test_an_attempt_knows_the_account_that_is_meant(
    store: Store, mail: HolderMail, given: str, account: str
) -> None:
    completed = keeping(store, mail, Identities()).completed(login_attempt(None, given))
    assert (completed.account, completed.username) == (account, given)
    assert completed.place == Place("192.0.2.1", "192.0.2.0/24")


# Pruning


def test_what_is_old_goes_every_hour_whatever_fails() -> None:
    clock = Clock()
    asked: list[float] = []

    def prune(now: float) -> Deferred[int]:
        asked.append(now)
        return fail(OSError("the disk is full")) if len(asked) == 1 else succeed(0)

    timer = PruningTimer(clock, prune)
    timer.start()
    with logged() as events:
        clock.pump([60.0, 3600.0, 3600.0])
    assert asked == [60.0, 3660.0, 7260.0]
    assert len([event for event in events if event.get("log_failure")]) == 1
    timer.stop()
    assert clock.getDelayedCalls() == []
    timer.stop()

"""Mailboxes: what is in the files, and what happens when the disk says no."""

from __future__ import annotations

import errno
import mailbox
import os
import stat
from pathlib import Path
from random import Random

import pytest
from twisted.internet.defer import Deferred, execute, fail
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from mailext.accounts.addresses import AddressBook
from mailext.delivery.maildir import MaildirTarget
from mailext.delivery.maildrop import Letter, Maildrops
from mailext.delivery.spool import BodySpool
from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.headers import HeaderSection
from mailext.threads import ThreadsBusyError
from mailext.values import Envelope, Mailbox, Outcome, Recipient
from tests.support import assert_no_result, logged, success_result_of

ANN = Mailbox("ann", "example.org")
BOB = Mailbox("bob", "example.org")
CAROL = Mailbox("carol", "example.net")

HEADERS = HeaderSection.parse(b"Received: from x\r\n\tby y\r\nSubject: hello\r\n\r\n")[0]
# A body in several parts, and one that is written while it comes.
BODIES = [(b"One.\r\n",), (b"x" * 600_000, b"y" * 600_000, b"z\r\n")]
BODY = b"One.\r\n\r\n.Two.\r\nFrom three\r\n"


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.advance(1_700_000_000)
    return clock


@pytest.fixture
def target(root, clock) -> MaildirTarget:
    return make_target(root, clock, execute)


def make_target(
    root, clock, in_thread, accounts=("ann@example.org", "bob@example.org"), seed=1
) -> MaildirTarget:
    book = AddressBook(["example.org"], accounts)
    random = Random(seed)
    maildrops = Maildrops(root, clock.seconds)
    return MaildirTarget(
        lambda letter: in_thread(lambda: maildrops.put([letter])[0]),
        maildrops.begin,
        root.parent,
        lambda: book,
        in_thread,
        clock=clock,
        hostname="mx.example.org",
        random=random,
    )


def envelope(*recipients: Mailbox | Recipient, sender: Mailbox | None = CAROL) -> Envelope:
    return Envelope(
        sender, tuple(each if isinstance(each, Recipient) else Recipient(each) for each in recipients)
    )


def deliver(target, *recipients, headers=HEADERS, body=(BODY,), sender=CAROL) -> dict[Mailbox, Outcome]:
    delivery = target.startDelivery(envelope(*recipients, sender=sender), headers)
    for part in body:
        delivery.write(part)
    return success_result_of(delivery.commit())


def files(root: Path, account: Mailbox = ANN, folder: str = "new") -> list[Path]:
    return sorted((root / account.domain / account.local_part / folder).glob("*"))


class Fault:
    """Makes one function of :mod:`os` fail at one of its calls, or at all from it on."""

    def __init__(self, monkeypatch, name, number, at=0, only=False) -> None:
        self.calls = 0
        self.real = getattr(os, name)

        def function(*args, **kwargs):
            call = self.calls
            self.calls += 1
            if call == at or (call > at and not only):
                raise OSError(number, os.strerror(number))
            return self.real(*args, **kwargs)

        monkeypatch.setattr(os, name, function)


def test_interfaces(target):
    assert verifyObject(IDeliveryTarget, target)
    assert verifyObject(IDelivery, target.startDelivery(envelope(ANN), HEADERS))


def test_a_message(target, root):
    assert deliver(target, ANN) == {ANN: Outcome(250, "2.0.0", "Delivered to the mailbox")}
    [path] = files(root)
    content = path.read_bytes()
    assert content == (
        b"Return-Path: <carol@example.net>\r\nDelivered-To: ann@example.org\r\n" + bytes(HEADERS) + BODY
    )
    assert path.name.endswith(f".mx.example.org,S={len(content)}")
    assert files(root, folder="tmp") == files(root, folder="cur") == []


def test_another_program_reads_it(target, root):
    deliver(target, ANN)
    [message] = mailbox.Maildir(root / "example.org" / "ann", create=False)
    assert message["Subject"] == "hello"


def test_nobody_else_can(target, root):
    deliver(target, ANN)
    for path in [root, *root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_null_reverse_path_and_foreign_return_path(target, root):
    headers = HeaderSection.parse(b"Return-Path: <evil@example.com>\r\nSubject: x\r\n\r\n")[0]
    deliver(target, ANN, headers=headers, sender=None)
    assert (
        files(root)[0]
        .read_bytes()
        .startswith(b"Return-Path: <>\r\nDelivered-To: ann@example.org\r\nSubject: x\r\n\r\n")
    )


def test_the_address_that_was_given(target, root):
    deliver(target, Recipient(ANN, original=Mailbox("ann+x", "example.org")))
    assert (
        files(root)[0]
        .read_bytes()
        .startswith(
            b"Return-Path: <carol@example.net>\r\nX-Original-To: ann+x@example.org\r\n"
            b"Delivered-To: ann@example.org\r\nReceived:"
        )
    )


def test_each_recipient_learns_of_itself_alone(target, root):
    outcomes = deliver(target, ANN, BOB)
    assert all(outcome.delivered for outcome in outcomes.values())
    [to_ann], [to_bob] = (path[0].read_bytes() for path in (files(root),)), files(root, BOB)
    assert b"bob" not in to_ann
    assert b"Delivered-To: bob@example.org\r\n" in to_bob.read_bytes()
    assert b"ann" not in to_bob.read_bytes()


@pytest.mark.parametrize("part", [1, 7, 100_000])
def test_a_large_body_in_parts(target, root, part):
    body = b"0123456789abcde\r\n" * (100 if part == 1 else 50_000)
    outcomes = deliver(target, ANN, BOB, body=[body[at : at + part] for at in range(0, len(body), part)])
    assert all(outcome.delivered for outcome in outcomes.values())
    for account in (ANN, BOB):
        [path] = files(root, account)
        assert path.read_bytes().endswith(b"\r\n\r\n" + body)
        assert path.name.endswith(f",S={path.stat().st_size}")


def test_no_body(target, root):
    assert deliver(target, ANN, body=())[ANN].delivered
    assert files(root)[0].read_bytes().endswith(b"Subject: hello\r\n\r\n")


def test_nothing_is_done_in_the_reactors_thread(root, clock):
    calls = []

    def later(function, /, *args):
        waiting = Deferred()
        calls.append((waiting, function, args))
        return waiting

    delivery = make_target(root, clock, later).startDelivery(envelope(ANN), HEADERS)
    part = b"x" * 300_000
    assert delivery.write(b"first\r\n") is None
    writes = [delivery.write(part), delivery.write(part)]
    committed = delivery.commit()
    while calls:
        # One at a time, so that the parts keep their order.
        [(waiting, function, args)] = calls
        calls.clear()
        assert not files(root)
        assert_no_result(committed)
        waiting.callback(function(*args))
    for each in writes:
        success_result_of(each)
    assert success_result_of(committed)[ANN].delivered
    assert files(root)[0].read_bytes().endswith(b"first\r\n" + part + part)


@pytest.mark.parametrize("recipients", [(ANN,), (ANN, BOB)])
def test_abort_leaves_nothing(target, root, tmp_path, recipients):
    delivery = target.startDelivery(envelope(*recipients), HEADERS)
    delivery.write(b"x" * 600_000)
    delivery.abort()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_account_that_is_no_more(root, clock):
    outcomes = deliver(make_target(root, clock, execute, accounts=["ann@example.org"]), ANN, BOB)
    assert outcomes[ANN].delivered
    assert (outcomes[BOB].code, outcomes[BOB].enhanced) == (550, "5.1.1")
    assert not (root / "example.org" / "bob").exists()


def test_nobody_at_all(root, clock):
    outcomes = deliver(make_target(root, clock, execute, accounts=[]), ANN, body=[b"x" * 600_000])
    assert outcomes[ANN].code == 550


def test_a_loop_ends(target, root):
    headers = HeaderSection.parse(
        b"Delivered-To: no address\r\nDelivered-To: x@[192.0.2.1]\r\nDelivered-To: Ann@EXAMPLE.org\r\n\r\n"
    )[0]
    outcomes = deliver(target, ANN, BOB, headers=headers)
    assert (outcomes[ANN].code, outcomes[ANN].enhanced) == (554, "5.4.6")
    assert outcomes[BOB].delivered
    assert not (root / "example.org" / "ann").exists()


def test_nasty_names_stay_inside(root, clock, tmp_path):
    names = [
        '"../../escape"@example.org',
        '"/etc/x"@example.org',
        '".."@example.org',
        '"a b|c;$(d)"@example.org',
    ]
    target = make_target(root, clock, execute, accounts=names)
    book = AddressBook(["example.org"])
    outcomes = deliver(target, *map(book.account_named, names))
    assert all(outcome.delivered for outcome in outcomes.values())
    delivered = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(delivered) == 4
    assert {path.parents[3] for path in delivered} == {root}


class TestFaults:
    """After each: a temporary outcome, nothing in new, nothing in tmp; and then it works again."""

    @pytest.mark.parametrize(
        ("number", "code", "enhanced"),
        [
            (errno.ENOSPC, 452, "4.3.1"),
            (errno.EDQUOT, 452, "4.2.2"),
            (errno.EIO, 451, "4.3.0"),
            (errno.EROFS, 451, "4.3.0"),
            (errno.EMFILE, 451, "4.3.0"),
            (errno.EACCES, 451, "4.3.0"),
        ],
    )
    @pytest.mark.parametrize("function", ["fsync", "open", "mkdir", "write", "rename"])
    @pytest.mark.parametrize("body", BODIES, ids=["small", "large"])
    def test_from_the_first_call_on(self, target, root, monkeypatch, body, function, number, code, enhanced):
        with monkeypatch.context() as patched, logged() as events:
            Fault(patched, function, number)
            outcome = deliver(target, ANN, body=body)[ANN]
        assert (outcome.code, outcome.enhanced) == (code, enhanced)
        assert str(root) not in outcome.text
        assert any("log_failure" in event for event in events)
        assert files(root) == files(root, folder="tmp") == []
        assert deliver(target, ANN)[ANN].delivered
        assert len(files(root)) == 1

    @pytest.mark.parametrize("at", range(6))
    @pytest.mark.parametrize("body", BODIES, ids=["small", "large"])
    def test_any_one_sync_that_fails_makes_the_attempt_fail(self, target, root, monkeypatch, body, at):
        # Four folders are synced at their creation, then the file, then new.
        with monkeypatch.context() as patched:
            fault = Fault(patched, "fsync", errno.EIO, at, only=True)
            assert deliver(target, ANN, body=body)[ANN].is_temporary
            # It is not tried again.
            assert fault.calls == at + 1
        assert files(root) == files(root, folder="tmp") == []
        assert deliver(target, ANN)[ANN].delivered

    @pytest.mark.parametrize("body", BODIES, ids=["small", "large"])
    def test_a_success_is_synced_file_first_folder_last(self, target, root, monkeypatch, body):
        deliver(target, ANN)
        events = []

        def noting(name, real):
            def function(what, *args, **kwargs):
                path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else Path(what)
                events.append((name, path.relative_to(root / "example.org" / "ann").parts[0]))
                return real(what, *args, **kwargs)

            return function

        with monkeypatch.context() as patched:
            for name in ("fsync", "rename"):
                patched.setattr(os, name, noting(name, getattr(os, name)))
            assert deliver(target, ANN, body=body)[ANN].delivered
        assert events == [("fsync", "tmp"), ("rename", "tmp"), ("fsync", "new")]

    def test_one_mailbox_in_trouble_is_not_the_others(self, target, root, monkeypatch):
        deliver(target, ANN, BOB)
        with monkeypatch.context() as patched:
            Fault(patched, "fsync", errno.ENOSPC, at=0, only=True)
            outcomes = deliver(target, ANN, BOB)
        assert outcomes[ANN].code == 452
        assert outcomes[BOB].delivered
        assert (len(files(root)), len(files(root, BOB))) == (1, 2)

    @pytest.mark.parametrize("at", range(8))
    def test_a_disk_that_is_full_at_any_part_of_a_letter(self, target, root, monkeypatch, at):
        with monkeypatch.context() as patched:
            # The header section comes first, an empty body behind it.
            Fault(patched, "write", errno.ENOSPC, at)
            outcome = deliver(target, ANN, body=[b"x" * 300_000] * 8)[ANN]
        assert outcome.code == 452
        assert files(root) == files(root, folder="tmp") == []

    def test_a_disk_that_is_full_while_a_body_for_several_comes(self, target, root, monkeypatch, tmp_path):
        def full(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        delivery = target.startDelivery(envelope(ANN, BOB), HEADERS)
        with monkeypatch.context() as patched:
            patched.setattr("tempfile.TemporaryFile", full)
            success_result_of(delivery.write(b"x" * 600_000))
        success_result_of(delivery.write(b"y" * 600_000))
        outcomes = success_result_of(delivery.commit())
        assert {outcome.code for outcome in outcomes.values()} == {452}
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_threads_that_are_busy(self, root, clock):
        target = make_target(root, clock, lambda *_: fail(ThreadsBusyError()))
        assert deliver(target, ANN)[ANN].code == 451
        assert deliver(target, ANN, body=[b"x" * 600_000])[ANN].code == 451

    def test_threads_that_are_busy_when_the_letter_is_whole(self, root, clock):
        maildrops = Maildrops(root, clock.seconds)
        book = AddressBook(["example.org"], ["ann@example.org"])
        target = MaildirTarget(
            lambda _: fail(ThreadsBusyError()),
            maildrops.begin,
            root.parent,
            lambda: book,
            execute,
            clock=clock,
            hostname="mx.example.org",
            random=Random(1),
        )
        assert deliver(target, ANN, body=BODIES[1])[ANN].code == 451
        assert files(root) == files(root, folder="tmp") == []

    def test_a_crash_before_the_rename_is_no_delivery(self, target, root, monkeypatch, clock):
        class Crash(BaseException):
            pass

        def crash(*_args):
            raise Crash

        # What unwinding would remove stays, as it does when the power goes.
        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", crash)
            patched.setattr(os, "unlink", crash)
            with pytest.raises(Crash):
                deliver(target, ANN)
        [left] = files(root, folder="tmp")
        assert files(root) == []
        # The next process delivers, and in due time removes what was left.
        os.utime(left, (clock.seconds(), clock.seconds()))
        assert deliver(make_target(root, clock, execute, seed=2), ANN)[ANN].delivered
        assert left.exists()
        clock.advance(36 * 3600 + 1)
        assert deliver(target, ANN)[ANN].delivered
        assert not left.exists()
        assert len(files(root)) == 2

    def test_a_mailbox_that_was_removed_is_made_again(self, target, root):
        deliver(target, ANN)
        root.rename(root.with_name("elsewhere"))
        assert deliver(target, ANN)[ANN].delivered
        assert len(files(root)) == 1

    def test_a_file_where_a_folder_should_be(self, target, root):
        root.mkdir()
        (root / "example.org").write_text("not a folder")
        assert deliver(target, ANN)[ANN].code == 451

    def test_nothing_is_overwritten(self, target, root, monkeypatch, clock):
        deliver(target, ANN)
        # Another process of the same number and the same luck.
        twin = make_target(root, clock, execute)
        (root / "example.org" / "ann" / "tmp" / files(root)[0].name.partition(",")[0]).write_text("in use")
        assert deliver(twin, ANN)[ANN].is_temporary
        assert len(files(root)) == 1


def letter_for(account: Mailbox, name: str, root: Path) -> Letter:
    body = BodySpool(root.parent)
    body.end([BODY])
    return Letter(account, name, bytes(HEADERS), body, 1_700_000_000)


def test_messages_that_come_together_share_the_sync_of_their_folder(root, monkeypatch):
    maildrops, syncs, sync = Maildrops(root, Clock().seconds), [], os.fsync

    assert maildrops.put([letter_for(ANN, "0", root), letter_for(BOB, "0", root)]) == [None, None]
    monkeypatch.setattr(os, "fsync", lambda descriptor: syncs.append(descriptor) or sync(descriptor))
    names = ["1", "2", "2", "3"]
    troubles = maildrops.put([letter_for(ANN, name, root) for name in names] + [letter_for(BOB, "1", root)])
    assert [type(trouble) for trouble in troubles] == [
        type(None),
        type(None),
        FileExistsError,
        type(None),
        type(None),
    ]
    # Four files and two folders.
    assert len(syncs) == 6
    assert len(files(root)) == 4
    assert len(files(root, BOB)) == 2


def test_a_folder_that_cannot_be_synchronised_takes_all_of_its_messages_back(root, monkeypatch):
    maildrops = Maildrops(root, Clock().seconds)

    maildrops.put([letter_for(ANN, "0", root), letter_for(BOB, "0", root)])
    Fault(monkeypatch, "fsync", errno.EIO, at=3, only=True)
    troubles = maildrops.put(
        [letter_for(ANN, "1", root), letter_for(ANN, "2", root), letter_for(BOB, "1", root)]
    )
    assert [type(trouble) for trouble in troubles] == [OSError, OSError, type(None)]
    assert len(files(root)) == 1
    assert len(files(root, BOB)) == 2


def test_it_is_known_how_long_a_sync_takes(root, monkeypatch):
    clock = Clock()
    maildrops = Maildrops(root, clock.seconds)
    waits = [0.75, 0.25, 0.5]
    monkeypatch.setattr(os, "fsync", lambda _: clock.advance(waits[0]) or waits.append(waits.pop(0)))
    maildrops.put([letter_for(ANN, "0", root)])
    # One that is slow may be chance.
    assert maildrops.sync_seconds < 0.001
    for batch in range(12):
        maildrops.put([letter_for(ANN, f"{batch}.{name}", root) for name in range(3)])
    assert maildrops.sync_seconds == 0.25
    monkeypatch.setattr(os, "fsync", lambda _: None)
    maildrops.put([letter_for(ANN, "1", root)])
    assert maildrops.sync_seconds == 0

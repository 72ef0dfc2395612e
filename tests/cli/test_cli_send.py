"""``mailext send`` as programs call sendmail: into the queue of a state directory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailext.message.headers import HeaderSection
from mailext.storage.store import open_store_offline
from tests.cli.conftest import Run
from tests.support import success_result_of

pytestmark = pytest.mark.usefixtures("accounts")


@pytest.fixture
def sent(run: Run, tmp_path: Any) -> Any:
    """Runs ``mailext send`` and gives what stands in the queue then: the entry, its header section, its body."""

    def sent(*arguments: str, stdin: bytes) -> tuple[Any, HeaderSection, bytes]:
        status, out, err = run("send", "--json", *arguments, stdin=stdin)
        assert (status, err) == (0, "")
        queue_id = json.loads(out)["reply"].rpartition(" ")[2]
        store = open_store_offline(tmp_path / "state")
        try:
            entries = success_result_of(store.queue_admin.entries())
            entry = next(each for each in entries if each.id == queue_id)
            content = b"".join(success_result_of(store.queue.readContent(entry)))
        finally:
            store.close()
        return entry, *HeaderSection.parse(content)

    return sent


def recipients(entry: Any) -> list[str]:
    return [str(each.recipient.address) for each in entry.recipients]


@pytest.mark.parametrize(
    "arguments",
    [
        # Debian's cron, cronie, at, PHP, bsd-mailx, mutt, git send-email.
        ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "ann"],
        ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-f", "bob@example.org", "ann"],
        ["-i", "ann"],
        ["-t", "-i", "-fbob@example.org"],
        ["-i", "-m", "--", "ann@example.org"],
        ["-oem", "-oi", "-f", "bob@example.org", "--", "ann@example.org"],
        ["-ti", "-bm", "-em", "-v", "-n", "-G", "-U", "-Ac", "-O", "DeliveryMode=b", "-L", "tag", "-p", "x"],
        ["-o", "i", "-r", "bob", "Ann <ann@example.org>, ann"],
    ],
)
def test_what_programs_say(sent: Any, arguments: list[str]) -> None:
    message = b"To: ann@example.org\nSubject: x\n\none\n.\ntwo\n"
    entry, headers, body = sent(*arguments, stdin=message)
    assert recipients(entry) == ["ann@example.org"]
    assert body == b"one\r\n.\r\ntwo\r\n"
    assert headers.values(b"subject") == ["x"]


@pytest.mark.parametrize("end", [b".\n", b".\r\n", b"."])
def test_a_lone_dot_ends_the_message(sent: Any, end: bytes) -> None:
    assert sent("ann", stdin=b"Subject: x\n\none\n..\n" + end + b"two\n")[2] == (
        b"one\r\n..\r\n" if end != b"." else b"one\r\n..\r\n.two\r\n"
    )
    assert sent("ann", stdin=b"Subject: x\n\none\n.")[2] == b"one\r\n"


def test_the_line_of_an_mbox_file_is_no_part_of_the_message(sent: Any) -> None:
    _, headers, body = sent("ann", stdin=b"From ann Sat Jan  3 01:05:34 1996\nSubject: x\n\nbody\n")
    assert headers.values(b"subject") == ["x"]
    assert body == b"body\r\n"


def test_a_message_that_is_sent_again_goes_to_those_it_is_sent_again_to(sent: Any) -> None:
    message = b"Resent-To: bob@example.org\nResent-Bcc: ann@example.org\nTo: carol@example.org\n\nx\n"
    entry, headers, _ = sent("-t", stdin=message)
    assert recipients(entry) == ["bob@example.org", "ann@example.org"]
    assert not headers.count(b"resent-bcc")


def test_blind_copies_stay_blind(sent: Any) -> None:
    entry, headers, _ = sent("-t", stdin=b"To: ann@example.org\nBcc: bob@example.org\n\nx\n")
    assert recipients(entry) == ["ann@example.org", "bob@example.org"]
    assert not headers.count(b"bcc")


@pytest.mark.parametrize(
    ("arguments", "reverse_path", "author"),
    [
        ([], "postmaster@example.org", "postmaster@example.org"),
        (["-f", "bob"], "bob@example.org", "bob@example.org"),
        (["-f", ""], "None", "postmaster@example.org"),
        (["-f", "<>"], "None", "postmaster@example.org"),
        (["-F", "Bob B.", "-r", "bob"], "bob@example.org", '"Bob B." <bob@example.org>'),
        (["-F", "Bøb", "-f", "bob"], "bob@example.org", "=?utf-8?q?B=C3=B8b?= <bob@example.org>"),
        (["-F", "Bøb", "-f", "bøb@example.org"], "bøb@example.org", "Bøb <bøb@example.org>"),
    ],
)
def test_who_sends(sent: Any, arguments: list[str], reverse_path: str, author: str) -> None:
    entry, headers, _ = sent(*arguments, "ann", stdin=b"Subject: x\n\nx\n")
    assert str(entry.envelope.reverse_path) == reverse_path
    assert headers.values(b"from") == [author]


def test_the_name_is_for_a_field_that_is_missing(sent: Any) -> None:
    assert sent("-F", "Bob", "ann", stdin=b"From: eve@example.net\n\nx\n")[1].values(b"from") == [
        "eve@example.net"
    ]


def test_a_name_that_is_more_than_one(run: Run) -> None:
    status, _, err = run("send", "-F", "Bob\nBcc: eve", "ann", stdin=b"\nx\n")
    assert (status, err) == (1, "mailext: not a name: 'Bob\\nBcc: eve'\n")


def test_reports_are_asked_for(sent: Any) -> None:
    entry, _, _ = sent("-N", "success,delay", "-R", "hdrs", "-V", "QQ 314", "ann", stdin=b"\nx\n")
    (queued,) = entry.recipients
    assert queued.recipient.options.notify == {"SUCCESS", "DELAY"}
    assert (entry.envelope.options.ret, entry.envelope.options.envid) == ("HDRS", "QQ 314")


def test_octets_beyond_ascii_are_said_to_be(sent: Any) -> None:
    assert sent("ann", stdin=b"\nplain\n")[0].envelope.options.body is None
    assert sent("ann", stdin="\nGrüße\n".encode())[0].envelope.options.body == "8BITMIME"


def test_what_was_sent_is_told_for_each_recipient(run: Run) -> None:
    _, out, _ = run("send", "--json", "all@example.org", stdin=b"\nx\n")
    told = json.loads(out)
    assert told["recipients"] == [
        {"address": address, "accepted": True, "reply": told["reply"]}
        for address in ("ann@example.org", "bob@example.org")
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-bs"], "invalid choice: 's'"),
        (["-bp"], "invalid choice: 'p'"),
        (["-q"], "-q"),
        (["-N", "never,delay"], "never stands alone"),
        (["-N", "sometimes"], "not never, success, failure, delay: 'sometimes'"),
        (["-R", "none"], "not full or hdrs: 'none'"),
        (["-V", "x" * 101], "1 to 100 printable characters"),
        (["-V", ""], "1 to 100 printable characters"),
    ],
)
def test_what_sendmail_does_and_this_does_not(run: Run, arguments: list[str], reason: str) -> None:
    status, out, err = run("send", *arguments, "ann", stdin=b"\nx\n")
    assert (status, out) == (2, "")
    assert reason in err

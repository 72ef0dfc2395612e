"""
Where mail of our own addresses goes: another program's mailboxes, a program,
and what a message demands everywhere it is copied (R8, R25).
"""

from __future__ import annotations

import os
import smtplib
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailext.values import DnsStatus
from tests.black_box import ADDRESS, eventually, free_ports
from tests.lmtp_store import LmtpStore, Stored
from tests.relay.scenario import BODY, message_of
from tests.relay.site import RelaySite, Sent

# It says what it has, and what it was told, in files that nobody reads before
# they are complete.
PROGRAM = """\
#!/bin/sh
folder="$1"
case "$LOCAL" in
  (fails) echo "no such list"; exit 67 ;;
  (later) exit 75 ;;
  (sleeps) trap "" TERM; sleep 60 & echo $! > "$folder/child"; wait ;;
  (talks) yes | head -c 1000000; exit 0 ;;
  (killed) kill -9 $$ ;;
esac
env > "$folder/$$.env"
cat > "$folder/$$.part"
printf '%s\\n' "$2" > "$folder/$$.argument"
mv "$folder/$$.part" "$folder/$$.content"
"""

NAMES = ("list", "fails", "later", "sleeps", "talks", "killed")

#: Programs that the system does not run, by address: what is in the file, and why not.
UNRUNNABLE = {
    "interpreter": ("#!/nowhere/at/all\n", "No such file or directory"),
    "format": ("What is this?\n", "Exec format error"),
}


class Programs:
    """What the program has left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wait(self) -> tuple[dict[str, str], bytes, str]:
        """:return: environment, content and argument of the one run; they are then forgotten."""
        [content] = eventually(lambda: list(self._folder.glob("*.content")), "the program to run")
        read = content.read_bytes()
        lines = content.with_suffix(".env").read_text("utf-8").splitlines()
        argument = content.with_suffix(".argument").read_text("utf-8")
        for path in self._folder.iterdir():
            path.unlink()
        return dict(line.split("=", 1) for line in lines), read, argument


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def elsewhere() -> tuple[str, int]:
    """Where the store listens that has TLS."""
    return "127.0.0.1", free_ports(1)[0]


@pytest.fixture(scope="module")
def local(folder: Path, elsewhere: tuple[str, int]) -> Iterator[RelaySite]:
    """A server whose domains have stores of different kinds."""
    program = folder / "program"
    program.write_text(PROGRAM, "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (folder / "left").mkdir()
    programs = "".join(
        f'[programs."{name}@example.org"]\ncommand = ["{program}", "{folder}/left", "$HOME; echo `x` *"]\n'
        f'timeout = "{"500ms" if name == "sleeps" else "20s"}"\n'
        for name in NAMES
    )
    for name, (content, _) in UNRUNNABLE.items():
        (folder / name).write_text(content, "utf-8")
        (folder / name).chmod(0o755)
        programs += f'[programs."{name}@example.org"]\ncommand = ["{folder / name}"]\n'
    stores = (
        '[delivery]\ntag-field = "X-Require-TLS"\n'
        f'[delivery.domains."socket.example"]\nlmtp = "unix:{folder}/socket"\n'
        f'[delivery.domains."strict.example"]\nlmtp = "127.0.0.1:{elsewhere[1]}"\nrequiretls = "enforce"\n'
        f'[delivery.domains."tls.example"]\nlmtp = "127.0.0.1:{elsewhere[1]}"\n'
        'requiretls = "opportunistic+starttls"\n'
    )
    site = RelaySite(
        folder / "site",
        more=stores + programs,
        aliases='"team@example.org" = ["list@example.org", "bob@socket.example", "ann@example.org", '
        '"eve@copies.test"]\n'
        '"archive@example.org" = ["list@example.org"]\n',
    )
    site.server.reconfigure(
        lambda text: text.replace(
            'domains = ["example.org"]',
            'domains = ["example.org", "socket.example", "strict.example", "tls.example"]',
        )
    )
    for domain in ("socket", "strict", "tls"):
        for name in ("bob", "kim"):
            site.server.run(
                "account", "add", f"{name}@{domain}.example", "--password-stdin", stdin=b"a long password\n"
            )
    site.start()
    yield site
    site.stop()


@pytest.fixture
def programs(local: RelaySite, folder: Path) -> Programs:
    return Programs(folder / "left")


@pytest.fixture
def store(local: RelaySite, folder: Path) -> Iterator[LmtpStore]:
    """The store of socket.example."""
    path = folder / "socket"
    made = LmtpStore(path)
    yield made
    made.stop()
    path.unlink()


def send(site: RelaySite, recipients: Sequence[str], *words: str, sender: str = ADDRESS) -> Sent:
    mail = ["REQUIRETLS"] * ("require" in words)
    return site.submit(message_of(words), sender, mail, {each: [] for each in recipients})


def done(site: RelaySite, sent: Sent) -> None:
    site.log.wait_for(event="done", queueId=sent.queue_id)


def waiting(site: RelaySite, sent: Sent) -> dict[str, str]:
    """The last replies of those who wait."""
    site.log.wait_for(event="attempt", queueId=sent.queue_id)
    recipients = site.queue()[sent.queue_id]["recipients"]
    return {each["address"]: each["lastReply"] for each in recipients if each["state"] == "queued"}


# By LMTP


def test_a_domain_with_a_store(local: RelaySite, store: LmtpStore) -> None:
    done(local, send(local, ["bob@socket.example"]))
    [stored] = store.stored
    assert stored.mail == f"MAIL FROM:<{ADDRESS}>"
    assert stored.recipients == ("bob@socket.example",)
    assert stored.content.endswith(b"\r\n\r\n" + BODY)
    assert stored.tls == ""
    assert local.server.messages("bob@socket.example") == []


def test_each_recipient_has_a_reply(local: RelaySite, store: LmtpStore) -> None:
    store.full = {"kim": "552 5.2.2 The mailbox is full"}
    sent = send(local, ["bob@socket.example", "kim@socket.example"])
    done(local, sent)
    assert [stored.recipients for stored in store.stored] == [("bob@socket.example",)]
    assert local.report_about(sent).told == ["kim failed 5.2.2"]


def test_one_waits_and_the_others_do_not(local: RelaySite, store: LmtpStore) -> None:
    store.refused = {"kim": "450 4.2.1 Not now"}
    sent = send(local, ["bob@socket.example", "kim@socket.example"])
    assert waiting(local, sent) == {"kim@socket.example": "450 4.2.1 Not now"}
    assert [stored.recipients for stored in store.stored] == [("bob@socket.example",)]
    local.server.run("queue", "drop", sent.queue_id)


def test_a_store_that_is_not_there(local: RelaySite) -> None:
    sent = send(local, ["bob@socket.example"])
    assert waiting(local, sent)["bob@socket.example"].startswith("451 4.4.1")
    local.server.run("queue", "drop", sent.queue_id)


@pytest.mark.requirement("R8", "R25")
@pytest.mark.parametrize(
    ("word", "told"), [("require", b"require"), ("optional", b"optional"), ("none", b"")]
)
def test_a_field_tells_the_demand(local: RelaySite, store: LmtpStore, word: str, told: bytes) -> None:
    message = message_of((word,)).replace(b"Subject:", b"X-Require-TLS: forged\r\nSubject:")
    recipients = {"bob@socket.example": [], ADDRESS: []}
    sent = local.submit(message, ADDRESS, ["REQUIRETLS"] * (word == "require"), recipients)
    done(local, sent)
    [stored] = store.stored
    [kept] = [each for each in local.server.messages() if sent.message_id in each]
    for content in (stored.content, kept):
        assert (b"X-Require-TLS: " + told in content) == bool(told)
        assert b"forged" not in content


@pytest.mark.requirement("R2", "R8", "R25")
@pytest.mark.parametrize("domain", ["strict.example", "tls.example"])
def test_the_parameter_tells_the_demand(local: RelaySite, elsewhere: tuple[str, int], domain: str) -> None:
    store = LmtpStore(
        elsewhere,
        local.certificates.context(frozenset(["good"]), "127.0.0.1"),
        keyword=True,
    )
    try:
        done(local, send(local, [f"bob@{domain}"], "require"))
        done(local, send(local, [f"bob@{domain}"]))
        first, second = store.stored
    finally:
        store.stop()
    assert first.mail == f"MAIL FROM:<{ADDRESS}> REQUIRETLS"
    assert (first.tls, second.tls) == ("TLSv1.3", "")
    assert second.mail == f"MAIL FROM:<{ADDRESS}>"


@pytest.mark.requirement("R8")
@pytest.mark.parametrize(
    ("domain", "tls", "keyword", "told"),
    [
        ("strict.example", True, False, "bob failed 5.7.30"),
        ("strict.example", False, False, "bob failed 5.7.10"),
        ("tls.example", False, False, "bob failed 5.7.10"),
        ("tls.example", True, False, ""),
    ],
)
def test_enforced(
    local: RelaySite, elsewhere: tuple[str, int], domain: str, *, tls: bool, keyword: bool, told: str
) -> None:
    context = local.certificates.context(frozenset(["good"]), "127.0.0.1") if tls else None
    store = LmtpStore(elsewhere, context, keyword=keyword)
    try:
        sent = send(local, [f"bob@{domain}"], "require")
        done(local, sent)
        assert len(store.stored) == (not told)
        if told:
            assert local.report_about(sent).told == [told]
    finally:
        store.stop()


# Into a program


@pytest.mark.requirement("R8", "R25")
@pytest.mark.parametrize("word", ["none", "require", "optional"])
def test_the_environment_tells_the_demand(local: RelaySite, programs: Programs, word: str) -> None:
    done(local, send(local, ["archive@example.org"], word))
    environment, content, argument = programs.wait()
    assert argument == "$HOME; echo `x` *\n", "a shell has read it"
    # The shell itself adds some.
    assert environment.keys() - {"PWD", "_", "SHLVL", "OLDPWD"} == {
        "PATH",
        "LANG",
        "SENDER",
        "RECIPIENT",
        "ORIGINAL_RECIPIENT",
        "LOCAL",
        "DOMAIN",
        "REQUIRETLS",
    }
    assert environment["REQUIRETLS"] == word
    assert environment["SENDER"] == ADDRESS
    assert environment["RECIPIENT"] == "list@example.org"
    assert environment["ORIGINAL_RECIPIENT"] == "archive@example.org"
    assert (environment["LOCAL"], environment["DOMAIN"]) == ("list", "example.org")
    assert b"\r" not in content
    assert content.endswith(b"\n\n" + BODY.replace(b"\r\n", b"\n"))
    assert content.startswith(f"Return-Path: <{ADDRESS}>\nX-Original-To: archive@example.org\n".encode())


@pytest.mark.parametrize(("name", "reply"), [("later", "451 4.3.0"), ("killed", "451 4.3.0")])
def test_a_program_that_asks_for_another_attempt(
    local: RelaySite, programs: Programs, name: str, reply: str
) -> None:
    sent = send(local, [f"{name}@example.org"])
    assert waiting(local, sent)[f"{name}@example.org"].startswith(reply)
    local.server.run("queue", "drop", sent.queue_id)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_that_a_program_has_begun_ends_with_it(
    local: RelaySite, programs: Programs, folder: Path
) -> None:
    sent = send(local, ["sleeps@example.org"])
    assert waiting(local, sent) == {"sleeps@example.org": "451 4.3.0 The program took too long"}
    child = int((folder / "left" / "child").read_text())
    eventually(lambda: not is_there(child), "the end of its child")
    local.server.run("queue", "drop", sent.queue_id)


@pytest.mark.parametrize(("name", "reason"), [(name, reason) for name, (_, reason) in UNRUNNABLE.items()])
def test_a_program_that_the_system_does_not_run(
    local: RelaySite, folder: Path, name: str, reason: str
) -> None:
    sent = send(local, [f"{name}@example.org"])
    assert waiting(local, sent) == {f"{name}@example.org": "451 4.3.5 The program cannot be run"}
    local.log.wait_for(program=str(folder / name), recipient=f"{name}@example.org", reason=reason)
    local.server.run("queue", "drop", sent.queue_id)


def test_a_program_that_refuses(local: RelaySite, programs: Programs) -> None:
    sent = send(local, ["fails@example.org"])
    done(local, sent)
    report = local.report_about(sent)
    assert report.told == ["fails failed 5.1.1"]
    assert b"no such list" in report.raw


def test_a_program_that_talks_without_end(local: RelaySite, programs: Programs) -> None:
    sent = send(local, ["talks@example.org"])
    done(local, sent)
    assert local.log.all(event="report", queueId=sent.queue_id) == []


def test_a_program_that_has_gone(local: RelaySite, programs: Programs, folder: Path) -> None:
    program = folder / "program"
    program.rename(folder / "gone")
    try:
        sent = send(local, ["list@example.org"])
        assert waiting(local, sent)["list@example.org"].startswith("451 4.3.5")
    finally:
        (folder / "gone").rename(program)
    local.server.run("queue", "drop", sent.queue_id)


def test_a_message_does_not_come_back(local: RelaySite, programs: Programs) -> None:
    message = message_of(()).replace(b"Subject:", b"Delivered-To: list@example.org\r\nSubject:")
    with local.server.logged_in() as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(ADDRESS, "list@example.org", message)
    assert (refusal.value.smtp_code, refusal.value.smtp_error[:6]) == (554, b"5.4.6 ")
    # One reply cannot tell a mailbox where it has been from one where it has not.
    sent = local.submit(message, ADDRESS, [], {"list@example.org": [], ADDRESS: []})
    done(local, sent)
    assert "list failed 5.4.6" in local.report_about(sent).told


# Everywhere


@pytest.mark.requirement("R8")
def test_every_copy_has_the_demand(local: RelaySite, programs: Programs, store: LmtpStore) -> None:
    local.records.add("copies.test", "MX", "10 mx.copies.test.", status=DnsStatus.SECURE)
    with local.host("mx.copies.test", "starttls good keyword") as host:
        sent = send(local, ["team@example.org"], "require")
        done(local, sent)
        [arrival] = host.arrivals
    assert arrival.parameters == ["REQUIRETLS"]
    environment, _, _ = programs.wait()
    assert environment["REQUIRETLS"] == "require"
    stored: Stored
    [stored] = store.stored
    [kept] = [each for each in local.server.messages() if sent.message_id in each]
    for content in (stored.content, kept):
        assert b"\r\nX-Require-TLS: require\r\n" in b"\r\n" + content

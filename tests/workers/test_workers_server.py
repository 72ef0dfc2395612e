"""The real server with two worker processes: what holds for one process holds for all."""

from __future__ import annotations

import itertools
import json
import os
import signal
import smtplib
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.access.reading import ReadingServer
from tests.black_box import ADDRESS, RunningServer, eventually, free_ports
from tests.clientid_use.devices import Site
from tests.ledger import ledger_of
from tests.numbered_sender import NumberedSender, Submitter

BEN = "ben@example.org"
_LARGE = 16 * 1024 * 1024


def prepared(folder: Path, keys: str = "", limits: str = "") -> RunningServer:
    made = RunningServer.initialised(folder / "site", workers=2)
    made.reconfigure(lambda text: f"{keys}\n{text}\n[limits]\n{limits}\n")
    return made


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RunningServer]:
    made = prepared(tmp_path)
    made.start()
    yield made
    made.stop()


def workers(server: RunningServer) -> dict[str, int]:
    """:return: the process ids of the workers that run, by their numbers."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "status").read_text("utf-8")
            command = (process / "cmdline").read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"\nPPid:\t{server.pid}\n" in status and "mailext.worker" in command:
            found[command[-2]] = int(process.name)
    return found


def serving(server: RunningServer) -> dict[str, int]:
    """:return: the same, once all of them serve."""
    for number in (1, 2):
        eventually(lambda number=number: says(server, f"Worker {number} serves"), f"worker {number}")
    return workers(server)


def connections_of(pid: int) -> int:
    """:return: how many clients are connected to the ports of a process."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return sum(f"socket:[{line[9]}]" in sockets and line[3] == "01" for line in lines)


def says(server: RunningServer, text: str) -> bool:
    return text in server.log.read_text("utf-8")


def greeting(stack: ExitStack, port: int) -> bytes:
    client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), 30)))
    return client.recv(500)


def letter(body: str = "x", subject: str = "hello") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ADDRESS, ADDRESS, subject
    message.set_content(body)
    return message.as_bytes(policy=SMTP)


def peak_of(pid: int) -> int:
    """:return: the most memory that a process had, in octets."""
    return int(Path(f"/proc/{pid}/status").read_text("ascii").partition("VmHWM:")[2].split()[0]) * 1024


def test_both_take_connections_and_mail_arrives(site: RunningServer) -> None:
    running = serving(site)
    assert set(running) == {"1", "2"}
    with ExitStack() as stack:

        def both_are_connected() -> bool:
            assert greeting(stack, site.mx).startswith(b"220 ")
            return all(map(connections_of, running.values()))

        eventually(both_are_connected, "connections to both")
        assert connections_of(site.pid) == 0
    for number in range(8):
        with smtplib.SMTP("127.0.0.1", site.mx) as client:
            client.sendmail("far@example.net", [ADDRESS], letter(subject=f"number {number}"))
    assert len(site.wait_for_messages(8)) == 8


def test_a_proxy_tells_who_the_client_is(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    server.reconfigure(lambda text: text.replace(f"tcp:{server.mx}", f"haproxy:tcp:{server.mx}"))
    server.start()
    serving(server)
    for _ in range(4):
        with closing(socket.create_connection(("127.0.0.1", server.mx), 30)) as client:
            client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\nEHLO far.example.net\r\n")
            replies = client.makefile("rb")
            assert replies.readline().startswith(b"220 ")
            assert b"192.0.2.7" in replies.readline()
    server.stop()


def test_one_log_in_one_format(tmp_path: Path) -> None:
    server = prepared(tmp_path, 'log-format = "json"')
    server.start()
    with server.logged_in() as client:
        client.sendmail(ADDRESS, [ADDRESS], letter())
    server.wait_for_messages()
    with pytest.raises(smtplib.SMTPAuthenticationError), server.client() as client:
        client.login(ADDRESS, "wrong")
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text("utf-8").splitlines()]
    events = [line.get("event") for line in lines]
    for event, number in (("accepted", 1), ("attempt", 1), ("done", 1), ("login", 3), ("refusal", 2)):
        assert events.count(event) == number
    assert [line for line in lines if line["level"] in ("error", "critical")] == []


def test_figures_are_whole(tmp_path: Path) -> None:
    [port] = free_ports(1)
    server = prepared(tmp_path)
    server.reconfigure(
        lambda text: text.replace("[listen]\n", f'[listen]\nmetrics = ["tcp:{port}:interface=127.0.0.1"]\n')
    )
    server.start()

    def figures() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {
            key: float(value) for key, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
        }

    before = figures()
    for _ in range(6):
        with smtplib.SMTP("127.0.0.1", server.mx) as client:
            client.sendmail("far@example.net", [ADDRESS], letter())
    after = figures()
    for name in ("mailext_messages_accepted_total", 'mailext_connections_total{listener="mx"}'):
        assert after[name] - before.get(name, 0) == 6
    eventually(lambda: figures()['mailext_connections_open{listener="mx"}'] == 0, "the connections to end")
    server.stop()


def test_limits_hold_over_all_of_them(tmp_path: Path) -> None:
    server = prepared(tmp_path, limits="connections-per-address = 3")
    server.start()
    serving(server)
    for _ in range(5):
        with ExitStack() as stack:

            def three_are_in(stack: ExitStack = stack) -> bool:
                # Those of the round before may still count.
                stack.pop_all().close()
                replies = []
                for _ in range(3):
                    replies.append(greeting(stack, server.mx))
                    time.sleep(0.05)
                return all(reply.startswith(b"220 ") for reply in replies)

            eventually(three_are_in, "three connections")
            assert [greeting(stack, server.mx)[:4] for _ in range(6)] == [b"421 "] * 6
    server.stop()


def test_accounts_come_and_change_everywhere(site: RunningServer) -> None:
    def replies(command: str) -> set[int]:
        """Of enough connections to have asked both."""
        codes = set()
        for _ in range(12):
            with smtplib.SMTP("127.0.0.1", site.mx) as client:
                client.ehlo()
                client.mail("far@example.net")
                codes.add(client.docmd("RCPT", f"TO:<{command}>")[0])
        return codes

    assert replies(BEN) == {550}
    site.run("account", "add", BEN, "--password-stdin", stdin=b"first\n")
    assert replies(BEN) == {250}
    with site.client() as client:
        client.login(BEN, "first")
        site.run("account", "passwd", BEN, "--password-stdin", stdin=b"second\n")
        # Who logged in with the password that was is logged out.
        eventually(lambda: client.noop()[0] == 421, "the session to end")
    for password, _ in itertools.product(("first", "second"), range(3)):
        with site.client() as client:
            if password == "second":
                assert client.login(BEN, password)[0] == 235
            else:
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.login(BEN, password)


def test_a_reload_reaches_all_of_them(site: RunningServer) -> None:
    def codes() -> set[int]:
        found = set()
        for _ in range(12):
            with smtplib.SMTP("127.0.0.1", site.mx) as client:
                client.ehlo()
                client.mail("far@example.net")
                found.add(client.docmd("RCPT", "TO:<post@example.org>")[0])
        return found

    assert codes() == {550}
    alias = f'"post@example.org" = ["{ADDRESS}"]'
    site.reconfigure(lambda text: text.replace("[aliases]", f"[aliases]\n{alias}"))
    os.kill(site.pid, signal.SIGHUP)
    eventually(lambda: says(site, "The configuration was read again"), "the reload")
    eventually(lambda: codes() == {250}, "all to know the alias")


@pytest.mark.requirement("U9", "U10")
def test_attack_mode_holds_for_all_of_them(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    server.reconfigure(
        lambda text: text.replace('"history:mode=observe"', '"attack-mode:mode=enforce:require=known"')
    )
    server.start()
    mail = Site(server)
    mail.play("ann  127.0.0.1  phone  right  235")
    server.run("attack-mode", "on")
    for _ in range(3):
        mail.play("""
            ann  127.0.0.1  phone   right  235
            ann  127.0.0.1  laptop  right  535
        """)
    server.stop()
    mail.assert_no_token_was_kept()


# Counts in its own memory, as a policy may.
_POLICY = """
from twisted.plugin import IPlugin
from zope.interface import implementer
from mailext.bases import DeliveryPolicy
from mailext.interfaces import IDeliveryPolicyFactory
from mailext.values import ACCEPTED, Verdict

class Few(DeliveryPolicy):
    def __init__(self, number):
        self.left = number
    def judgeSender(self, sender, options, session):
        self.left -= 1
        return ACCEPTED if self.left >= 0 else Verdict.refuse("too many")

@implementer(IPlugin, IDeliveryPolicyFactory)
class FewFactory:
    name, help, argStringFormat = "few", "So many senders.", "number"
    def generatePolicy(self, argstring, services):
        return Few(int(argstring))

few = FewFactory()
"""


def test_a_policy_counts_over_all_of_them(tmp_path: Path) -> None:
    server = prepared(tmp_path, 'policies = ["few:5"]')
    plugins = server.folder / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "few.py").write_text(_POLICY, "utf-8")
    server.start()

    def codes() -> list[int]:
        found = []
        for _ in range(10):
            with smtplib.SMTP("127.0.0.1", server.mx) as client:
                client.ehlo()
                found.append(client.mail("far@example.net")[0])
        return found

    assert codes() == [250] * 5 + [550] * 5
    server.reconfigure(lambda text: text.replace("few:5", "few:2"))
    os.kill(server.pid, signal.SIGHUP)
    eventually(lambda: says(server, "The configuration was read again"), "the reload")
    assert codes() == [250] * 2 + [550] * 8
    server.stop()


def test_a_worker_that_dies_under_load_loses_nothing_and_comes_back(site: RunningServer) -> None:
    numbers = itertools.count()
    senders: list[NumberedSender] = []
    for number in ("1", "2", "1"):
        running = eventually(lambda: len(found := workers(site)) == 2 and found, "two workers")
        crew = [NumberedSender(site.mx, numbers, ADDRESS) for _ in range(4)]
        crew.append(Submitter(site, numbers, ADDRESS))
        for sender in crew:
            sender.start()
        eventually(lambda crew=crew: all(each.acknowledged for each in crew), "the first replies")
        os.kill(running[number], signal.SIGKILL)
        eventually(lambda was=running[number]: was not in workers(site).values(), "its end")
        for sender in crew:
            sender.enough.set()
            sender.join(30)
        senders += crew
    eventually(lambda: len(workers(site)) == 2, "two workers")
    assert says(site, "Worker 1 has ended and is started again in 1 s")
    ledger = ledger_of(site, senders)
    assert ledger.lost == ledger.refused == set()


def test_workers_end_with_the_main_process(site: RunningServer) -> None:
    running = serving(site)
    site.kill()

    def are_gone() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in running.values())

    eventually(are_gone, "the workers to end", patience=5)
    site.start()


def test_a_message_that_is_coming_in_is_finished(site: RunningServer) -> None:
    """One for a mailbox, and one for the queue of the main process."""
    site.run("account", "add", BEN, "--password-stdin", stdin=b"secret\n")
    with ExitStack() as stack:
        clients = []
        for recipients in ([ADDRESS], [ADDRESS, BEN], [ADDRESS]):
            client = stack.enter_context(closing(smtplib.SMTP("127.0.0.1", site.mx)))
            client.ehlo()
            client.mail("far@example.net")
            for recipient in recipients:
                assert client.rcpt(recipient)[0] == 250
            client.docmd("DATA")
            client.send(b"Subject: one\r\n\r\nhalf ")
            clients.append(client)
        os.kill(site.pid, signal.SIGTERM)
        eventually(lambda: not listens(site.mx), "no new connections")
        for client in clients:
            client.send(b"whole\r\n.\r\n")
            assert client.getreply()[0] == 250
            assert client.getreply()[0] == 421
    site.join()
    messages = site.messages() + site.messages(BEN)
    assert [b"half whole" in message for message in messages] == [True] * 4
    site.start()


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("others", [[], [BEN]], ids=["into one mailbox", "through the queue"])
def test_a_large_message(site: RunningServer, others: list[str]) -> None:
    site.run("account", "add", BEN, "--password-stdin", stdin=b"secret\n")
    processes = (site.pid, *serving(site).values())
    for _ in range(4):
        with site.logged_in() as client:
            client.sendmail(ADDRESS, [ADDRESS, *others], letter())
    before = sum(map(peak_of, processes))
    lines = (b"%070d\r\n" % number for number in itertools.count())
    body = b"".join(itertools.islice(lines, _LARGE // 72))
    with site.logged_in() as client:
        client.sendmail(ADDRESS, [ADDRESS, *others], b"Subject: large\r\n\r\n" + body)
    for address in (ADDRESS, *others):
        assert any(message.endswith(body) for message in site.wait_for_messages(5, address))
    # Nobody had the whole of it in memory.
    assert sum(map(peak_of, processes)) - before < _LARGE


def test_a_reader_hears_of_a_letter_at_once(tmp_path: Path) -> None:
    server = ReadingServer.prepared(tmp_path / "site", workers=2)
    server.start()
    with server.imap() as client:
        client.select()
        client.send(b"idle IDLE\r\n")
        assert client.readline().startswith(b"+ ")
        with smtplib.SMTP("127.0.0.1", server.site.mx) as sender:
            sender.sendmail("far@example.net", [ADDRESS], letter())
        client.sock.settimeout(10)
        assert client.readline() == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
    server.stop()

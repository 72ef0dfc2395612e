"""Mail programs that nobody here wrote, at the real server."""

from __future__ import annotations

import contextlib
import imaplib
import os
import poplib
import re
import signal
import socket
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from scramp import ScramClient

from tests.access.reading import ReadingServer
from tests.black_box import ADDRESS, eventually

NOTE = b"From: <ann@example.org>\r\nSubject: note\r\n\r\n.a dot\r\n..\r\nlast\r\n"


def whole(client: imaplib.IMAP4, number: str = "1") -> bytes:
    """:return: the octets of a message."""
    return client.fetch(number, "(BODY.PEEK[])")[1][0][1]


def uids(client: imaplib.IMAP4) -> list[bytes]:
    answer = client.uid("FETCH", "1:*", "(FLAGS)")[1]
    return [re.search(rb"UID (\d+)", line)[1] for line in answer if line]


def test_what_was_delivered_is_fetched_octet_by_octet(server: ReadingServer) -> None:
    large = NOTE + b"0123456789 abcdefghij\r\n" * 100_000
    stored = [server.deliver(NOTE), server.deliver(large)]
    with server.imap() as client:
        assert client.select()[1] == [b"2"]
        assert [whole(client, "1"), whole(client, "2")] == stored
    with server.pop3() as client:
        assert client.stat() == (2, sum(map(len, stored)))
        for number, octets in enumerate(stored, 1):
            assert b"".join(line + b"\r\n" for line in client.retr(number)[1]) == octets
        assert client.top(1, 1)[1][-1] == b".a dot"
        client.dele(1)
        client.quit()
    with server.imap() as client:
        assert client.select()[1] == [b"1"]
        assert whole(client) == stored[1]


@pytest.mark.interop("curl")
@pytest.mark.parametrize(("scheme", "where"), [("imaps", "/INBOX;MAILINDEX=1"), ("pop3s", "/1")])
def test_curl(server: ReadingServer, scheme: str, where: str) -> None:
    stored = server.deliver(NOTE)
    command = [
        "curl",
        "--silent",
        "--show-error",
        "--insecure",
        "--user",
        f"{ADDRESS}:{server.site.password}",
    ]
    url = f"{scheme}://127.0.0.1:{server.ports[scheme]}{where}"
    assert subprocess.run([*command, url], capture_output=True, check=True, timeout=60).stdout == stored


@pytest.mark.interop("curl")
@pytest.mark.parametrize(("scheme", "where"), [("imap", "/INBOX;MAILINDEX=1"), ("pop3", "/1")])
@pytest.mark.requirement("R21")
def test_curl_begins_tls_or_gets_nothing(server: ReadingServer, scheme: str, where: str) -> None:
    stored = server.deliver(NOTE)
    command = ["curl", "--silent", "--insecure", "--user", f"{ADDRESS}:{server.site.password}"]
    url = f"{scheme}://127.0.0.1:{server.ports[scheme]}{where}"
    begun = subprocess.run([*command, "--ssl-reqd", url], capture_output=True, check=True, timeout=60)
    assert begun.stdout == stored
    in_clear = subprocess.run([*command, url], capture_output=True, check=False, timeout=60)
    assert in_clear.returncode != 0
    assert in_clear.stdout == b""


@pytest.mark.requirement("R21")
def test_without_tls_no_password_is_taken(server: ReadingServer) -> None:
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=30) as client:
        assert "LOGINDISABLED" in client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            client.login(ADDRESS, server.site.password)
        client.starttls(server.site.trusting())
        client.login(ADDRESS, server.site.password)
    reader = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=30)
    assert "USER" not in reader.capa()
    with pytest.raises(poplib.error_proto):
        reader.user(ADDRESS)
    reader.stls(server.site.trusting())
    reader.user(ADDRESS)
    reader.pass_(server.site.password)
    reader.quit()


def test_starttls_cannot_be_injected(server: ReadingServer) -> None:
    for name, command in (("imap", b"a STARTTLS\r\nb NOOP\r\n"), ("pop3", b"STLS\r\nCAPA\r\n")):
        with socket.create_connection(("127.0.0.1", server.ports[name]), timeout=30) as connection:
            connection.recv(4096)
            connection.sendall(command)
            answer = b""
            while data := connection.recv(4096):
                answer += data
            assert b"Nothing may follow" in answer
            assert b"OK" not in answer


def test_a_device_says_who_it_is(server: ReadingServer) -> None:
    imaplib.Commands.setdefault("CLIENTID", ("NONAUTH",))
    with server.imap(logged_in=False) as client:
        assert "CLIENTID" in client.capabilities
        kind, token = "UUID", "23bf83be-aad7-46aa-9e0f-39191ccf402f"
        assert client._simple_command("CLIENTID", kind, token)[0] == "OK"
        client.login(ADDRESS, server.site.password)

    def listed() -> bytes:
        return server.site.run("identity", "list", ADDRESS).stdout

    eventually(lambda: b"UUID" in listed(), "the identity to be recorded")
    assert token.encode() not in listed()
    assert token not in server.site.log.read_text("utf-8")


def test_mail_arrives_while_a_client_is_idle(server: ReadingServer) -> None:
    with server.imap() as client:
        client.select()
        client.send(b"i IDLE\r\n")
        assert client.readline().startswith(b"+")
        server.deliver(NOTE)
        assert client.readline() == b"* 1 EXISTS\r\n"
        assert client.readline() == b"* 1 RECENT\r\n"
        client.send(b"DONE\r\n")
        assert client.readline().startswith(b"i OK")


def test_two_clients_at_once(server: ReadingServer) -> None:
    server.deliver(NOTE)
    with server.imap() as first, server.imap() as second:
        first.select()
        second.select()
        first.store("1", "+FLAGS", r"(\Flagged)")
        second.noop()
        assert rb"\Flagged" in second.response("FETCH")[1][0]
        first.store("1", "+FLAGS", r"(\Deleted)")
        first.expunge()
        second.noop()
        assert second.response("EXPUNGE")[1] == [b"1"]


def test_many_clients_append_at_once(server: ReadingServer) -> None:
    def work(name: str) -> None:
        with server.imap() as client:
            for number in range(10):
                content = f"Subject: {name} {number}\r\n\r\nx\r\n".encode()
                assert client.append("INBOX", None, None, content)[0] == "OK"

    threads = [threading.Thread(target=work, args=(str(index),)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with server.imap() as client:
        assert client.select()[1] == [b"40"]
        assert uids(client) == [b"%d" % number for number in range(1, 41)]
        subjects = {whole(client, str(number)).split(b"\r\n")[0] for number in range(1, 41)}
        assert len(subjects) == 40


def test_a_kill_changes_no_identifier_and_loses_no_flag(server: ReadingServer) -> None:
    for _ in range(3):
        server.deliver(NOTE)
    with server.imap() as client:
        client.select()
        client.store("2", "+FLAGS", r"(\Answered)")
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
        before = client.uid("FETCH", "1:*", "(FLAGS)")[1]
        validity = client.status("INBOX", "(UIDVALIDITY)")[1]
        server.restart_after_kill()
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            client.noop()
    server.deliver(NOTE)
    with server.imap() as client:
        client.select()
        assert client.status("INBOX", "(UIDVALIDITY)")[1] == validity
        assert uids(client) == [b"2", b"3", b"4"]
        assert rb"\Answered" in client.uid("FETCH", "2", "(FLAGS)")[1][0]
        assert len(before) == 2


def test_a_new_password_ends_the_sessions(server: ReadingServer) -> None:
    with server.imap() as reader, server.pop3() as collector:
        reader.select()
        server.site.run("account", "passwd", ADDRESS, "--password-stdin", stdin=b"another one\n")
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            eventually(lambda: reader.noop()[0] != "OK", "the end of the session")
        with pytest.raises((poplib.error_proto, OSError)):
            eventually(lambda: not collector.noop().startswith(b"+OK"), "the end of the session")


def test_a_reload_keeps_sessions_and_takes_new_ones(server: ReadingServer) -> None:
    server.deliver(NOTE)
    with server.imap() as before:
        before.select()
        server.site.reconfigure(lambda text: text + "\n[limits]\nconnections-per-address = 7\n")
        os.kill(server.site.pid, signal.SIGHUP)
        eventually(lambda: "was read again" in server.site.log.read_text("utf-8"), "the reload")
        with server.imap() as after:
            assert after.select()[1] == [b"1"]
            after.store("1", "+FLAGS", r"(\Seen)")
        before.noop()
        assert rb"\Seen" in before.response("FETCH")[1][0]


def test_hostile_octets_end_in_order(server: ReadingServer) -> None:
    for name in ("imaps", "pop3s"):
        raw = socket.create_connection(("127.0.0.1", server.ports[name]), timeout=30)
        with server.site.trusting().wrap_socket(raw) as connection:
            connection.recv(4096)
            # It parts in the middle of it.
            with contextlib.suppress(OSError):
                for _ in range(200):
                    connection.sendall(b"x" * 65536)
                connection.sendall(b"\r\n")
                while connection.recv(65536):
                    pass
    with server.imap() as client:
        assert client.noop()[0] == "OK"
    assert "Traceback" not in server.site.log.read_text("utf-8")


def scram(name: str, password: str) -> tuple[Callable[[bytes], bytes], list[bytes]]:
    """:return: what answers the challenges of a server, and its proofs."""
    client = ScramClient(["SCRAM-SHA-256"], name, password)
    proofs: list[bytes] = []

    def answer(challenge: bytes) -> bytes:
        if not challenge:
            return client.get_client_first().encode()
        if challenge.startswith(b"v="):
            client.set_server_final(challenge.decode())
            proofs.append(challenge)
            return b""
        client.set_server_first(challenge.decode())
        return client.get_client_final().encode()

    return answer, proofs


def test_scram(tmp_path: Path) -> None:
    server = ReadingServer.prepared(tmp_path / "site")
    server.site.reconfigure(lambda text: f"scram = true\n{text}")
    server.site.run(
        "account",
        "passwd",
        ADDRESS,
        "--scram",
        "--password-stdin",
        stdin=server.site.password.encode() + b"\n",
    )
    server.start()
    try:
        with server.imap(logged_in=False) as client:
            assert "AUTH=SCRAM-SHA-256" in client.capabilities
            with pytest.raises(imaplib.IMAP4.error):
                client.authenticate("SCRAM-SHA-256", scram(ADDRESS, "wrong")[0])
            answer, proofs = scram(ADDRESS, server.site.password)
            client.authenticate("SCRAM-SHA-256", answer)
            assert len(proofs) == 1
            assert client.select()[0] == "OK"
        with server.pop3(logged_in=False) as reader:
            answer, proofs = scram(ADDRESS, server.site.password)
            assert "SCRAM-SHA-256" in reader.capa()["SASL"]
            challenge = said(reader, b"AUTH SCRAM-SHA-256")
            while challenge.startswith(b"+ "):
                challenge = said(reader, b64encode(answer(b64decode(challenge[2:]))))
            assert challenge.startswith(b"+OK")
            assert len(proofs) == 1
            assert reader.stat() == (0, 0)
    finally:
        server.stop()


def said(client: poplib.POP3, line: bytes) -> bytes:
    """:return: the server's line in answer to one of ours."""
    client.sock.sendall(line + b"\r\n")
    return client.file.readline().removesuffix(b"\r\n")

"""What readers of mailboxes may use, and what the log says of refusals."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent

from mailext.access.imap import IMAP4
from mailext.access.pop3 import POP3
from tests.access.dialogue import Client, Site
from tests.support import logged


def refusals(events: list[LogEvent]) -> list[tuple[object, ...]]:
    """Command, code, response code, words and limit of each."""
    return [
        tuple(event[key] for key in ("command", "code", "enhanced", "reason", "limit"))
        for event in events
        if event.get("event") == "refusal"
    ]


class TestImapRefusals:
    @pytest.mark.parametrize(
        ("lines", "refusal"),
        [
            ([b"a FOO"], ("an unknown command", "BAD", "", "Unsupported command", "")),
            (
                [b"l LOGIN ann secret", b"a SELECT nowhere"],
                ("SELECT", "NO", "NONEXISTENT", "No such mailbox", ""),
            ),
            (
                [b"l LOGIN ann secret", b"a APPEND INBOX {1001}"],
                ("APPEND", "NO", "", "Illegal operation", "message-size"),
            ),
            (
                [b"l LOGIN ann secret", b"a APPEND INBOX {600}"],
                ("APPEND", "NO", "", "Illegal operation", "disk-reserve"),
            ),
        ],
    )
    def test_of_commands(self, site: Site, lines: list[bytes], refusal: tuple[str, ...]) -> None:
        with logged() as events:
            site.imap(message_size=1000, has_room=lambda octets: octets <= 500).say(*lines)
        assert refusals(events) == [refusal]

    def test_of_a_login(self, site: Site) -> None:
        client = site.imap(auth_failures=2)
        with logged() as events:
            client.say(b"a LOGIN ann wrong", b"b LOGIN ann wronger")
            site.clock.pump([1.0] * 3)
        failed = ("LOGIN", "NO", "AUTHENTICATIONFAILED", "Authentication failed", "")
        assert refusals(events) == [
            failed,
            failed,
            ("LOGIN", "BYE", "", "Too many failed logins", "auth-failures"),
        ]

    def test_no_piece_of_a_command_is_in_the_log(self, site: Site) -> None:
        with logged() as events:
            client = site.imap()
            client.say(b"a LOGIN ann my secret words", b'b LOGIN "ann', b"c CLIENTID a b c", b"d NOOP secret")
            site.clock.pump([1.0] * 3)
        assert len(refusals(events)) == 4
        assert not any("secret" in str(each) or "words" in str(each) for each in refusals(events))

    @pytest.mark.parametrize(
        ("lines", "limit"),
        [([b"a NOOP"] * 6, "junk-commands"), ([b"a FOO"] * 4, "errors"), ([], "command-timeout")],
    )
    def test_of_sessions(self, site: Site, lines: list[bytes], limit: str) -> None:
        client = site.imap(commands=5, errors=4)
        with logged() as events:
            client.say(*lines)
            site.clock.advance(300)
        assert client.ended
        assert refusals(events)[-1][-1] == limit

    def test_of_a_handshake(self, site: Site) -> None:
        factory = site.factory(IMAP4, tls=object())
        client = Client(factory, encrypted=False)
        with logged() as events:
            client.say(b"a STARTTLS")
            site.clock.advance(30)
        assert refusals(events)[-1][-1] == "handshake-timeout"

    def test_an_idle_reader_is_nobody_who_came_up_against_a_limit(self, site: Site) -> None:
        client = site.reader()
        with logged() as events:
            site.clock.advance(1800)
        assert client.ended
        assert refusals(events)[-1][-1] == ""

    def test_of_connections(self, site: Site) -> None:
        site.imap(connections_per_network=1)
        with logged() as events:
            Client(site.factory(IMAP4, connections_per_network=1), encrypted=False)
        assert refusals(events) == [
            ("a connection", "BYE", "UNAVAILABLE", "Too many connections", "connections-per-network")
        ]


class TestPop3Refusals:
    @pytest.mark.parametrize(
        ("line", "refusal"),
        [
            (b"FOO secret", ("an unknown command", "-ERR", "", "Unknown command, or not for now", "")),
            (b"RETR 7", ("RETR", "-ERR", "", "No such message", "")),
        ],
    )
    def test_of_commands(self, site: Site, line: bytes, refusal: tuple[str, ...]) -> None:
        client = site.collector()
        with logged() as events:
            client.say(line)
        assert refusals(events) == [refusal]

    def test_of_a_login(self, site: Site) -> None:
        client = site.pop3(auth_failures=1)
        with logged() as events:
            client.say(b"USER ann", b"PASS wrong")
            site.clock.advance(1)
        assert refusals(events) == [
            ("PASS", "-ERR", "AUTH", "Authentication failed", ""),
            ("PASS", "-ERR", "SYS/TEMP", "Too many failed logins", "auth-failures"),
        ]

    @pytest.mark.parametrize(
        ("lines", "limit"),
        [([b"CAPA"] * 6, "junk-commands"), ([b"FOO"] * 4, "errors"), ([], "command-timeout")],
    )
    def test_of_sessions(self, site: Site, lines: list[bytes], limit: str) -> None:
        client = site.pop3(commands=5, errors=4)
        with logged() as events:
            client.say(*lines)
            site.clock.advance(300)
        assert client.ended
        assert refusals(events)[-1][-1] == limit

    def test_of_connections(self, site: Site) -> None:
        site.pop3(connections=1)
        with logged() as events:
            Client(site.factory(POP3, connections=1), encrypted=False)
        assert refusals(events) == [
            ("a connection", "-ERR", "SYS/TEMP", "Too many connections", "connections")
        ]

    def test_what_succeeds_is_none(self, site: Site) -> None:
        with logged() as events:
            site.collector().say(b"STAT", b"QUIT")
        assert refusals(events) == []


class TestLiterals:
    """A literal has a time and a least rate, as a message has by SMTP."""

    def test_one_that_comes_too_slowly(self, site: Site) -> None:
        client = site.reader(b"a APPEND INBOX {100000}", min_rate=100.0)
        with logged() as events:
            for _ in range(60):
                site.clock.advance(1)
                client.send(b"x")
        assert client.ended
        assert refusals(events) == [("APPEND", "BYE", "", "The literal comes too slowly", "min-rate")]

    def test_one_that_takes_too_long(self, site: Site) -> None:
        client = site.reader(b"a APPEND INBOX {100000}", min_rate=0.0, message_timeout=200.0)
        with logged() as events:
            for _ in range(4):
                site.clock.advance(50)
                client.send(b"x" * 1000)
        assert client.ended
        assert refusals(events) == [("APPEND", "BYE", "", "The literal takes too long", "message-timeout")]

    def test_one_of_somebody_who_has_not_logged_in(self, site: Site) -> None:
        client = site.imap()
        client.say(b"a LOGIN {4000}")
        for _ in range(61):
            site.clock.advance(1)
            client.send(b"x")
        assert client.ended

    def test_one_that_has_come_has_no_time_any_more(self, site: Site) -> None:
        client = site.reader(b"a APPEND INBOX {4}", min_rate=100.0, message_timeout=200.0)
        assert client.send(b"A: b\r\n")[-1].startswith(b"a OK")
        site.clock.advance(1000)
        assert client.say(b"b NOOP") == [b"b OK NOOP completed"]


class TestAnswersThatAreNotTaken:
    """They do not pile up: no more is read until the client has taken them."""

    @pytest.mark.parametrize("kind", ["imap", "pop3"])
    def test_commands_stay_unread(self, site: Site, kind: str) -> None:
        client = site.reader() if kind == "imap" else site.collector()
        line = b"a CAPABILITY\r\n" if kind == "imap" else b"CAPA" + b" " * 200 + b"\r\n"
        producer = client.transport.producer
        producer.pauseProducing()
        client.send(line * 1000)
        assert client.transport.producerState == "paused"
        assert len(client.heard()) < 20
        producer.resumeProducing()
        assert client.transport.producerState == "producing"
        assert len(client.heard()) > 900

    def test_a_reader_that_takes_nothing_is_logged(self, site: Site) -> None:
        site.deliver(b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 60_000)
        client = site.reader(b"s SELECT INBOX", command_timeout=60.0)
        client.transport.producer.pauseProducing()
        with logged() as events:
            client.say(b"a FETCH 1 BODY[]")
            site.clock.advance(60)
        assert client.ended
        assert refusals(events) == [("FETCH", "BYE", "", "The answer was not taken", "command-timeout")]

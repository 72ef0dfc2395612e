"""POP3 as octets."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.mail.pop3 import IMailbox
from zope.interface.verify import verifyObject

from mailext.access.dots import DotStuffing
from mailext.access.maildrop import Maildrop
from mailext.access.pop3 import POP3
from mailext.interfaces import IOpenableMailbox
from tests.access.dialogue import ANN, Client

NOTE = b"Subject: note\r\n\r\n.one\r\n..two\r\nthree\r\n"
REFUSED = b"-ERR [AUTH] Authentication failed"
PLAIN = b64encode(b"\0ann\0secret")


class TestLogin:
    @pytest.mark.requirement("R21")
    def test_without_tls_nobody_logs_in(self, site):
        client = site.pop3(encrypted=False, tls=object())
        assert client.greeting == [b"+OK mx.example.org POP3"]
        offered = client.say(b"CAPA")
        assert b"STLS" in offered
        assert not [line for line in offered if line.startswith((b"USER", b"SASL"))]
        for command in (b"USER ann", b"PASS secret", b"AUTH PLAIN " + PLAIN, b"APOP ann 0123"):
            assert client.say(command)[0].startswith(b"-ERR")
        assert client.say(b"STAT")[0].startswith(b"-ERR")

    @pytest.mark.parametrize(
        "lines",
        [
            (b"USER ann", b"PASS secret"),
            (b"user ann", b"pass secret"),
            (b"AUTH PLAIN " + PLAIN,),
            (b"AUTH plain", PLAIN),
            (b"AUTH LOGIN", b64encode(b"ann"), b64encode(b"secret")),
        ],
    )
    def test_forms(self, site, lines):
        client = site.pop3()
        assert client.say(*lines)[-1] == b"+OK Logged in"
        assert b"SASL PLAIN LOGIN" not in client.say(b"CAPA")

    def test_stls(self, site):
        client = site.pop3(encrypted=False, tls=object())
        assert client.say(b"STLS")[0].startswith(b"+OK")
        assert client.transport.tls_began
        client.protocol.handshakeCompleted()
        assert b"STLS" not in client.say(b"CAPA")
        assert client.say(b"USER ann", b"PASS secret")[-1] == b"+OK Logged in"

    def test_what_follows_stls_in_clear_is_never_taken(self, site):
        client = site.pop3(encrypted=False, tls=object())
        assert client.say(b"STLS", b"CAPA") == [b"-ERR Nothing may follow STLS before TLS has begun"]
        assert not client.transport.tls_began
        assert client.ended

    def test_the_same_failure_over_and_over_has_an_end_too(self, site):
        client = site.pop3()
        for _ in range(20):
            assert not client.ended
            client.say(b"USER ann", b"PASS wrong")
            site.clock.advance(1.0)
        assert client.ended

    def test_failures_are_answered_on_the_grid_and_counted(self, site):
        client = site.pop3()
        for number in range(3):
            client.say(b"USER ann")
            assert client.say(b"PASS wrong%d" % number, b"CAPA") == []
            site.clock.advance(0.99)
            assert client.heard() == []
            site.clock.advance(0.01)
            assert client.heard()[0] == REFUSED
        assert client.ended

    def test_one_session_has_the_mailbox(self, site):
        first = site.collector()
        second = site.pop3()
        assert second.say(b"USER ann", b"PASS secret")[-1].startswith(b"-ERR [IN-USE]")
        assert second.ended
        first.leave()
        assert site.pop3().say(b"USER ann", b"PASS secret")[-1] == b"+OK Logged in"

    def test_a_cancelled_exchange(self, site):
        client = site.pop3()
        assert client.say(b"AUTH PLAIN") == [b"+ "]
        assert client.say(b"*") == [b"-ERR Malformed response, or cancelled"]


class TestMailbox:
    def test_objects_are_what_twisted_wants(self, site):
        maildrop = Maildrop(site.mailboxes.of(ANN))
        assert verifyObject(IMailbox, maildrop)
        assert verifyObject(IOpenableMailbox, maildrop)

    def test_an_empty_one(self, site):
        client = site.collector()
        assert client.say(b"STAT") == [b"+OK 0 0"]
        assert client.say(b"LIST") == [b"+OK", b"."]

    def test_listing(self, site):
        site.deliver(NOTE)
        site.deliver(NOTE)
        client = site.collector()
        assert client.say(b"STAT") == [b"+OK 2 %d" % (2 * len(NOTE))]
        assert client.say(b"LIST 2") == [b"+OK 2 %d" % len(NOTE)]
        one, two = client.say(b"UIDL")[1:3]
        assert one.split()[1] != two.split()[1]
        assert client.say(b"UIDL 1") == [b"+OK " + one]
        assert client.say(b"LIST 3") == [b"-ERR No such message"]
        assert client.say(b"LIST x")[0].startswith(b"-ERR")
        assert client.say(b"LIST 0") == [b"-ERR No such message"]

    def test_retr_and_top(self, site):
        site.deliver(NOTE)
        client = site.collector()
        assert client.say(b"RETR 1")[1:] == [b"Subject: note", b"", b"..one", b"...two", b"three", b"."]
        assert client.say(b"TOP 1 1")[1:] == [b"Subject: note", b"", b"..one", b"."]
        assert client.say(b"TOP 1 0")[1:] == [b"Subject: note", b"", b"."]
        assert client.say(b"TOP 1 99")[-2] == b"three"
        assert client.say(b"TOP 1")[0].startswith(b"-ERR")

    def test_quit_removes_what_was_marked(self, site):
        site.deliver(NOTE)
        kept = site.deliver(NOTE)
        client = site.collector()
        assert client.say(b"DELE 1", b"DELE 1") == [b"+OK Marked", b"-ERR No such message"]
        assert client.say(b"STAT") == [b"+OK 1 %d" % len(NOTE)]
        assert client.say(b"LIST") == [b"+OK", b"2 %d" % len(NOTE), b"."]
        assert client.say(b"RETR 1") == [b"-ERR No such message"]
        assert client.say(b"QUIT") == [b"+OK Goodbye"]
        assert client.ended
        assert [path.name for path in (site.maildir / "new").iterdir()] == [kept]

    @pytest.mark.parametrize("end", [b"RSET", b"NOOP"])
    def test_nothing_is_removed_otherwise(self, site, end):
        base = site.deliver(NOTE)
        client = site.collector()
        client.say(b"DELE 1", end)
        if end == b"RSET":
            assert client.say(b"QUIT") == [b"+OK Goodbye"]
        client.leave()
        assert (site.maildir / "new" / base).exists()

    def test_a_message_that_imap_has_removed(self, site):
        site.deliver(NOTE)
        client = site.collector()
        site.reader(b"s SELECT INBOX", b"d STORE 1 +FLAGS (\\Deleted)", b"e EXPUNGE")
        assert client.say(b"RETR 1") == [b"-ERR The message is gone"]
        assert client.say(b"DELE 1", b"QUIT")[-1] == b"+OK Goodbye"

    def test_identifiers_are_those_of_imap(self, site):
        site.deliver(NOTE)
        uidl = site.collector().say(b"UIDL 1")[0].split()[-1]
        answer = site.reader(b"s SELECT INBOX").say(b"a UID FETCH 1 UID", b"b STATUS INBOX (UIDVALIDITY)")
        assert answer[0] == b"* 1 FETCH (UID 1)"
        assert answer[2] == b'* STATUS "INBOX" (UIDVALIDITY %b)' % uidl.partition(b".")[0]


class TestHostile:
    @pytest.mark.parametrize(
        "line", [b"", b"\xff", b"__init__", b"AUTH", b"AUTH X", b"PASS x", b"RETR 1", b"CAPA x"]
    )
    def test_before_the_login(self, site, line):
        client = site.pop3()
        assert client.say(line)[0].startswith(b"-ERR")
        assert client.say(b"CAPA")[0] == b"+OK"

    @pytest.mark.parametrize(
        "line", [b"RETR", b"RETR -1", b"RETR " + b"9" * 900, b"TOP 1 x", b"DELE \xb2", b"USER a"]
    )
    def test_after_the_login(self, site, line):
        site.deliver(NOTE)
        client = site.collector()
        assert client.say(line)[0].startswith(b"-ERR")
        assert client.say(b"NOOP") == [b"+OK Done"]

    def test_a_line_that_is_too_long(self, site):
        client = site.pop3()
        assert client.say(b"USER " + b"x" * 2000) == [b"-ERR The line is too long"]
        assert client.ended

    def test_too_many_errors(self, site):
        client = site.pop3()
        assert client.say(*[b"FOO"] * 25)[-1] == b"-ERR Too many errors"
        assert client.ended

    def test_too_many_commands_without_a_login(self, site):
        client = site.pop3()
        assert client.say(*[b"CAPA"] * 101)[-1] == b"-ERR Too many commands without a login"

    def test_much_that_comes_ahead_waits_unread(self, site):
        client = site.pop3()
        client.say(b"USER ann", b"PASS wrong")
        client.send((b"CAPA" + b" " * 900 + b"\r\n") * 80)
        assert client.transport.producerState == "paused"
        site.clock.advance(1)
        assert client.transport.producerState == "producing"
        assert client.heard().count(b"+OK") == 80

    def test_an_idle_client_loses_nothing(self, site):
        base = site.deliver(NOTE)
        client = site.collector(command_timeout=60.0)
        client.say(b"DELE 1")
        site.clock.advance(60)
        assert client.heard()[0].startswith(b"-ERR")
        assert client.ended
        assert (site.maildir / "new" / base).exists()


def test_connections_beyond_the_limit(site):
    site.pop3(connections=1)
    refused = Client(site.factory(POP3, connections=1), encrypted=False)
    assert refused.greeting == [b"-ERR [SYS/TEMP] Too many connections"]


def unstuffed(octets: bytes) -> bytes:
    """As a client reads it that takes CRLF and a bare LF for the end of a line."""
    lines = octets.split(b"\n")
    assert lines[-2:] == [b".\r", b""]
    assert all(not line.startswith(b".") or line.startswith(b"..") for line in lines[:-2])
    return b"\n".join(line.removeprefix(b".") for line in lines[:-2]) + b"\n"


@given(st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a"])), st.integers(1, 4))
def test_stuffing_comes_undone_however_it_was_cut(pieces, size):
    content = b"".join(pieces)
    stuffing = DotStuffing()
    sent = b"".join(stuffing.feed(content[at : at + size]) for at in range(0, len(content), size))
    got = unstuffed(sent + stuffing.finish())
    assert got == content if content.endswith(b"\r\n") else got in (content + b"\r\n", b"\n" * (not content))

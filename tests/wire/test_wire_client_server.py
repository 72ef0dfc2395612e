"""The client's session and the server's talk to each other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailext.values import ClientIdentity, Outcome, Protocol
from mailext.wire.client_events import BeginTls, ContentWanted, MessageDone
from mailext.wire.client_states import ClientState
from mailext.wire.events import NEED_DATA, AuthCommand, MailCommand, RcptCommand
from mailext.wire.states import Command, State
from tests.vectors.model import ACCOUNT, PASSWORD, Listener
from tests.wire.client_driver import HOST, Mailbox, envelope, session
from tests.wire.driver import Owner, cut, octets, owner_of

BOB = Mailbox("bob", "example.org")
NOBODY = Mailbox("nobody", "example.org")
IDENTITY = ClientIdentity("UUID", "0b2f0f0c-7d0e-4c66-9a0a-1d4d6b2b9a10")


class Talk:
    """
    A client and a server, whose octets are cut.

    :param pieces: cuts what is carried.
    """

    def __init__(self, listener: Listener, pieces=octets, **settings: object) -> None:
        self.server: Owner = owner_of(listener)
        protocol = Protocol.LMTP if listener is Listener.LMTP else Protocol.ESMTP
        self.client = session(protocol, tls=listener is Listener.TLS, **settings)
        self.client.receive(b"220 mx.example.org\r\n")
        self._pieces = pieces

    def go(self) -> object:
        """Carry octets until the client has something to tell; the last that it tells."""
        told = None
        while True:
            event = self.client.next_event()
            if event is not NEED_DATA:
                told = event
                if isinstance(event, ContentWanted | BeginTls):
                    return event
                continue
            for piece in self._pieces(self.client.data_to_send()):
                self.server.receive(piece)
                self.server.answer_all()
            said, self.server.sent = self.server.sent, b""
            if not said:
                return told
            for piece in self._pieces(said):
                self.client.receive(piece)

    def hello(self) -> None:
        self.go()
        self.client.hello(Command.LHLO if self.client.protocol is Protocol.LMTP else Command.EHLO)
        self.go()
        assert self.client.state is ClientState.READY

    def send(self, *contents: bytes, to: tuple[Mailbox, ...] = (BOB,)) -> object:
        self.client.start_message(envelope(*to))
        assert self.go() == ContentWanted()
        for content in contents:
            self.client.send_content(content)
        self.client.end_content()
        return self.go()


DISCARDS = pytest.mark.parametrize(
    "discard", [frozenset(), frozenset({"CHUNKING"}), frozenset({"CHUNKING", "PIPELINING"})]
)


@DISCARDS
@pytest.mark.parametrize("listener", Listener)
def test_messages(listener: Listener, discard: frozenset[str]) -> None:
    talk = Talk(listener, discard=discard)
    talk.hello()
    for content in (b"", b".", b"a\r\n.\r\n..\r\nb", b"x\r\n" * 50):
        done = talk.send(content, to=(BOB, NOBODY, Mailbox("ann", "example.org")))
        assert isinstance(done, MessageDone)
        assert [outcome.code for outcome in done.outcomes.values()] == [250, 550, 250]
        assert talk.server.messages[-1] == content + b"\r\n" * (
            not content.endswith(b"\r\n") and bool(content)
        )
    assert talk.client.state is ClientState.READY
    talk.client.quit()
    talk.go()
    assert talk.client.state is ClientState.CLOSED
    assert talk.server.session.state is State.CLOSED


lines = st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"MAIL FROM:<>", b"\0\xff"]), max_size=12)
places = st.lists(st.integers(1, 100), max_size=6)


@DISCARDS
@settings(max_examples=40)
@given(lines, places, places)
def test_whatever_is_sent_arrives(
    discard: frozenset[str], lines: list[bytes], parts: list[int], segments: list[int]
) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    talk = Talk(Listener.CLEAR, lambda data: cut(data, segments), discard=discard)
    talk.hello()
    talk.send(*cut(content, parts))
    assert talk.server.messages == [content]
    assert sum(isinstance(event, MailCommand) for event in talk.server.events) == 1


def test_starttls_clientid_auth() -> None:
    talk = Talk(Listener.CLEAR)
    talk.hello()
    assert "CLIENTID" not in talk.client.offered
    talk.client.start_tls()
    assert talk.go() == BeginTls()
    talk.server.session.tls_established()
    talk.client.tls_established()
    talk.hello()
    talk.client.identify(IDENTITY)
    talk.go()
    assert talk.server.session.identity == IDENTITY
    talk.client.authenticate("PLAIN", b"\0" + ACCOUNT + b"\0" + PASSWORD)
    talk.go()
    assert talk.client.authenticated
    assert any(isinstance(event, AuthCommand) for event in talk.server.events)
    assert talk.send(b"x") == MessageDone({BOB: Outcome(250, "2.0.0", "OK", HOST)})


def test_a_message_for_nobody_is_not_sent() -> None:
    for discard in (frozenset(), frozenset({"CHUNKING"}), frozenset({"CHUNKING", "PIPELINING"})):
        talk = Talk(Listener.CLEAR, discard=discard)
        talk.hello()
        talk.client.start_message(envelope(NOBODY, Mailbox("bob", "elsewhere.example")))
        done = talk.go()
        assert isinstance(done, MessageDone)
        assert [outcome.code for outcome in done.outcomes.values()] == [550, 550]
        assert talk.client.state is ClientState.READY
        assert talk.server.messages == []


def test_content_that_is_given_up_leaves_the_session_of_use() -> None:
    talk = Talk(Listener.CLEAR)
    talk.hello()
    talk.client.start_message(envelope(BOB))
    assert talk.go() == ContentWanted()
    talk.client.send_content(b"x\r\n")
    gone = Outcome(451, "4.3.0", "gone")
    talk.client.abort_message(gone)
    assert talk.go() == MessageDone({BOB: gone})
    assert talk.server.messages == []
    talk.send(b"x\r\n")
    assert talk.server.messages == [b"x\r\n"]
    assert sum(isinstance(event, RcptCommand) for event in talk.server.events) == 2

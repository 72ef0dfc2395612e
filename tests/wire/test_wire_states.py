"""The order of commands, from its table."""

from __future__ import annotations

import pytest

from mailext.values import Protocol
from mailext.wire.events import MessageData, MessageEnd, MessageStart, Question, Reset
from mailext.wire.extensions import Offer
from mailext.wire.replies import LOCAL_ERROR, OK, Reply
from mailext.wire.server import ServerSession
from mailext.wire.states import COMMANDS, COMPLETIONS, TRANSACTION, TRANSITIONS, Command, State
from tests.vectors.auth import GOOD
from tests.vectors.model import EHLO, LHLO, MAIL, RCPT, Listener
from tests.wire.driver import Owner, owner_of, run

#: A line of each command that is right in itself.
LINES = {
    Command.HELO: b"HELO client.example",
    Command.EHLO: b"EHLO client.example",
    Command.LHLO: b"LHLO client.example",
    Command.MAIL: b"MAIL FROM:<>",
    Command.RCPT: b"RCPT TO:<ann@example.org>",
    Command.DATA: b"DATA",
    Command.BDAT: b"BDAT 0",
    Command.RSET: b"RSET",
    Command.NOOP: b"NOOP",
    Command.VRFY: b"VRFY ann",
    Command.HELP: b"HELP",
    Command.QUIT: b"QUIT",
    Command.STARTTLS: b"STARTTLS",
    Command.AUTH: b"AUTH PLAIN",
    Command.CLIENTID: b"CLIENTID UUID x",
}

#: How a client gets into each state in which commands are read.
_WAYS = {
    State.START: b"",
    State.READY: EHLO,
    State.SENDER: EHLO + MAIL,
    State.RECIPIENTS: EHLO + MAIL + RCPT,
    State.CHUNKS: EHLO + MAIL + RCPT + b"BDAT 0\r\n",
}
PAIRS = [
    pytest.param(state, command, id=f"{command.value} in {state.value}")
    for state in _WAYS
    for command in COMMANDS[Protocol.ESMTP].values()
]


def owner_in(state: State, command: Command) -> Owner:
    """An owner whose session offers the command and stands in the state."""
    listener = Listener.TLS if command is Command.CLIENTID else Listener.CLEAR
    owner = owner_of(listener)
    if command is Command.AUTH:
        owner.session.offer = Offer(starttls=True, mechanisms=("PLAIN",), plaintext_auth=True)
    run(owner, [[_WAYS[state]]])
    assert owner.session.state is state
    owner.sent = b""
    return owner


@pytest.mark.parametrize(("state", "command"), PAIRS)
def test_a_command_moves_the_session_as_the_table_says(state: State, command: Command) -> None:
    owner = owner_in(state, command)
    transcript = run(owner, [[LINES[command] + b"\r\n"]])
    (reply,) = transcript.replies
    if command in TRANSITIONS[state]:
        assert reply[0] in "23"
        assert owner.session.state is TRANSITIONS[state][command]
    else:
        assert reply.startswith("503 5.5.1")
        assert owner.session.state is state


@pytest.mark.parametrize(("state", "command"), PAIRS)
def test_a_command_that_is_refused_moves_nothing(state: State, command: Command) -> None:
    owner = owner_in(state, command)
    owner.session.receive(LINES[command] + b"\r\n")
    event = owner.session.next_event()
    if not isinstance(event, Question) or isinstance(event, MessageStart):
        return
    owner.session.reply(LOCAL_ERROR)
    assert owner.session.state is state
    assert owner.session.data_to_send() == bytes(LOCAL_ERROR)


@pytest.mark.parametrize("state", [state for state in _WAYS if state not in (State.START, State.READY)])
def test_a_command_out_of_sequence_leaves_the_transaction_alone(state: State) -> None:
    owner = owner_in(state, Command.MAIL)
    transcript = run(owner, [[b"MAIL FROM:<>\r\nRSET\r\n"]])
    assert [reply[:3] for reply in transcript.replies] == ["503", "250"]
    assert transcript.events[-1] == Reset()


def test_states_in_which_no_command_is_read_have_no_rows() -> None:
    assert {state for state in State if TRANSITIONS[state]} == set(_WAYS)
    assert set(TRANSITIONS) == set(State)


def test_every_state_is_left_again() -> None:
    assert {state for state in State if not TRANSITIONS[state]} - {State.CLOSED} == set(COMPLETIONS) - {
        State.CHUNKS
    }
    assert {move for moves in TRANSITIONS.values() for move in moves.values()} | set(
        COMPLETIONS.values()
    ) == set(State)


def test_transactions_begin_with_mail_and_end_with_reset() -> None:
    for state in TRANSACTION:
        assert TRANSITIONS[state].get(Command.RSET, State.READY) is State.READY
        assert Command.MAIL not in TRANSITIONS[state]
        assert Command.CLIENTID not in TRANSITIONS[state]
        assert Command.AUTH not in TRANSITIONS[state]


def test_esmtp_and_lmtp_greet_differently() -> None:
    esmtp, lmtp = (set(COMMANDS[protocol].values()) for protocol in (Protocol.ESMTP, Protocol.LMTP))
    assert esmtp - lmtp == {Command.EHLO, Command.HELO}
    assert lmtp - esmtp == {Command.LHLO}


def test_a_handshake_leads_back_to_the_start() -> None:
    owner = owner_of(Listener.CLEAR)
    run(owner, [[EHLO + b"STARTTLS\r\n"], [b""]])
    assert owner.session.state is State.START
    assert owner.session.offer.tls


def test_a_login_in_clear_is_forgotten_with_the_handshake() -> None:
    owner = Owner(Protocol.ESMTP, Offer(starttls=True, mechanisms=("PLAIN",), plaintext_auth=True))
    login = b"AUTH PLAIN " + GOOD + b"\r\n"
    transcript = run(owner, [[EHLO + login * 2 + b"STARTTLS\r\n"], [EHLO + login]])
    assert [reply[:3] for reply in transcript.replies] == ["250", "235", "503", "220", "250", "235"]


def test_nothing_but_a_handshake_follows_starttls() -> None:
    owner = owner_of(Listener.CLEAR)
    run(owner, [[EHLO + b"STARTTLS\r\n"]])
    owner.session.receive(EHLO)
    owner.listen()
    assert owner.transcript().replies[-1].startswith("421 4.7.0")
    assert owner.session.state is State.CLOSED


def test_octets_that_come_while_starttls_is_answered_end_the_session() -> None:
    session = ServerSession(Protocol.ESMTP, Offer(starttls=True))
    session.receive(EHLO)
    session.next_event()
    session.reply(OK)
    session.receive(b"STARTTLS\r\n")
    session.next_event()
    session.receive(b"N")
    session.data_to_send()
    session.reply(Reply.of(220, "2.0.0", "Go"))
    assert session.data_to_send().startswith(b"421 4.7.0")
    assert session.state is State.CLOSED


def test_a_refused_starttls_leaves_what_came_behind_it() -> None:
    session = ServerSession(Protocol.ESMTP, Offer(starttls=True))
    session.receive(EHLO)
    session.next_event()
    session.reply(OK)
    session.receive(b"STARTTLS\r\n")
    session.next_event()
    session.receive(b"NOOP\r\n")
    session.reply(Reply.of(454, "4.7.0", "TLS not available"))
    session.next_event()
    assert session.data_to_send().split(b"\r\n")[1:] == [b"454 4.7.0 TLS not available", b"250 2.0.0 OK", b""]


# Messages


def in_recipients(lines: bytes, listener: Listener = Listener.CLEAR) -> Owner:
    owner = owner_of(listener)
    hello = LHLO if listener is Listener.LMTP else EHLO
    run(owner, [[hello + MAIL + RCPT + RCPT]])
    owner.sent = b""
    owner.receive(lines)
    return owner


def test_data_that_is_refused_ends_the_transaction() -> None:
    owner = in_recipients(b"DATA\r\n")
    owner.session.reply(LOCAL_ERROR)
    assert owner.session.state is State.READY
    assert owner.session.data_to_send() == bytes(LOCAL_ERROR)


@pytest.mark.parametrize("last", [b"", b" LAST"])
def test_a_chunk_that_is_refused_is_swallowed_first(last: bytes) -> None:
    owner = in_recipients(b"BDAT 6%s\r\nRSE" % last)
    owner.session.reply(LOCAL_ERROR)
    assert owner.session.data_to_send() == b""
    owner.question = None
    owner.receive(b"T\r\nNOOP\r\n")
    assert owner.sent == bytes(LOCAL_ERROR) + bytes(OK)
    assert owner.session.state is State.READY


def test_in_lmtp_a_last_chunk_is_refused_once_per_recipient() -> None:
    owner = in_recipients(b"BDAT 2\r\n\r\nBDAT 2 LAST\r\n\r\n", Listener.LMTP)
    owner.session.reply(LOCAL_ERROR)
    owner.question = None
    owner.listen()
    assert [reply[:3] for reply in owner.transcript().replies] == ["451", "503", "503"]


def test_a_message_that_its_owner_refuses_is_read_to_its_end() -> None:
    owner = in_recipients(b"DATA\r\n")
    owner.session.accept_message()
    owner.question = None
    owner.receive(b"Subject: x\r\n\r\n")
    owner.session.refuse_message(LOCAL_ERROR)
    owner.receive(b"body\r\n")
    owner.receive(b".\r\nNOOP\r\n")
    assert owner.sent.endswith(bytes(LOCAL_ERROR) + bytes(OK))
    assert not any(isinstance(event, MessageEnd) for event in owner.events)
    assert owner.session.state is State.READY


def test_the_first_refusal_of_a_message_stands() -> None:
    owner = in_recipients(b"DATA\r\n")
    owner.session.accept_message()
    owner.question = None
    owner.session.refuse_message(LOCAL_ERROR)
    owner.session.refuse_message(OK)
    owner.receive(b".\r\n")
    assert owner.sent.endswith(bytes(LOCAL_ERROR))


def test_in_lmtp_a_refused_message_is_refused_once_per_recipient() -> None:
    owner = in_recipients(b"BDAT 2\r\n\r\n", Listener.LMTP)
    owner.session.accept_message()
    owner.question = None
    owner.listen()
    owner.session.refuse_message(LOCAL_ERROR)
    owner.receive(b"BDAT 2 LAST\r\n\r\n")
    assert owner.sent == bytes(OK) + bytes(LOCAL_ERROR) * 2


def test_in_lmtp_each_recipient_has_its_reply() -> None:
    owner = in_recipients(b"DATA\r\n", Listener.LMTP)
    owner.session.accept_message()
    owner.question = None
    owner.receive(b".\r\n")
    with pytest.raises(ValueError, match="2 replies wanted, 1 given"):
        owner.session.reply(OK)
    # Nothing is lost by the mistake.
    owner.sent = b""
    owner.session.reply(OK, LOCAL_ERROR)
    owner.question = None
    owner.listen()
    assert owner.sent == bytes(OK) + bytes(LOCAL_ERROR)
    assert owner.session.state is State.READY


def test_content_is_told_as_it_comes() -> None:
    owner = in_recipients(b"DATA\r\n")
    owner.session.accept_message()
    session = owner.session
    session.receive(b"..one\r\ntwo\r")
    assert session.next_event() == MessageData(b".one\r\ntwo")
    session.receive(b"\n.\r\n")
    assert session.next_event() == MessageData(b"\r\n")
    assert session.next_event() == MessageEnd()


# Questions and answers


@pytest.mark.parametrize("line", [b"FOO a\nb", b"FOO \0", b"FOO-BAR", b"", b"F\xffO", b" FOO"])
def test_its_owner_is_not_asked_about_what_can_be_no_command(line: bytes) -> None:
    owner = owner_of(Listener.CLEAR)
    transcript = run(owner, [[line + b"\r\n"]])
    assert transcript.events == ()
    assert transcript.replies[-1].startswith("500 5.5.1")


def test_only_a_question_can_be_answered() -> None:
    session = ServerSession(Protocol.ESMTP, Offer())
    with pytest.raises(RuntimeError):
        session.reply(OK)
    with pytest.raises(RuntimeError):
        session.challenge(b"")
    with pytest.raises(RuntimeError):
        session.accept_message()
    with pytest.raises(RuntimeError):
        session.tls_established()


def test_a_question_is_answered_once() -> None:
    session = ServerSession(Protocol.ESMTP, Offer())
    session.receive(EHLO)
    session.next_event()
    session.reply(OK)
    with pytest.raises(RuntimeError):
        session.reply(OK)


def test_the_greeting_goes_out_first() -> None:
    session = ServerSession(Protocol.ESMTP, Offer())
    session.greet(Reply.of(220, None, "mx.example.org ESMTP"))
    session.receive(b"NOOP\r\n")
    session.next_event()
    assert session.data_to_send() == b"220 mx.example.org ESMTP\r\n250 2.0.0 OK\r\n"
    assert session.data_to_send() == b""


def test_after_the_last_word_there_is_none() -> None:
    session = ServerSession(Protocol.ESMTP, Offer())
    session.close(Reply.of(421, "4.3.2", "Bye"))
    session.close(Reply.of(421, "4.7.0", "Bye again"))
    session.receive(EHLO)
    session.next_event()
    assert session.data_to_send() == b"421 4.3.2 Bye\r\n"

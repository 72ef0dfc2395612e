"""Servers that lie, that never end, and that part at every step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailext.values import Outcome, Protocol
from mailext.wire.client import ClientSession
from mailext.wire.client_events import (
    AuthChallenge,
    ClientEvent,
    Fault,
    FaultKind,
    MessageDone,
    MessageInDoubt,
)
from mailext.wire.client_replies import LONGEST_CHALLENGE, ReplyError, ReplyReader
from mailext.wire.client_states import SETTLEMENTS, TRANSITIONS, ClientState
from mailext.wire.events import NEED_DATA
from mailext.wire.replies import Reply
from mailext.wire.states import Command
from tests.wire.client_driver import (
    BOB,
    CHUNKING,
    EVE,
    GREETING,
    HOST,
    LOST,
    OK,
    PIPELINING,
    PLAIN_EHLO,
    REFUSED,
    START_INPUT,
    ClientOwner,
    Heard,
    Step,
    bye,
    converse,
    ehlo,
    lhlo,
    message,
    run,
    session,
    starttls,
)
from tests.wire.driver import cut, octets

UNDER_TLS = b"250-x\r\n250-PIPELINING\r\n250-CLIENTID\r\n250 AUTH PLAIN LOGIN\r\n"


def login(session: ClientSession) -> None:
    session.authenticate("LOGIN", None)


#: Protocol, whether the connection is under TLS, what is done, and what the server says then.
DIALOGUES: dict[str, tuple[Protocol, bool, list[Step], list[bytes]]] = {
    "step by step": (
        Protocol.ESMTP,
        False,
        [ehlo, message(BOB, EVE), bye],
        [GREETING, PLAIN_EHLO, OK, OK, REFUSED, START_INPUT, OK, b"221 Bye\r\n"],
    ),
    "pipelined": (
        Protocol.ESMTP,
        False,
        [ehlo, message(BOB, EVE), message(BOB)],
        [GREETING, PIPELINING, OK + OK + REFUSED + START_INPUT, OK, OK + REFUSED + b"503 x\r\n", OK],
    ),
    "chunks": (Protocol.ESMTP, False, [ehlo, message(BOB)], [GREETING, CHUNKING, OK + OK, b"250-a\r\n250 b\r\n"]),
    "lmtp": (
        Protocol.LMTP,
        False,
        [lhlo, message(BOB, EVE)],
        [GREETING, PIPELINING, OK * 3 + START_INPUT, OK + REFUSED],
    ),
    "starttls": (Protocol.ESMTP, False, [ehlo, starttls, ehlo], [GREETING, PIPELINING, b"220 go\r\n", UNDER_TLS]),
    "login": (
        Protocol.ESMTP,
        True,
        [ehlo, login],
        [GREETING, UNDER_TLS, b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235-x\r\n235 2.7.0 y\r\n"],
    ),
}  # fmt: skip


def owner(name: str) -> ClientOwner:
    protocol, tls, steps, _ = DIALOGUES[name]
    return ClientOwner(session(protocol, tls=tls), steps, responses=[b"ann", b"secret"])


def heard(name: str, flights: list[list[bytes]]) -> Heard:
    return converse(owner(name), flights)


WHOLE = {name: heard(name, [[flight] for flight in dialogue[3]]) for name, dialogue in DIALOGUES.items()}


@pytest.mark.parametrize("name", DIALOGUES)
def test_however_replies_are_cut(name: str) -> None:
    flights = DIALOGUES[name][3]
    assert heard(name, [octets(flight) for flight in flights]) == WHOLE[name]
    for place in range(1, max(map(len, flights))):
        assert heard(name, [cut(flight, [place]) for flight in flights]) == WHOLE[name]


@pytest.mark.parametrize("name", DIALOGUES)
@settings(max_examples=20)
@given(data=st.data())
def test_in_pieces(name: str, data: st.DataObject) -> None:
    places = st.lists(st.integers(1, 60), max_size=8)
    assert heard(name, [cut(flight, data.draw(places)) for flight in DIALOGUES[name][3]]) == WHOLE[name]


def told_of_message(events: list[ClientEvent]) -> list[ClientEvent]:
    return [event for event in events if isinstance(event, MessageDone | MessageInDoubt)]


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_server_that_parts_at_every_octet(name: str) -> None:
    flights = DIALOGUES[name][3]
    begun = sum(1 for step in DIALOGUES[name][2] if "message" in repr(step))
    for count in range(len(flights)):
        for length in range(len(flights[count])):
            client = owner(name)
            said = converse(client, [[flight] for flight in [*flights[:count], flights[count][:length]]])
            client.session.close(LOST)
            client.listen()
            assert client.session.state is ClientState.CLOSED
            assert client.session.data_to_send() == b""
            assert len(told_of_message(client.events)) == said.octets.count(b"MAIL FROM")
            assert said.octets.count(b"MAIL FROM") <= begun
            for event in told_of_message(client.events):
                # Whoever is in doubt has been sent to its end.
                if any(outcome.in_doubt for outcome in event.outcomes.values()):
                    assert said.octets.endswith((b"\r\n.\r\n", b".dot\r\n"))


@settings(max_examples=300)
@given(st.sampled_from(sorted(DIALOGUES)), st.integers(0, 7), st.binary(max_size=60) | st.lists(
    st.sampled_from([b"250 x\r\n", b"250-x\r\n", b"354 x\r\n", b"421 x\r\n", b"550 x\r\n", b"334 eA==\r\n", b"220 x\r\n",
                     b"099 x\r\n", b"\r", b"\n", b"250", b"25", b"\0", b"\xff"]), max_size=8).map(b"".join))  # fmt: skip
def test_whatever_a_server_says(name: str, count: int, said: bytes) -> None:
    client = owner(name)
    flights = [[flight] for flight in DIALOGUES[name][3][:count]]
    sent = converse(client, [*flights, [said], [said]]).octets
    client.session.close(LOST)
    client.listen()
    assert client.session.state is ClientState.CLOSED
    # The last message may have been begun, and not said any more.
    assert len(told_of_message(client.events)) - sent.count(b"MAIL FROM") in (0, 1)
    faults = [event for event in client.events if isinstance(event, Fault)]
    assert len(faults) <= 1
    assert all(fault.outcome.is_temporary for fault in faults)


@pytest.mark.parametrize(
    "said",
    [
        b"250 x\n",
        b"250 x\n\r\n",
        b"250 x\r250 y\r\n",
        b"250-x\r\n251 y\r\n",
        b"250-x\r\n550 y\r\n",
        b"099 x\r\n",
        b"199 x\r\n",
        b"600 x\r\n",
        b"999 x\r\n",
        b"25 x\r\n",
        b"2500 x\r\n",
        b"250x\r\n",
        b"250\tx\r\n",
        b"\r\n",
        b"hello\r\n",
        b" 250 x\r\n",
        "\N{FULLWIDTH DIGIT TWO}50 x\r\n".encode(),
    ],
)
def test_what_is_no_reply(said: bytes) -> None:
    reader = ReplyReader()
    reader.append(said)
    with pytest.raises(ReplyError):
        reader.next_reply()
    (fault,) = run([ehlo], GREETING, said).events[1:]
    assert fault.kind is FaultKind.MALFORMED
    assert fault.outcome.is_temporary


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        (b"250\r\n", Reply(250, None, ("",))),
        (b"250 \r\n", Reply(250, None, ("",))),
        (b"250-a\r\n250\r\n", Reply(250, None, ("a", ""))),
        (b"550 5.1.1 No\r\n", Reply(550, "5.1.1", ("No",))),
        (b"550-5.1.1 No\r\n550 5.1.1 way\r\n", Reply(550, "5.1.1", ("No", "way"))),
        (b"550 4.1.1 No\r\n", Reply(550, None, ("4.1.1 No",))),
        (b"550 5.1.1\r\n", Reply(550, "5.1.1", ("",))),
        (b"571 x\r\n", Reply(571, None, ("x",))),
        (b"250 a\0b\x1b[2Jc\xff\r\n", Reply(250, None, ("a?b?[2Jc\N{REPLACEMENT CHARACTER}",))),
        (b"250-x\r\n" * 199 + b"250 x\r\n", Reply(250, None, ("x",) * 200)),
    ],
)  # fmt: skip
def test_replies(said: bytes, reply: Reply) -> None:
    reader = ReplyReader()
    reader.append(said + b"421")
    assert reader.next_reply() == reply
    assert reader.next_reply() is None
    assert reader


@pytest.mark.parametrize(
    "piece",
    [b"x", b"250", b"250-x\r\n", b"250-" + b"x" * 1000 + b"\r\n", b"334 " + b"x" * 1000, b"\0" * 1000],
)
def test_replies_without_end(piece: bytes) -> None:
    reader = ReplyReader()
    for _ in range(0, 1 << 17, len(piece)):
        reader.append(piece)
        try:
            reader.next_reply()
        except ReplyError:
            break
    else:
        pytest.fail("there was no end to it")


def test_a_long_challenge_is_taken() -> None:
    reader = ReplyReader()
    reader.append(b"334 " + b"x" * (LONGEST_CHALLENGE - 6) + b"\r\n")
    assert len(reader.next_reply().lines[0]) == LONGEST_CHALLENGE - 6


# Replies that make no sense


@pytest.mark.parametrize(
    ("steps", "flights"),
    [
        ([], [b"250 x\r\n"]),
        ([], [b"354 x\r\n"]),
        ([ehlo], [GREETING, b"354 x\r\n"]),
        ([ehlo], [GREETING, b"334 x\r\n"]),
        ([ehlo], [GREETING + b"250 evil\r\n"]),
        ([ehlo], [GREETING, PIPELINING + b"250 x\r\n"]),
        ([ehlo, starttls], [GREETING, PIPELINING, b"250 x\r\n"]),
        ([ehlo, starttls], [GREETING, PIPELINING, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, OK, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, OK, OK, OK]),
        ([ehlo, message()], [GREETING, CHUNKING, OK + OK, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, OK, OK, START_INPUT, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, OK, REFUSED, b"354 x\r\n"]),
        ([ehlo, message()], [GREETING, PLAIN_EHLO, OK, REFUSED, b"500 x\r\n"]),
    ],
)
def test_replies_that_make_no_sense(steps: list[Step], flights: list[bytes]) -> None:
    result = run(steps, *flights)
    assert isinstance(result.events[-1], Fault)
    assert result.events[-1].kind is FaultKind.UNEXPECTED
    assert result.state is ClientState.CLOSED


def test_lmtp_must_not_take_a_message_for_nobody() -> None:
    result = run(
        [lhlo, message(BOB)], GREETING, PIPELINING, OK + REFUSED + START_INPUT, protocol=Protocol.LMTP
    )
    assert result.events[-1].kind is FaultKind.UNEXPECTED
    assert b"\r\n.\r\n" not in result.octets


def test_a_reply_too_many_behind_a_message_does_not_change_what_came_of_it() -> None:
    result = run([ehlo, message(BOB)], GREETING, PIPELINING, OK * 2 + START_INPUT, OK + OK)
    done, fault = result.events[-2:]
    assert done == MessageDone({BOB: Outcome(250, "2.0.0", "OK", HOST)})
    assert fault.kind is FaultKind.UNEXPECTED


def test_replies_said_in_advance_are_not_taken_for_answers() -> None:
    # Were the second 250 taken as the reply to the next message, it would be lost.
    result = run(
        [ehlo, message(BOB), message(EVE)],
        GREETING,
        PIPELINING,
        OK * 2 + START_INPUT,
        OK + OK + OK + START_INPUT + OK,
    )
    assert result.octets.count(b"MAIL FROM") == 1
    assert result.state is ClientState.CLOSED


def test_octets_behind_the_220_to_starttls() -> None:
    for behind in (b"2", b"250-evil\r\n250 AUTH PLAIN\r\n", b"\x16\x03\x03"):
        result = run([ehlo, starttls, ehlo], GREETING, PIPELINING, b"220 go\r\n" + behind)
        assert result.events[-1] == Fault(
            FaultKind.INJECTED, Outcome(451, "4.7.0", "Octets in clear behind the reply to STARTTLS")
        )
        assert result.octets == b"EHLO client.example.org\r\nSTARTTLS\r\n"


def test_octets_in_clear_before_the_handshake() -> None:
    client = session()
    client.receive(GREETING)
    client.next_event()
    ehlo(client)
    client.receive(PIPELINING)
    client.next_event()
    client.start_tls()
    client.receive(b"220 go\r\n")
    client.next_event()
    assert client.state is ClientState.HANDSHAKE
    assert client.next_event() is NEED_DATA
    client.receive(b"250 evil\r\n")
    assert client.next_event().kind is FaultKind.INJECTED
    assert client.next_event() is NEED_DATA
    client.receive(b"250 evil\r\n")
    assert client.next_event() is NEED_DATA


@pytest.mark.parametrize("count", range(4))
def test_a_server_that_closes(count: int) -> None:
    said = b"421 4.3.2 Shutting down\r\n"
    result = run([ehlo, message(BOB)], *[GREETING, PIPELINING, OK * 2 + START_INPUT][:count], said)
    outcome = Outcome(421, "4.3.2", "Shutting down", HOST)
    assert result.events[-1] == Fault(FaultKind.CLOSING, outcome)
    if count >= 2:
        # Behind the end of the message too that is an answer: it was not taken.
        done = MessageDone({BOB: outcome})
        assert told_of_message(list(result.events)) == [done]


def test_a_server_that_will_not_wait_for_the_end_of_a_message() -> None:
    client = ClientOwner(session(), [ehlo, message(BOB)], content=[])
    converse(client, [[GREETING], [PIPELINING]])
    client.session.receive(OK * 2 + START_INPUT)
    client.session.next_event()
    client.session.send_content(b"Subject: x\r\n")
    client.receive(b"552 5.3.4 Too big\r\n")
    outcome = Outcome(552, "5.3.4", "Too big", HOST)
    done, fault = client.events[-2:]
    assert done == MessageDone({BOB: outcome})
    # What is wrong with this message is wrong with no other.
    assert (fault.kind, fault.outcome.is_temporary) == (FaultKind.CLOSING, True)


def test_challenges_without_end() -> None:
    client = ClientOwner(session(tls=True), [ehlo, login], responses=[b"x"] * 1000)
    result = converse(client, [[GREETING], [UNDER_TLS], *[[b"334 \r\n"]] * 100])
    assert sum(isinstance(event, AuthChallenge) for event in result.events) == 20
    assert result.events[-1].kind is FaultKind.UNEXPECTED


def test_a_challenge_that_is_not_base64() -> None:
    result = run([ehlo, login], GREETING, UNDER_TLS, b"334 Username:\r\n", tls=True)
    assert result.events[-1].kind is FaultKind.UNEXPECTED


# The table


def test_every_state_has_its_rows() -> None:
    assert set(TRANSITIONS) == set(ClientState)
    waiting = set(ClientState) - {
        ClientState.START,
        ClientState.UNWELCOME,
        ClientState.READY,
        ClientState.CLOSED,
    }
    assert set(SETTLEMENTS) == waiting
    reached = {state for row in TRANSITIONS.values() for state in row.values()}
    reached |= {state for row in SETTLEMENTS.values() for state in row}
    assert reached == set(ClientState) - {ClientState.CONNECTED}


@pytest.mark.parametrize("state", ClientState)
def test_what_may_be_said_is_in_the_table(state: ClientState) -> None:
    for command in (Command.EHLO, Command.STARTTLS, Command.QUIT):
        client = session()
        client.state = state
        say = {Command.EHLO: ehlo, Command.STARTTLS: starttls, Command.QUIT: bye}[command]
        if command in TRANSITIONS[state]:
            say(client)
            assert client.state is TRANSITIONS[state][command]
        else:
            with pytest.raises(RuntimeError):
                say(client)
            assert client.data_to_send() == b""

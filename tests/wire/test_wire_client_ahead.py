"""The envelope of the next message is said behind the end of the last one, before that is answered."""

from __future__ import annotations

import pytest

from mailext.values import Outcome, Protocol
from mailext.wire.client import ClientSession, SequenceError
from mailext.wire.client_events import ClientEvent, ContentWanted, Fault, MessageDone, MessageInDoubt
from mailext.wire.client_states import ClientState
from mailext.wire.events import NEED_DATA
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
    envelope,
    session,
)

CONTENT = b"Subject: x\r\n\r\nbody\r\n"
DELIVERED = Outcome(250, "2.0.0", "OK", HOST)
NO_SUCH = Outcome(550, "5.1.1", "No such mailbox", HOST)
TO_EVE = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<eve@example.net>\r\n"


def heard(client: ClientSession, data: bytes) -> list[ClientEvent]:
    """What the client makes of it."""
    client.receive(data)
    events = []
    while (event := client.next_event()) is not NEED_DATA:
        events.append(event)
    return events


def at_the_end(offer: bytes = PIPELINING, protocol: Protocol = Protocol.ESMTP) -> ClientSession:
    """A session that has sent the end of its first message."""
    client = session(protocol)
    heard(client, GREETING)
    client.hello(Command.LHLO if protocol is Protocol.LMTP else Command.EHLO)
    heard(client, offer)
    client.start_message(envelope(BOB))
    client.data_to_send()
    heard(client, OK)
    heard(client, OK)
    if b"CHUNKING" not in offer:
        heard(client, START_INPUT)
    client.send_content(CONTENT)
    client.end_content()
    return client


@pytest.mark.parametrize("offer", [PIPELINING, CHUNKING])
@pytest.mark.parametrize("one_by_one", [True, False])
def test_one_message_behind_the_other(offer: bytes, one_by_one: bool) -> None:
    client = at_the_end(offer)
    assert client.takes_message
    client.start_message(envelope(EVE))
    chunks = offer is CHUNKING
    end = CONTENT if chunks else CONTENT + b".\r\n"
    assert client.data_to_send().endswith(end + TO_EVE + b"DATA\r\n" * (not chunks))
    assert client.state is ClientState.AHEAD
    assert not client.takes_message
    replies = OK + OK + OK + START_INPUT * (not chunks)
    events = []
    for piece in ([replies[at : at + 1] for at in range(len(replies))]) if one_by_one else [replies]:
        events += heard(client, piece)
    assert events == [MessageDone({BOB: DELIVERED}), ContentWanted()]
    client.send_content(CONTENT)
    client.end_content()
    assert client.takes_message
    assert heard(client, OK) == [MessageDone({EVE: DELIVERED})]
    assert client.state is ClientState.READY


def test_what_comes_of_the_first_makes_no_difference_to_the_second() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    client.data_to_send()
    refused = b"554 5.6.0 I do not like it\r\n"
    assert heard(client, refused + OK + OK + START_INPUT) == [
        MessageDone({BOB: Outcome(554, "5.6.0", "I do not like it", HOST)}),
        ContentWanted(),
    ]
    assert client.data_to_send() == b""


def test_nor_does_what_comes_of_the_second_to_the_first() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    client.data_to_send()
    assert heard(client, OK + OK + REFUSED + REFUSED) == [MessageDone({BOB: DELIVERED})]
    assert client.data_to_send() == b"RSET\r\n"
    assert heard(client, OK) == [MessageDone({EVE: NO_SUCH})]
    assert client.state is ClientState.READY


def test_the_connection_is_lost_before_the_end_is_answered() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    client.close(LOST)
    first, second = heard(client, b"")
    assert isinstance(first, MessageInDoubt)
    assert first.outcomes[BOB].in_doubt
    # Of the second nothing but the envelope was said.
    assert second == MessageDone({EVE: LOST})


def test_or_afterwards() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    assert heard(client, OK) == [MessageDone({BOB: DELIVERED})]
    client.close(LOST)
    assert heard(client, b"") == [MessageDone({EVE: LOST})]


def test_the_server_closes() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    closing = Outcome(421, "4.3.2", "Going down", HOST)
    first, second, fault = heard(client, b"421 4.3.2 Going down\r\n")
    assert (first, second) == (MessageDone({BOB: closing}), MessageDone({EVE: closing}))
    assert isinstance(fault, Fault)


@pytest.mark.parametrize(
    ("offer", "protocol"),
    [(PLAIN_EHLO, Protocol.ESMTP), (PIPELINING, Protocol.LMTP)],
)
def test_where_it_cannot_be(offer: bytes, protocol: Protocol) -> None:
    client = at_the_end(offer, protocol)
    assert not client.takes_message
    with pytest.raises(SequenceError):
        client.start_message(envelope(EVE))
    assert heard(client, OK) == [MessageDone({BOB: DELIVERED})]


def behind_two_chunks() -> ClientSession:
    """A session that has sent the end of a message in two chunks."""
    client = session()
    heard(client, GREETING)
    client.hello(Command.EHLO)
    heard(client, CHUNKING)
    client.start_message(envelope(BOB))
    heard(client, OK + OK)
    client.send_content(b"0123456789\r\n" * 10_000)
    client.end_content()
    client.data_to_send()
    return client


def test_not_behind_chunks_that_might_still_be_refused() -> None:
    client = behind_two_chunks()
    assert not client.takes_message
    heard(client, OK)
    assert client.takes_message


def test_not_behind_chunks_that_were_refused() -> None:
    client = behind_two_chunks()
    assert heard(client, b"552 5.3.4 Too big\r\n") == []
    with pytest.raises(SequenceError):
        client.start_message(envelope(EVE))
    heard(client, b"503 5.5.1 No transaction\r\n")
    assert client.data_to_send() == b"RSET\r\n"
    assert heard(client, OK) == [MessageDone({BOB: Outcome(552, "5.3.4", "Too big", HOST)})]
    assert client.takes_message


def test_no_other_command_goes_there() -> None:
    client = at_the_end()
    client.start_message(envelope(EVE))
    for say in (client.quit, lambda: client.hello(Command.EHLO), lambda: client.start_message(envelope(EVE))):
        with pytest.raises(SequenceError):
            say()

"""LIMITS (RFC 9422): what a server says that it takes, and a client that keeps to it."""

from __future__ import annotations

import pytest

from mailext.values import Mailbox, Outcome, Recipient
from mailext.wire.client import ClientSession
from mailext.wire.client_commands import CannotCarryError
from mailext.wire.client_events import ContentWanted, MessageDone
from mailext.wire.client_limits import BEYOND_LIMITS, ServerLimits, is_beyond_limits
from mailext.wire.events import NEED_DATA
from mailext.wire.states import Command
from tests.wire.client_driver import GREETING, OK, START_INPUT, envelope, session

A1, A2, B1, C1 = (
    Mailbox(name, domain)
    for name, domain in (
        ("one", "a.example"),
        ("two", "A.EXAMPLE"),
        ("one", "b.example"),
        ("one", "c.example"),
    )
)
EVERYBODY = tuple(map(Recipient, (A1, A2, B1, C1)))


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ((), ServerLimits()),
        (("RCPTMAX=100",), ServerLimits(recipients=100)),
        (("mailmax=1", "RcptDomainMax=20", "RCPTMAX=999999"), ServerLimits(1, 999999, 20)),
        (("RCPTMAX=0",), ServerLimits()),
        (("RCPTMAX=01",), ServerLimits()),
        (("RCPTMAX=1000000",), ServerLimits()),
        (("RCPTMAX=1_0",), ServerLimits()),
        (("RCPTMAX=\N{ARABIC-INDIC DIGIT ONE}",), ServerLimits()),
        (("RCPTMAX", "MAILMAX=", "SIZEMAX=5", "=", "MAILMAX=-1"), ServerLimits()),
    ],
)
def test_what_is_said(arguments: tuple[str, ...], limits: ServerLimits) -> None:
    assert ServerLimits.parse(arguments) == limits


@pytest.mark.parametrize(
    ("limits", "named_before", "within"),
    [
        (ServerLimits(), set(), (A1, A2, B1, C1)),
        (ServerLimits(recipients=3), set(), (A1, A2, B1)),
        (ServerLimits(recipients=4), set(), (A1, A2, B1, C1)),
        (ServerLimits(domains=1), set(), (A1, A2)),
        (ServerLimits(domains=2), {"c.example"}, (A1, A2, C1)),
        (ServerLimits(domains=1), {"d.example"}, ()),
        (ServerLimits(recipients=1, domains=1), {"b.example"}, (B1,)),
    ],
)
def test_who_can_be_named(limits: ServerLimits, named_before: set[str], within: tuple[Mailbox, ...]) -> None:
    assert tuple(each.address for each in limits.within(EVERYBODY, named_before)) == within


def opened(limits: bytes) -> ClientSession:
    client = session()
    client.receive(GREETING)
    client.next_event()
    client.hello(Command.EHLO)
    client.receive(b"250-mx.example.net\r\n250-PIPELINING\r\n250 LIMITS " + limits + b"\r\n")
    client.next_event()
    client.data_to_send()
    return client


def sent(client: ClientSession, *recipients: Mailbox) -> tuple[bytes, dict[Mailbox, Outcome]]:
    """Send a message that the server likes; what was said first, and what came of it."""
    client.start_message(envelope(*recipients))
    said = client.data_to_send()
    client.receive(OK * (said.count(b"\r\n") - 1) + START_INPUT)
    assert client.next_event() == ContentWanted()
    client.end_content()
    client.data_to_send()
    client.receive(OK)
    done = client.next_event()
    assert isinstance(done, MessageDone)
    assert client.next_event() is NEED_DATA
    return said, dict(done.outcomes)


def test_whom_there_is_no_room_for_is_not_named() -> None:
    client = opened(b"RCPTMAX=2")
    said, outcomes = sent(client, A1, A2, B1)
    assert said.count(b"RCPT TO:") == 2
    assert [outcomes[each].code for each in (A1, A2, B1)] == [250, 250, 452]
    assert outcomes[B1] == BEYOND_LIMITS
    assert is_beyond_limits(outcomes[B1])
    assert not is_beyond_limits(outcomes[A1])
    said, outcomes = sent(client, B1)
    assert outcomes[B1].code == 250


def test_a_session_that_had_all_its_messages_takes_no_other() -> None:
    client = opened(b"MAILMAX=2")
    sent(client, A1)
    assert client.takes_message
    sent(client, B1)
    assert not client.takes_message
    with pytest.raises(CannotCarryError) as refusal:
        client.start_message(envelope(C1))
    assert refusal.value.outcome == BEYOND_LIMITS
    assert client.data_to_send() == b""


def test_a_session_that_has_named_all_its_domains_is_done() -> None:
    client = opened(b"RCPTDOMAINMAX=1")
    said, outcomes = sent(client, A1, B1, A2)
    assert said.count(b"RCPT TO:") == 2
    assert outcomes[B1] == BEYOND_LIMITS
    assert not client.takes_message
    with pytest.raises(CannotCarryError):
        client.start_message(envelope(B1))
    # To the same domain it would do still.
    sent(client, A1)

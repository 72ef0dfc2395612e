"""The hostile servers against the pure session of the client, wherever their octets are cut."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from mailext.values import Outcome, Protocol
from mailext.wire.client_events import (
    Answered,
    AuthChallenge,
    BeginTls,
    ContentRefused,
    ContentWanted,
    Fault,
    Greeted,
    MessageDone,
    MessageInDoubt,
)
from mailext.wire.events import NEED_DATA
from tests.vectors.server_model import BEFORE, OK, Moment, ServerThreat, ServerVector
from tests.vectors.servers import VECTORS
from tests.wire.client_driver import BOB, EVE, ClientOwner, ehlo, lhlo, message, session, starttls
from tests.wire.driver import cut, octets

_SHORT = 60
_SOME = 8


def login(client) -> None:
    client.authenticate("LOGIN", None)


STEPS = {
    Moment.STARTTLS: [ehlo, starttls, ehlo, message(BOB)],
    Moment.AUTH: [ehlo, login, message(BOB)],
    Moment.LMTP_END: [lhlo, message(BOB, EVE), message(BOB)],
}
USUAL = [ehlo, message(BOB), message(BOB)]


def waiting_at(moment: Moment) -> ClientOwner:
    """A client that has said what leads to this moment."""
    protocol = Protocol.LMTP if moment is Moment.LMTP_END else Protocol.ESMTP
    client = ClientOwner(
        session(protocol, tls=moment is Moment.AUTH), STEPS.get(moment, USUAL), responses=[b"x"] * 100
    )
    for flight in BEFORE[moment]:
        client.receive(flight)
    client.events.clear()
    return client


def outcome_text(outcome: Outcome) -> str:
    return f"{outcome.code} {outcome.enhanced}"


def what_came(client: ClientOwner) -> str:
    """As :attr:`ServerVector.comes_of_it` puts it."""
    faults = [event for event in client.events if isinstance(event, Fault)]
    done = [event for event in client.events if isinstance(event, MessageDone | MessageInDoubt)]
    message_came = [
        "in doubt" if isinstance(event, MessageInDoubt) else outcome_text(event.outcomes[BOB])
        for event in done[:1]
    ]
    if faults:
        assert len(faults) == 1
        assert faults[0].outcome.is_temporary
        return "; ".join([faults[0].kind.value, *message_came])
    if done:
        return message_came[0]
    match [
        event
        for event in client.events
        if not isinstance(event, AuthChallenge | ContentWanted | ContentRefused)
    ]:
        case []:
            return "waits"
        case [*_, Answered(command=command, reply=reply)] if reply.is_error:
            return f"{command.value} {reply.code}"
        case [*_, Greeted(reply=reply)] if reply.is_error:
            return f"greeted {reply.code}"
        case [*_, BeginTls()]:
            return "begins TLS"
    return "waits"


def answered(vector: ServerVector, pieces: Iterable[bytes]) -> ClientOwner:
    client = waiting_at(vector.moment)
    said = b"".join([client.receive(piece) for piece in pieces])
    if said.endswith(b"RSET\r\n"):
        # What is left of a transaction is ended.
        client.receive(OK)
    return client


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_server_gets_what_it_deserves(vector: ServerVector) -> None:
    client = answered(vector, [vector.said])
    assert what_came(client) == vector.comes_of_it
    for event in client.events:
        outcomes = event.outcomes.values() if isinstance(event, MessageDone | MessageInDoubt) else ()
        for outcome in (*outcomes, *([event.outcome] if isinstance(event, Fault) else [])):
            # Nothing of it can end a line of a log or of a report.
            assert len(str(outcome).splitlines()) <= 1
            assert not any(character < " " for character in str(outcome))
    # Whatever it says, there is no more of it than what it answers.
    assert client.listen() == b""
    assert client.session.next_event() is NEED_DATA


@pytest.mark.parametrize("vector", [v for v in VECTORS if not v.one_segment], ids=lambda vector: vector.id)
def test_it_makes_no_difference_where_it_is_cut(vector: ServerVector) -> None:
    said = vector.said
    choice = random.Random(vector.id)
    if len(said) <= _SHORT:
        ways = [octets(said), *(cut(said, [place]) for place in range(1, len(said)))]
    else:
        ways = [
            cut(said, [choice.randrange(len(said)) for _ in range(choice.choice((1, 3, 9)))])
            for _ in range(_SOME)
        ]
    for pieces in ways:
        assert what_came(answered(vector, pieces)) == vector.comes_of_it, pieces


def test_every_class_and_moment_has_its_vectors() -> None:
    assert set(ServerThreat) == {vector.threat for vector in VECTORS}
    assert set(Moment) == {vector.moment for vector in VECTORS}

"""The hostile vectors against the pure session, wherever the octets are cut."""

from __future__ import annotations

import random

import pytest

from mailext.wire.events import StartTls
from mailext.wire.states import State
from tests.vectors.model import Vector
from tests.vectors.table import VECTORS
from tests.wire.driver import Transcript, cut, octets, owner_of, run, run_late

_SOME = 12


def check(vector: Vector, transcript: Transcript) -> None:
    told = transcript.replies
    assert len(told) == len(vector.replies), told
    for reply, expected in zip(told, vector.replies, strict=True):
        assert reply.startswith(expected), told
    assert transcript.messages == vector.messages
    assert (transcript.state is State.CLOSED) == told[-1].startswith(("221", "421"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)
def test_a_vector_is_answered_as_it_must_be(vector: Vector) -> None:
    whole = [[flight] for flight in vector.flights]
    check(vector, run(owner_of(vector.listener), whole))
    check(vector, run_late(owner_of(vector.listener), whole))


@pytest.mark.parametrize("vector", [v for v in VECTORS if not v.one_segment], ids=lambda vector: vector.id)
def test_it_makes_no_difference_where_a_vector_is_cut(vector: Vector) -> None:
    choice = random.Random(vector.id)
    ways = [[octets(flight) for flight in vector.flights]]
    for _ in range(_SOME):
        count = choice.choice((1, 2, 5))
        ways.append(
            [cut(flight, [choice.randrange(len(flight)) for _ in range(count)]) for flight in vector.flights]
        )
    for flights in ways:
        check(vector, run(owner_of(vector.listener), flights))
        check(vector, run_late(owner_of(vector.listener), flights))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.one_segment], ids=lambda vector: vector.id)
def test_what_comes_behind_starttls_ends_the_session_however_it_comes(vector: Vector) -> None:
    (flight,) = vector.flights
    end = flight.index(b"STARTTLS\r\n") + len(b"STARTTLS\r\n")
    for place in range(1, len(flight)):
        transcript = run(owner_of(vector.listener), [cut(flight, [place])])
        assert transcript.replies[-1].startswith("421 4.7.0")
        assert transcript.state is State.CLOSED
        assert any(isinstance(event, StartTls) for event in transcript.events) == (place == end)
        # Answered already, or not: nothing behind it is looked at.
        assert [reply[:3] for reply in transcript.replies[1:-1]] == (["220"] if place == end else [])

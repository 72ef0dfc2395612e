"""The same octets, cut anywhere, give the same replies and the same events."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vectors.model import Listener
from tests.wire.dialogues import DIALOGUES
from tests.wire.driver import Transcript, cut, octets, owner_of, run, run_late

WHOLE = {
    name: run(owner_of(listener), [[flight] for flight in flights])
    for name, (listener, flights) in DIALOGUES.items()
}
#: Up to this many octets a dialogue is cut at each place.
_SHORT = 1200

all_dialogues = pytest.mark.parametrize("name", DIALOGUES)
short_dialogues = pytest.mark.parametrize(
    "name", [name for name, (_, flights) in DIALOGUES.items() if sum(map(len, flights)) <= _SHORT]
)


def replayed(name: str, segments: list[list[bytes]]) -> list[Transcript]:
    listener: Listener = DIALOGUES[name][0]
    return [run(owner_of(listener), segments), run_late(owner_of(listener), segments)]


@all_dialogues
def test_octet_by_octet(name: str) -> None:
    segments = [octets(flight) for flight in DIALOGUES[name][1]]
    assert replayed(name, segments) == [WHOLE[name]] * 2


@all_dialogues
def test_line_by_line(name: str) -> None:
    segments = [flight.splitlines(keepends=True) for flight in DIALOGUES[name][1]]
    assert replayed(name, segments) == [WHOLE[name]] * 2


@short_dialogues
def test_in_two_wherever_it_is_cut(name: str) -> None:
    flights = DIALOGUES[name][1]
    for place in range(1, max(map(len, flights))):
        segments = [cut(flight, [place]) for flight in flights]
        assert replayed(name, segments) == [WHOLE[name]] * 2


@all_dialogues
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_pieces(name: str, data: st.DataObject) -> None:
    segments = [
        cut(flight, data.draw(st.lists(st.integers(1, len(flight)), max_size=12)))
        for flight in DIALOGUES[name][1]
    ]
    assert replayed(name, segments) == [WHOLE[name]] * 2


def test_the_dialogues_get_where_they_should() -> None:
    assert {name: len(transcript.messages) for name, transcript in WHOLE.items() if transcript.messages} == {
        "plain ESMTP": 1,
        "HELO and little else": 1,
        "one connection, three messages": 2,
        "STARTTLS, CLIENTID, AUTH PLAIN, REQUIRETLS": 1,
        "BDAT": 2,
        "LMTP": 1,
    }
    assert (
        WHOLE["plain ESMTP"]
        .messages[0]
        .endswith(b"\r\n\r\n.\r\n..\r\n.leading\r\n \r\nin. the .middle.\r\n\r\n")
    )

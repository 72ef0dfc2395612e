"""U11: one identity in far places."""

from __future__ import annotations

import pytest

from mailext.clientid.checkers.velocity import kilometres
from mailext.values import Place
from tests.clientid.checkers.scenario import Scenario

BERLIN = Place("192.0.2.1", "192.0.2.0/24", "DE", 52.52, 13.405)
POTSDAM = Place("192.0.2.99", "192.0.2.0/24", "DE", 52.4, 13.06)
SYDNEY = Place("198.51.100.1", "198.51.100.0/24", "AU", -33.87, 151.21)
PARIS = Place("203.0.113.1", "203.0.113.0/24", "FR")
LYON = Place("203.0.113.2", "203.0.113.0/24", "FR")
MADRID = Place("203.0.113.3", "203.0.113.0/24", "ES")

ATLAS = {place.address: place for place in (BERLIN, POTSDAM, SYDNEY, PARIS, LYON, MADRID)}


@pytest.mark.requirement("U11")
def test_from_berlin_to_sydney_in_a_day_but_not_in_an_hour() -> None:
    scenario = Scenario("velocity:mode=enforce:window=3d", places=ATLAS)
    scenario.play("""
        0s  ann  192.0.2.1     phone   right  in
        5m  ann  192.0.2.99    phone   right  in
        1h  ann  198.51.100.1  phone   right  refused unheard
        1h  ann  198.51.100.1  tablet  right  in
        1d  ann  198.51.100.1  phone   right  in
    """)
    ((_, _, reason),) = scenario.decisions("refuse")
    assert reason == "this identity came from a place 16121 km away, 55 minutes ago"


@pytest.mark.requirement("U11")
def test_by_country_where_there_are_no_coordinates() -> None:
    Scenario("velocity:mode=enforce:window=2h", places=ATLAS).play("""
        0s    ann  203.0.113.1  phone  right  in
        1m    ann  203.0.113.2  phone  right  in
        2m    ann  203.0.113.3  phone  right  refused unheard
        3h    ann  203.0.113.3  phone  right  in
    """)


@pytest.mark.requirement("U11")
def test_by_network_where_there_is_no_database() -> None:
    Scenario("velocity:mode=enforce:window=1h:networks=2").play("""
        0s   ann  192.0.2.1     phone  right  in
        1m   ann  192.0.2.200   phone  right  in
        2m   ben  198.51.100.1  phone  right  in
        3m   ann  203.0.113.1   phone  right  refused unheard
        4m   ann  198.51.100.1  phone  right  in
        5m   ann  203.0.113.1   -      right  in
        62m  ann  203.0.113.1   phone  right  in
    """)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        (BERLIN, SYDNEY, 16095),
        (BERLIN, BERLIN, 0),
        (BERLIN, POTSDAM, 27),
        (Place("a", "a", "", 0, 0), Place("b", "b", "", 0, 180), 20015),
    ],
)
def test_distances(one: Place, other: Place, distance: int) -> None:
    assert round(kilometres(one, other)) == distance
    assert kilometres(one, other) == kilometres(other, one)


def test_a_place_without_coordinates_is_nowhere() -> None:
    assert kilometres(BERLIN, PARIS) is None
    assert kilometres(PARIS, BERLIN) is None

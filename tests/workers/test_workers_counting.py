"""Connections are counted over all processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from mailext.counts import ConnectionCounts, SharedDescriptors
from mailext.workers.counting import ElsewhereConnections, TellingCounts
from mailext.workers.messages import ConnectionBegun, ConnectionEnded


@dataclass
class Limits:
    connections: int = 100
    connections_per_address: int = 3
    connections_per_network: int = 4


ANN, BEN, FAR = "192.0.2.1", "192.0.2.2", "198.51.100.7"


class Two:
    """Two processes, of which each tells the other."""

    def __init__(self) -> None:
        self.first = TellingCounts("mx", SharedDescriptors(3), lambda news: self._take(self._of_first, news))
        self.second = TellingCounts(
            "mx", SharedDescriptors(3), lambda news: self._take(self._of_second, news)
        )
        self._of_first = ElsewhereConnections({"mx": self.second})
        self._of_second = ElsewhereConnections({"mx": self.first})

    def _take(self, known: ElsewhereConnections, news: ConnectionBegun | ConnectionEnded) -> None:
        (known.begun if isinstance(news, ConnectionBegun) else known.ended)(news)

    def first_dies(self) -> list[ConnectionEnded]:
        return self._of_first.all_ended()


def test_a_limit_holds_over_both() -> None:
    two = Two()
    two.first.add(ANN)
    two.first.add(ANN)
    two.second.add(ANN)
    for counts in (two.first, two.second):
        assert counts.open == 3
        assert counts.limit_reached(ANN, Limits()) == "connections-per-address"
        assert counts.limit_reached(BEN, Limits()) == ""
    two.second.add(BEN)
    assert two.first.limit_reached(BEN, Limits()) == "connections-per-network"
    assert two.first.limit_reached(FAR, Limits(connections=4)) == "connections"
    two.second.remove(ANN)
    assert two.first.limit_reached(ANN, Limits()) == ""


def test_descriptors_are_each_process_s_own() -> None:
    two = Two()
    for _ in range(3):
        two.first.add(FAR)
    limits = Limits(connections_per_address=100, connections_per_network=100)
    assert two.first.limit_reached(ANN, limits) == "descriptors"
    assert two.second.limit_reached(ANN, limits) == ""


def test_connections_of_a_process_that_died_are_taken_back() -> None:
    two = Two()
    for address in (ANN, ANN, FAR):
        two.first.add(address)
    two.second.add(BEN)
    told = two.first_dies()
    assert Counter(news.address for news in told) == {ANN: 2, FAR: 1}
    assert two.second.open == 1
    assert two.second.by_address() == {BEN: 1}
    assert two.first_dies() == []


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([ANN, BEN, FAR]))))
def test_both_know_the_same(steps: list[tuple[bool, str]]) -> None:
    """Each step is a connection that begins, or ends if there is one."""
    two = Two()
    own: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for at_first, address in steps:
        counts: ConnectionCounts = two.first if at_first else two.second
        if own[at_first][address]:
            own[at_first][address] -= 1
            counts.remove(address)
        else:
            own[at_first][address] += 1
            counts.add(address)
        assert two.first.by_address() == two.second.by_address() == +(own[False] + own[True])
    two.first_dies()
    assert two.second.by_address() == +own[False]

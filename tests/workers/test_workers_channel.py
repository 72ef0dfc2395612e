"""The channel between two processes: what is said arrives, once and in order, or somebody learns that it did not."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailext.workers.channel import Channel, ChannelError
from mailext.workers.messages import Question
from tests.support import failure_result_of, logged, success_result_of


@dataclass(frozen=True)
class Say:
    word: str


@dataclass(frozen=True)
class Twice(Question[str]):
    word: str


@dataclass(frozen=True)
class Later(Question[str]):
    word: str


@dataclass(frozen=True)
class Unheard:
    """Nobody understands it."""


class End:
    """One end, of which all that it is told is kept."""

    def __init__(self, clock: Clock) -> None:
        self.heard: list[str] = []
        self.waiting: list[Deferred[str]] = []
        self.lost = 0
        self.transport = StringTransport()
        handlers = {
            Say: lambda said: self.heard.append(said.word),
            Twice: lambda said: 2 * said.word,
            Later: self._later,
        }
        self.channel = Channel(clock, handlers, self._lose)
        self.channel.makeConnection(self.transport)

    def _later(self, _: Later) -> Deferred[str]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def _lose(self) -> None:
        self.lost += 1

    def sent(self) -> bytes:
        octets = self.transport.value()
        self.transport.clear()
        return octets


class Pair:
    def __init__(self) -> None:
        self.clock = Clock()
        self.ours, self.theirs = End(self.clock), End(self.clock)

    def exchange(self) -> None:
        """Until nobody has anything to say."""
        while True:
            self.clock.advance(0.005)
            to_them, to_us = self.ours.sent(), self.theirs.sent()
            if not to_them and not to_us:
                return
            self.theirs.channel.dataReceived(to_them)
            self.ours.channel.dataReceived(to_us)


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_what_is_said_in_a_turn_travels_together(pair: Pair) -> None:
    for word in ("one", "two", "three"):
        pair.ours.channel.tell(Say(word))
    assert pair.ours.sent() == b""
    pair.clock.advance(0.005)
    octets = pair.ours.sent()
    (length,) = struct.unpack("!I", octets[:4])
    assert length == len(octets) - 4
    pair.theirs.channel.dataReceived(octets)
    assert pair.theirs.heard == ["one", "two", "three"]


def test_who_waits_for_nothing_takes_along_what_was_said_before(pair: Pair) -> None:
    pair.ours.channel.mention(Say("one"))
    pair.clock.advance(0.004)
    assert pair.ours.sent() == b""
    pair.ours.channel.tell(Say("two"))
    pair.ours.channel.mention(Say("three"))
    pair.clock.advance(0)
    pair.theirs.channel.dataReceived(pair.ours.sent())
    assert pair.theirs.heard == ["one", "two", "three"]
    pair.ours.channel.mention(Say("four"))
    pair.clock.advance(0.001)
    assert pair.ours.sent() == b""
    pair.clock.advance(0.004)
    assert pair.ours.sent() != b""
    pair.ours.channel.ask(Twice("x"))
    pair.clock.advance(0)
    assert pair.ours.sent() != b""


def test_what_cannot_be_pickled_is_nobody_elses_trouble(pair: Pair) -> None:
    class Local(Say):
        """Only here."""

    pair.ours.channel.tell(Say("one"))
    with pytest.raises(AttributeError, match="Local"):
        pair.ours.channel.tell(Local("two"))
    asked = pair.ours.channel.ask(Twice("ab"))
    refused = pair.ours.channel.ask(Local("three"))  # type: ignore[arg-type]
    assert failure_result_of(refused).check(ChannelError)
    later = pair.ours.channel.ask(Later("x"))
    pair.exchange()
    # Nor is an answer.
    with logged() as events:
        pair.theirs.waiting[0].callback(Local("four"))  # type: ignore[arg-type]
        pair.exchange()
    assert failure_result_of(later).check(ChannelError)
    assert len(events) == 1
    assert success_result_of(asked) == "abab"
    assert pair.theirs.heard == ["one"]


def test_both_ends_ask_and_answer(pair: Pair) -> None:
    ours, theirs = pair.ours.channel.ask(Twice("ab")), pair.theirs.channel.ask(Twice("cd"))
    pair.exchange()
    assert (success_result_of(ours), success_result_of(theirs)) == ("abab", "cdcd")


def test_answers_come_in_any_order(pair: Pair) -> None:
    first, second = pair.ours.channel.ask(Later("x")), pair.ours.channel.ask(Later("y"))
    pair.exchange()
    for waiting, answer in zip(reversed(pair.theirs.waiting), ("second", "first"), strict=True):
        waiting.callback(answer)
        pair.exchange()
    assert (success_result_of(first), success_result_of(second)) == ("first", "second")


def test_who_cannot_answer_says_so_and_logs_it(pair: Pair) -> None:
    answer = pair.ours.channel.ask(Later("x"))
    pair.exchange()
    with logged() as events:
        pair.theirs.waiting[0].errback(RuntimeError("no luck"))
        pair.exchange()
    failure = failure_result_of(answer)
    assert failure.check(ChannelError)
    assert "no luck" in str(failure.value)
    assert [event["name"] for event in events] == ["Later"]


def test_a_message_that_nobody_understands_harms_no_other(pair: Pair) -> None:
    pair.ours.channel.tell(Say("before"))
    pair.ours.channel.tell(Unheard())
    pair.ours.channel.tell(Say("behind"))
    with logged() as events:
        pair.exchange()
    assert pair.theirs.heard == ["before", "behind"]
    assert [event["name"] for event in events] == ["Unheard"]


@given(st.lists(st.text(max_size=20), max_size=5), st.lists(st.integers(1, 40)))
def test_it_may_be_cut_anywhere(words: list[str], cuts: list[int]) -> None:
    pair = Pair()
    for word in words:
        pair.ours.channel.tell(Say(word))
        pair.clock.advance(0.005)
    octets = pair.ours.sent()
    for length in cuts:
        pair.theirs.channel.dataReceived(octets[:length])
        octets = octets[length:]
    pair.theirs.channel.dataReceived(octets)
    assert pair.theirs.heard == words


def test_when_the_other_end_is_gone_nobody_waits_for_it(pair: Pair) -> None:
    asked = pair.ours.channel.ask(Later("x"))
    pair.exchange()
    pair.ours.channel.connectionLost()
    assert failure_result_of(asked).check(ChannelError)
    assert failure_result_of(pair.ours.channel.ask(Twice("x"))).check(ChannelError)
    pair.ours.channel.tell(Say("to nobody"))
    pair.clock.advance(0.005)
    assert pair.ours.lost == 1
    assert pair.ours.sent() == b""


def test_half_of_a_message_is_none(pair: Pair) -> None:
    pair.ours.channel.tell(Say("x"))
    pair.clock.advance(0.005)
    pair.theirs.channel.dataReceived(pair.ours.sent()[:-1])
    pair.theirs.channel.connectionLost()
    assert pair.theirs.heard == []


def test_an_endless_message_closes_the_channel(pair: Pair) -> None:
    with logged() as events:
        pair.ours.channel.dataReceived(struct.pack("!I", Channel.MAX_LENGTH + 1))
    assert pair.ours.transport.disconnecting
    assert [event["length"] for event in events] == [Channel.MAX_LENGTH + 1]


def test_who_sends_much_waits_for_room(pair: Pair) -> None:
    assert pair.ours.channel.room() is None
    producer = pair.ours.transport.producer
    producer.pauseProducing()
    first, second = pair.ours.channel.room(), pair.ours.channel.room()
    assert first is not None
    assert second is not None
    assert not first.called
    producer.resumeProducing()
    assert first.called
    assert second.called
    assert pair.ours.channel.room() is None


def test_nobody_waits_for_room_when_the_other_end_is_gone(pair: Pair) -> None:
    pair.ours.transport.producer.pauseProducing()
    room = pair.ours.channel.room()
    pair.ours.channel.connectionLost()
    assert room is not None
    assert room.called


def test_a_pickle_is_all_that_travels(pair: Pair) -> None:
    pair.ours.channel.tell(Say("x"))
    pair.clock.advance(0.005)
    (said,) = pickle.loads(pair.ours.sent()[4:])
    assert pickle.loads(said) == (0, Say("x"))

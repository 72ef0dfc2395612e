"""Room for another message: 452 4.3.1 at MAIL, before the disk is full or the queue too long."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mailext.accounts.addresses import AddressBook
from mailext.config.model import Limits, Reserve
from mailext.delivery.reception import ExchangeDelivery, Reception
from mailext.service.room import StateRoom
from mailext.wire import replies
from tests.net.site import MAIL, serve
from tests.queue_fakes import FakeTarget
from tests.support import logged

LIMITS = Limits(queue_messages=10, disk_reserve=Reserve(1000))


class World:
    """
    A disk and a queue.

    :ivar free: octets on the disk; None if it does not tell.
    :ivar looks: how often it was asked.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: int | None = 5000
        self.looks = 0
        self.messages: int | Deferred[int] = 0
        self.counts = 0
        self.clock = Clock()
        self.room = StateRoom(Path("state"), self._count, self.clock)
        monkeypatch.setattr(os, "statvfs", self._statvfs)

    def _statvfs(self, _: Path) -> SimpleNamespace:
        self.looks += 1
        if self.free is None:
            raise OSError("the disk is gone")
        return SimpleNamespace(f_bavail=self.free, f_frsize=1)

    def _count(self) -> Deferred[int]:
        self.counts += 1
        return succeed(self.messages) if isinstance(self.messages, int) else self.messages


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_declared_size_counts(world: World) -> None:
    assert world.room.refusal(4000, LIMITS) is None
    assert world.room.refusal(4001, LIMITS) == replies.DISK_FULL
    assert world.room.has_room(4000, LIMITS)
    assert not world.room.has_room(4001, LIMITS)


def test_it_looks_once_a_second(world: World) -> None:
    for _ in range(100):
        world.room.refusal(0, LIMITS)
    assert (world.looks, world.counts) == (1, 1)
    world.free = 999
    assert world.room.refusal(0, LIMITS) is None
    world.clock.advance(1.0)
    assert world.room.refusal(0, LIMITS) == replies.DISK_FULL
    world.free = 1000
    world.clock.advance(1.0)
    assert world.room.refusal(0, LIMITS) is None


def test_a_wall_clock_that_was_set_back(world: World) -> None:
    world.clock.advance(1000.0)
    world.room.refusal(0, LIMITS)
    world.clock.rightNow = 10.0
    world.free = 0
    assert world.room.refusal(0, LIMITS) == replies.DISK_FULL


def test_a_disk_that_does_not_tell_has_no_room(world: World) -> None:
    world.free = None
    with logged() as events:
        assert world.room.refusal(0, LIMITS) == replies.DISK_FULL
    assert any("does not tell" in event["log_format"] for event in events)


def test_without_a_reserve_nobody_looks(world: World) -> None:
    world.free = None
    assert world.room.refusal(0, evolve(LIMITS, disk_reserve=Reserve(0))) is None


def test_a_queue_that_is_too_long(world: World) -> None:
    world.messages = 10
    assert world.room.refusal(0, LIMITS) == replies.QUEUE_FULL
    world.messages = 9
    world.clock.advance(1.0)
    assert world.room.refusal(0, LIMITS) is None


def test_a_store_that_takes_its_time_is_asked_once(world: World) -> None:
    world.messages = Deferred()
    for _ in range(5):
        world.clock.advance(1.0)
        assert world.room.refusal(0, LIMITS) is None
    assert world.counts == 1
    world.messages.callback(10)
    assert world.room.refusal(0, LIMITS) == replies.QUEUE_FULL


def test_a_store_that_does_not_tell_refuses_for_itself(world: World) -> None:
    world.messages = fail(OSError("no"))
    with logged() as events:
        assert world.room.refusal(0, LIMITS) is None
    assert any("does not tell" in event["log_format"] for event in events)


@pytest.mark.parametrize(("free", "limit"), [(1000, "disk-reserve"), (5000, "queue-messages")])
def test_what_a_client_hears_and_the_log_says(world: World, free: int, limit: str) -> None:
    world.free = free
    world.messages = 10
    reception = Reception(
        lambda: AddressBook(["example.org"], ["bob@example.org"]),
        lambda session: FakeTarget(),
        "mx.example.org",
        world.clock,
        lambda: "unique",
        room=lambda octets: world.room.refusal(octets, LIMITS),
    )
    client = serve(ExchangeDelivery(reception), name="mx").greeted()
    client.replies()
    with logged() as events:
        [reply] = client.say(MAIL + b" SIZE=100")
    assert reply.startswith("452 4.3.1 ")
    assert [event["limit"] for event in events if event.get("event") == "refusal"] == [limit]

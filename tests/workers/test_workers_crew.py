"""The crew: who dies is replaced, who hangs is killed, and all end in order."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol, ServerFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mailext.workers.channel import Channel
from mailext.workers.crew import CHANNEL, FIRST_SOCKET, Crew
from mailext.workers.messages import Begin, ConnectionBegun, Drain, NewConfiguration, Ping
from tests.support import logged

BEGIN = Begin(None, {}, (), b"", {}, None, {})  # type: ignore[arg-type]


class Process:
    """A worker without a process: its end of the channel."""

    def __init__(self, clock: Clock, protocol: ProcessProtocol, descriptors: Mapping[int, int]) -> None:
        self.pid: int | None = 7
        self.descriptors = descriptors
        self.protocol = protocol
        self.heard: list[object] = []
        self.signals: list[str] = []
        self.silent = False
        self.drained: Deferred[None] = Deferred()
        self.configured: list[object] = []
        self.transport = StringTransport()
        handlers: dict[type[object], Callable[[Any], object]] = {
            Begin: lambda _: Deferred() if self.silent else self.heard.append(Begin),
            Ping: lambda _: Deferred() if self.silent else self.heard.append(Ping),
            Drain: lambda _: self.drained,
            NewConfiguration: self._configure,
            str: self.heard.append,
        }
        self.channel = Channel(clock, handlers, lambda: None)
        self.channel.makeConnection(self.transport)

    def _configure(self, said: NewConfiguration) -> None:
        if said.terms is None:
            raise ValueError("half a certificate")
        self.configured.append(said.terms)

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)
        self.end()

    def end(self) -> None:
        """It dies, for whatever reason."""
        if self.pid is not None:
            self.pid = None
            self.protocol.processEnded(Failure(ProcessTerminated(signal=9)))


class World(Clock):
    """A reactor for a crew."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.channels: list[tuple[Channel, StringTransport]] = []

    def spawnProcess(
        self,
        protocol: ProcessProtocol,
        executable: str,
        args: list[str],
        env: Mapping[str, str],
        childFDs: Mapping[int, int],
    ) -> Process:
        assert args[0] == executable
        self.processes.append(Process(self, protocol, childFDs))
        return self.processes[-1]

    def adoptStreamConnection(self, descriptor: int, family: int, factory: ServerFactory[Any]) -> None:
        assert family == socket.AF_UNIX
        transport = StringTransport()
        channel = factory.buildProtocol(None)
        channel.makeConnection(transport)
        self.channels.append((channel, transport))

    def exchange(self) -> None:
        """Until nobody has anything to say."""
        said = True
        while said:
            self.advance(0.005)
            said = False
            for (channel, transport), process in zip(self.channels, self.processes, strict=True):
                for octets, end in (
                    (transport.value(), process.channel),
                    (process.transport.value(), channel),
                ):
                    end.dataReceived(octets)
                    said = said or bool(octets)
                transport.clear()
                process.transport.clear()
                if transport.disconnecting and process.pid is not None:
                    self.lose(process)
                    process.end()

    def lose(self, process: Process) -> None:
        """The channel of a process is closed."""
        channel, _ = self.channels[self.processes.index(process)]
        channel.connectionLost(Failure(ConnectionDone()))

    def die(self, process: Process) -> None:
        process.end()
        self.lose(process)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.advance(1)
            self.exchange()


class Desk:
    """A desk of which it is known whether it is closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.handlers: dict[type[object], Callable[[Any], object]] = {}

    def close(self) -> None:
        self.closed += 1


class Site:
    def __init__(self, number: int = 2) -> None:
        self.world = World()
        self.desks: list[Desk] = []
        self.tell_others: list[Callable[[object], object]] = []
        self.sockets = [(socket.socket(),) for _ in range(number)]
        self.crew = Crew(self.world)  # type: ignore[arg-type]
        self.crew.start(self.sockets, lambda: BEGIN, self._make_desk)  # type: ignore[arg-type]
        self.serving = Deferred.fromCoroutine(self.crew.serving())

    def _make_desk(self, tell_others: Callable[[object], object]) -> Desk:
        self.desks.append(Desk())
        self.tell_others.append(tell_others)
        return self.desks[-1]

    def close(self) -> None:
        for each in self.sockets:
            each[0].close()


@pytest.fixture
def site() -> Site:
    return Site()


def test_it_serves_when_all_of_them_do(site: Site) -> None:
    first, second = site.world.processes
    second.silent = True
    site.world.exchange()
    assert first.heard == [Begin]
    assert not site.serving.called
    assert sorted(first.descriptors)[-2:] == [CHANNEL, FIRST_SOCKET]
    site.close()


def test_without_workers_it_serves_at_once() -> None:
    site = Site(0)
    assert site.serving.called
    assert Deferred.fromCoroutine(site.crew.stop(1)).called


def test_all_are_told_and_all_others(site: Site) -> None:
    site.world.exchange()
    assert site.serving.called
    site.crew.tell("to all")
    site.tell_others[0]("from the first")
    site.world.exchange()
    assert [process.heard for process in site.world.processes] == [
        [Begin, "to all"],
        [Begin, "to all", "from the first"],
    ]
    site.close()


def test_who_cannot_take_up_a_configuration_begins_anew_with_it(site: Site) -> None:
    world = site.world
    world.exchange()
    site.crew.configure(NewConfiguration("all is well"))  # type: ignore[arg-type]
    world.exchange()
    assert [process.configured for process in world.processes] == [["all is well"], ["all is well"]]
    first, second = world.processes
    with logged() as events:
        site.crew.configure(NewConfiguration(None))  # type: ignore[arg-type]
        world.exchange()
    assert first.signals == second.signals == ["KILL"]
    reasons = [event["reason"] for event in events if "could not" in str(event.get("reason"))]
    assert reasons == ["could not take up the configuration (half a certificate)"] * 2
    for process in (first, second):
        world.lose(process)
    world.pass_time(2)
    assert [process.heard for process in world.processes[2:]] == [[Begin], [Begin]]
    site.close()


def test_who_dies_is_replaced_sooner_or_later(site: Site) -> None:
    world = site.world
    world.exchange()
    delays = []
    with logged() as events:
        for _ in range(8):
            began = world.seconds()
            number = len(world.processes)
            world.die(world.processes[-1])
            while len(world.processes) == number:
                world.pass_time(1)
            delays.append(round(world.seconds() - began))
            world.exchange()
    assert delays == [1, 2, 4, 8, 10, 10, 10, 10]
    assert [desk.closed for desk in site.desks] == [0, *[1] * 8, 0]
    assert [event["delay"] for event in events if "delay" in event] == delays
    # After a long life it begins anew.
    world.pass_time(61)
    world.die(world.processes[-1])
    world.pass_time(1)
    assert len(world.processes) == 11
    site.close()


def test_what_a_worker_said_last_counts_before_its_desk_is_closed(site: Site) -> None:
    world = site.world
    world.exchange()
    process = world.processes[0]
    heard: list[object] = []
    site.desks[0].handlers[ConnectionBegun] = lambda said: heard.append((said.listener, site.desks[0].closed))
    process.channel.tell(ConnectionBegun("mx", "192.0.2.1"))
    world.advance(0.005)
    process.end()
    channel, _ = world.channels[0]
    channel.dataReceived(process.transport.value())
    world.lose(process)
    assert heard == [("mx", 0)]
    assert site.desks[0].closed == 1
    site.close()


@pytest.mark.parametrize("serves", [False, True])
def test_who_hangs_is_killed(site: Site, serves: bool) -> None:
    world = site.world
    world.processes[0].silent = not serves
    world.exchange()
    world.processes[0].silent = True
    world.pass_time(29)
    assert world.processes[0].signals == []
    with logged() as events:
        world.pass_time(7)
    assert world.processes[0].signals == ["KILL"]
    assert world.processes[1].signals == []
    assert len(world.processes) == 3
    assert [event["number"] for event in events if "number" in event] == [1, 1, 1]
    site.close()


def test_a_worker_whose_channel_is_closed_is_killed(site: Site) -> None:
    site.world.exchange()
    site.world.lose(site.world.processes[0])
    assert site.world.processes[0].signals == ["KILL"]
    site.close()


def test_all_end_in_order(site: Site) -> None:
    world = site.world
    world.exchange()
    stopped = Deferred.fromCoroutine(site.crew.stop(30))
    assert [each[0].fileno() for each in site.sockets] == [-1, -1]
    world.exchange()
    world.processes[0].drained.callback(None)
    world.exchange()
    assert world.processes[0].pid is None
    assert not stopped.called
    world.processes[1].drained.callback(None)
    world.exchange()
    assert stopped.called
    assert [process.signals for process in world.processes] == [[], []]
    assert len(world.processes) == 2
    assert world.getDelayedCalls() == []


def test_who_does_not_end_in_time_is_killed(site: Site) -> None:
    world = site.world
    world.exchange()
    stopped = Deferred.fromCoroutine(site.crew.stop(5))
    world.processes[0].drained.callback(None)
    world.pass_time(6)
    assert stopped.called
    assert [process.signals for process in world.processes] == [[], ["KILL"]]


def test_who_is_dead_already_is_not_waited_for(site: Site) -> None:
    world = site.world
    world.exchange()
    world.die(world.processes[0])
    stopped = Deferred.fromCoroutine(site.crew.stop(5))
    world.processes[1].drained.callback(None)
    world.exchange()
    assert stopped.called
    world.pass_time(10)
    assert len(world.processes) == 2


def test_the_first_thing_that_is_said_can_be_said() -> None:
    assert pickle.loads(pickle.dumps(BEGIN)) == BEGIN

"""
Rates, concurrency and attack mode of a single process, in memory.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.interfaces import ICounterStore
from mailext.values import AttackMode, Tally

__all__ = ["ALARMS", "MEMBERS", "TALLIES", "MemoryCounterStore", "count_in_window"]

#: How many tallies, members of one, and alarms are kept at most.
TALLIES = 100_000
MEMBERS = 1000
ALARMS = 1000


def count_in_window(elapsed: float, window: float, current: int, previous: int) -> int:
    """
    What counts of a sliding window.

    :param elapsed: seconds since the current window began, even if it is over.
    :param window: its length.
    :param current: how often something happened in it.
    :param previous: how often in the one before.
    """
    windows, rest = divmod(elapsed, window)
    if windows > 1:
        return 0
    if windows == 1:
        current, previous = 0, current
    # What happened in the window before is taken to have come evenly.
    return current + int(previous * (1 - rest / window))


class _Events:
    """
    How often something happened: the total of a window that began with its
    first event, or with the end of the one before, and the total of that.
    """

    __slots__ = ("_before", "_now", "_since")

    def __init__(self, now: float) -> None:
        self._since = now
        self._now = 0
        self._before = 0

    def add(self, now: float, window: float) -> None:
        windows = int((now - self._since) / window)
        if windows:
            self._before = self._now if windows == 1 else 0
            self._now = 0
            # As if it had been forgotten, where it counts no longer.
            self._since = self._since + window if windows == 1 else now
        self._now += 1

    def count(self, now: float, window: float) -> int:
        return count_in_window(now - self._since, window, self._now, self._before)


class _Members:
    """Which different things were seen, and when last: the latest of them, at most."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def add(self, now: float, window: float, member: str) -> None:
        self._seen[member] = now
        self._seen.move_to_end(member)
        self._forget(now - window)
        if len(self._seen) > MEMBERS:
            self._seen.popitem(last=False)

    def count(self, now: float, window: float) -> int:
        self._forget(now - window)
        return len(self._seen)

    def _forget(self, before: float) -> None:
        while self._seen and next(iter(self._seen.values())) <= before:
            self._seen.popitem(last=False)


@implementer(ICounterStore)
class MemoryCounterStore:
    """
    A counter store that forgets all when its process ends. Its Deferreds have
    fired already.

    :param tallies: how many it keeps at most.
    """

    def __init__(self, clock: IReactorTime, tallies: int = TALLIES) -> None:
        self._clock = clock
        self._bound = tallies
        # The one that was added to the longest ago comes first.
        self._events: OrderedDict[Tally, _Events] = OrderedDict()
        self._members: OrderedDict[Tally, _Members] = OrderedDict()
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._attack_modes: dict[str, AttackMode] = {}
        self._alarms: dict[str, float] = {}

    def add(self, tallies: Sequence[Tally]) -> Deferred[None]:
        """See :meth:`ICounterStore.add`."""
        now = self._clock.seconds()
        for tally in tallies:
            events = self._events.get(tally)
            if events is None:
                events = self._events[tally] = _Events(now)
            events.add(now, tally.window)
            self._events.move_to_end(tally)
        while len(self._events) > self._bound:
            self._events.popitem(last=False)
        return succeed(None)

    def addMember(self, tally: Tally, member: str) -> Deferred[None]:
        """See :meth:`ICounterStore.addMember`."""
        members = self._members.get(tally)
        if members is None:
            members = self._members[tally] = _Members()
        members.add(self._clock.seconds(), tally.window, member)
        self._members.move_to_end(tally)
        while len(self._members) > self._bound:
            self._members.popitem(last=False)
        return succeed(None)

    def counts(self, tallies: Sequence[Tally]) -> Deferred[tuple[int, ...]]:
        """See :meth:`ICounterStore.counts`."""
        return succeed(tuple(map(self._count, tallies)))

    def _count(self, tally: Tally) -> int:
        counted = self._events.get(tally) or self._members.get(tally)
        return counted.count(self._clock.seconds(), tally.window) if counted is not None else 0

    def enter(self, names: Sequence[str], session: str) -> Deferred[None]:
        """See :meth:`ICounterStore.enter`."""
        for name in names:
            self._sessions[name].add(session)
            self._names[session].add(name)
        return succeed(None)

    def leave(self, session: str) -> Deferred[None]:
        """See :meth:`ICounterStore.leave`."""
        for name in self._names.pop(session, ()):
            sessions = self._sessions[name]
            sessions.discard(session)
            if not sessions:
                del self._sessions[name]
        return succeed(None)

    def places(self, names: Sequence[str]) -> Deferred[tuple[int, ...]]:
        """See :meth:`ICounterStore.places`."""
        return succeed(tuple(len(self._sessions.get(name, ())) for name in names))

    def setAttackMode(self, scope: str, mode: AttackMode) -> Deferred[None]:
        """See :meth:`ICounterStore.setAttackMode`."""
        self._attack_modes.pop(scope, None)
        if mode is not AttackMode.AUTO:
            self._attack_modes[scope] = mode
        return succeed(None)

    def attackModes(self) -> Deferred[Mapping[str, AttackMode]]:
        """See :meth:`ICounterStore.attackModes`."""
        return succeed(dict(self._attack_modes))

    def raiseAlarm(self, scope: str, until: float) -> Deferred[None]:
        """See :meth:`ICounterStore.raiseAlarm`."""
        self._forget_alarms()
        self._alarms[scope] = until
        if len(self._alarms) > ALARMS:
            del self._alarms[min(self._alarms, key=self._alarms.__getitem__)]
        return succeed(None)

    def alarms(self) -> Deferred[Mapping[str, float]]:
        """See :meth:`ICounterStore.alarms`."""
        self._forget_alarms()
        return succeed(dict(self._alarms))

    def _forget_alarms(self) -> None:
        now = self._clock.seconds()
        for scope in [scope for scope, until in self._alarms.items() if until <= now]:
            del self._alarms[scope]

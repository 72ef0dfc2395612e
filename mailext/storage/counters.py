"""
Rates, concurrency and attack mode of several server processes, in a database
that they share.

It knows what :class:`mailext.clientid.counters.MemoryCounterStore` does, in
rows: what they say is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import ICounterStore
from mailext.storage import counter_rows
from mailext.storage.attack_modes import SqlAttackModes
from mailext.storage.transactions import Transactions
from mailext.values import AttackMode, Tally

__all__ = ["SqlCounterStore"]

_log = Logger()

_ALIVE_EVERY = 10.0
# A process that is busy must not lose its places.
_DEAD_AFTER = 60.0
_TRIM_EVERY = 1000


@implementer(ICounterStore)
class SqlCounterStore:
    """
    :param transactions: what runs its operations.
    :param clock: its ``seconds()`` is the wall clock.
    :param process: tells this process from others.
    :param closed: called when it was closed.
    """

    def __init__(
        self,
        transactions: Transactions,
        clock: IReactorTime,
        process: str,
        closed: Callable[[], object],
    ) -> None:
        self._transactions = transactions
        self._modes = SqlAttackModes(transactions)
        self._clock = clock
        self._process = process
        self._closed = closed
        self._entered: set[str] = set()
        self._until_trim = _TRIM_EVERY
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Say again and again that this process lives, and forget those that do not."""
        self._next = self._clock.callLater(_ALIVE_EVERY, self.start)
        now = self._clock.seconds()
        self._transactions.write(
            partial(counter_rows.live, process_id=self._process, now=now, dead=now - _DEAD_AFTER)
        ).addErrback(self._failed)

    def stop(self) -> None:
        """Say so no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def close(self) -> Deferred[None]:
        """
        Give back the places of all sessions. To be called once.

        :return: a Deferred that fires when that is done.
        """
        self.stop()
        self._entered.clear()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        gone = self._transactions.write(partial(counter_rows.die, process_id=self._process))
        await gone.addErrback(self._failed)
        await self._transactions.close()
        self._closed()

    def add(self, tallies: Sequence[Tally]) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.add`."""
        now = self._clock.seconds()
        self._count_down()
        return self._transactions.write(partial(counter_rows.add, tallies=tuple(tallies), now=now))

    def addMember(self, tally: Tally, member: str) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.addMember`."""
        now = self._clock.seconds()
        self._count_down()
        return self._transactions.write(
            partial(counter_rows.add_member, tally=tally, member_name=member, now=now)
        )

    def counts(self, tallies: Sequence[Tally]) -> Deferred[tuple[int, ...]]:
        """See :meth:`mailext.interfaces.ICounterStore.counts`."""
        now = self._clock.seconds()
        return self._transactions.read(partial(counter_rows.counts, tallies=tuple(tallies), now=now))

    def enter(self, names: Sequence[str], session: str) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.enter`."""
        if not names:
            return succeed(None)
        self._entered.add(session)
        return self._transactions.write(
            partial(counter_rows.enter, names=tuple(names), process_id=self._process, session=session)
        )

    def leave(self, session: str) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.leave`."""
        if session not in self._entered:
            return succeed(None)
        self._entered.remove(session)
        return self._transactions.write(
            partial(counter_rows.leave, process_id=self._process, session=session)
        )

    def places(self, names: Sequence[str]) -> Deferred[tuple[int, ...]]:
        """See :meth:`mailext.interfaces.ICounterStore.places`."""
        dead = self._clock.seconds() - _DEAD_AFTER
        return self._transactions.read(
            partial(counter_rows.places, names=tuple(names), process_id=self._process, dead=dead)
        )

    def setAttackMode(self, scope: str, mode: AttackMode) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.setAttackMode`."""
        return self._modes.set(scope, mode)

    def attackModes(self) -> Deferred[Mapping[str, AttackMode]]:
        """See :meth:`mailext.interfaces.ICounterStore.attackModes`."""
        return self._modes.all()

    def raiseAlarm(self, scope: str, until: float) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.raiseAlarm`."""
        now = self._clock.seconds()
        return self._transactions.write(partial(counter_rows.raise_alarm, scope=scope, until=until, now=now))

    def alarms(self) -> Deferred[Mapping[str, float]]:
        """See :meth:`mailext.interfaces.ICounterStore.alarms`."""
        return self._transactions.read(partial(counter_rows.alarms, now=self._clock.seconds()))

    def trim(self) -> None:
        """Forget what counts no longer. This comes by itself, too."""
        self._until_trim = _TRIM_EVERY
        now = self._clock.seconds()
        self._transactions.write(partial(counter_rows.trim, now=now)).addErrback(self._failed)

    def _count_down(self) -> None:
        self._until_trim -= 1
        if not self._until_trim:
            self.trim()

    @staticmethod
    def _failed(failure: Failure) -> None:
        _log.failure("What is counted together could not be written", failure)

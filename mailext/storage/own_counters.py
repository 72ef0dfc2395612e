"""The counters of a server that shares them with no other process."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from mailext.clientid.counters import MemoryCounterStore
from mailext.interfaces import ICounterStore
from mailext.storage.attack_modes import SqlAttackModes
from mailext.values import AttackMode

__all__ = ["OwnCounterStore"]


@implementer(ICounterStore)
class OwnCounterStore(MemoryCounterStore):
    """
    Counts in memory. Only what was set by hand outlives the process.

    :param modes: keep it.
    :param known: what they kept so far.
    """

    def __init__(self, clock: IReactorTime, modes: SqlAttackModes, known: Mapping[str, AttackMode]) -> None:
        super().__init__(clock)
        self._modes = modes
        for scope, mode in known.items():
            super().setAttackMode(scope, mode)

    def setAttackMode(self, scope: str, mode: AttackMode) -> Deferred[None]:
        """See :meth:`mailext.interfaces.ICounterStore.setAttackMode`."""
        set_here = super().setAttackMode
        return self._modes.set(scope, mode).addCallback(lambda _: set_here(scope, mode))

    def start(self) -> None:
        """Nothing is to be done from time to time."""

    def close(self) -> Deferred[None]:
        """:return: a Deferred that has fired: nothing is to be closed."""
        return succeed(None)

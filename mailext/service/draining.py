"""The end of connections when a process stops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["GRACE", "Drained", "drain"]

_log = Logger()

#: How long transactions have to come to their end, in seconds.
GRACE = 20.0


class Drained(Protocol):
    """A factory whose connections can be ended."""

    def drain(self) -> Deferred[None]: ...

    def cut_off(self) -> None: ...


async def drain(factories: Sequence[Drained], clock: IReactorTime) -> None:
    """
    End every connection, of the transactions under way those last that need
    their time.
    """
    drained = _each([factory.drain() for factory in factories])
    try:
        await Deferred.fromCoroutine(drained).addTimeout(GRACE, clock)
    except DeferredTimeoutError:
        _log.warn("Transactions did not end within {seconds:.0f} s and are cut off", seconds=GRACE)
        for factory in factories:
            factory.cut_off()


async def _each(deferreds: Iterable[Deferred[None]]) -> None:
    # A time-out of gatherResults() would be hidden in a FirstError.
    for each in deferreds:
        await each

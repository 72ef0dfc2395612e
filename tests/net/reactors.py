"""A real reactor for a test's own use, which runs as long as one question takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

T = TypeVar("T")


def run(question: Callable[[EPollReactor], Deferred[T]], patience: float = 20.0) -> T:
    """
    What a Deferred brings under a real reactor. Nothing is left of it then.

    :param question: is given the reactor when it runs.
    """
    reactor = EPollReactor()
    results: list[T | Failure] = []

    def ask() -> None:
        asked = question(reactor).addTimeout(patience, reactor)
        asked.addBoth(results.append)
        # What was abandoned meanwhile ends in the reactor's next turns.
        asked.addBoth(lambda _: reactor.callLater(0.01, reactor.stop))

    reactor.callWhenRunning(ask)
    reactor.run(installSignalHandlers=False)
    left = [call for call in reactor.getDelayedCalls() if call.active()]
    assert left == []
    assert reactor.removeAll() == []
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]

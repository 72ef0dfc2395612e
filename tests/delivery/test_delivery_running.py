"""A program that cannot be started; what becomes of others is seen from outside."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailext.delivery.running import run_program


class NoProcesses(Clock):
    """A reactor on a machine that has no room for one more."""

    def spawnProcess(self, *_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")


def test_nothing_is_left_of_it() -> None:
    reactor = NoProcesses()
    with pytest.raises(OSError, match="temporarily unavailable"):
        run_program(reactor, ["/bin/true"], {}, 0, timeout=5.0)
    assert reactor.getDelayedCalls() == []

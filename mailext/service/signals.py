"""The signals by which an operator speaks to the process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from twisted.internet.interfaces import IReactorFromThreads

__all__ = ["on_signal"]


def on_signal(number: signal.Signals, reactor: IReactorFromThreads, action: Callable[[], object]) -> None:
    """
    Call ``action`` in the reactor when the signal comes. To be called in the
    main thread.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(action)

    signal.signal(number, handle)

"""
``python -m mailext.worker``: a worker process, which the server itself starts.

It has a channel to the main process, and the sockets that it listens on. It
ends when the main process tells it to, and at once when that is gone: signals
are for the main process.
"""

from __future__ import annotations

import os
import signal
from random import SystemRandom
from typing import cast

from twisted.logger import globalLogBeginner

from mailext.service.worker import IWorkerReactor, Worker
from mailext.workers.channel import adopt
from mailext.workers.crew import CHANNEL

__all__ = ["main"]


def main() -> None:
    """Be a worker."""
    from twisted.internet import reactor as the_reactor  # noqa: PLC0415 - here is the edge

    reactor = cast("IWorkerReactor", the_reactor)
    worker = Worker(reactor, SystemRandom(), lambda: os._exit(0))
    globalLogBeginner.beginLoggingTo([worker.log], redirectStandardIO=False)
    adopt(reactor, CHANNEL, worker.channel)
    os.close(CHANNEL)
    _ignore_signals()
    # The reactor sets handlers of its own when it starts.
    reactor.callWhenRunning(_ignore_signals)
    reactor.run()


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()

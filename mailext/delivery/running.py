"""A program that is run: within bounds of time and output, by no shell."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

__all__ = ["Ended", "IProgramReactor", "run_program"]

_MOST_OUTPUT = 4096
# From SIGTERM to SIGKILL; and from the end of a program to that of its output,
# which a child that lives on may hold open.
_GRACE = 2.0


class IProgramReactor(IReactorProcess, IReactorTime):
    """What running a program asks of a reactor."""


@dataclass(frozen=True, slots=True)
class Ended:
    """
    :param status: what the program has given to ``exit``; None if a signal
        has ended it.
    :param output: the beginning of what it has said, on standard output and
        standard error.
    :param late: whether its time was over.
    """

    status: int | None
    output: bytes
    late: bool


def run_program(
    reactor: IProgramReactor,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    content: int,
    timeout: float,
) -> Deferred[Ended]:
    """
    Run a program in the folder ``/``.

    :param arguments: its file, an absolute path, and its arguments.
    :param environment: all of its environment.
    :param content: the descriptor of an open file, its standard input. It may
        be closed when this returns.
    :param timeout: seconds; then it is ended.
    :return: a Deferred of how it ended. To cancel it is to end the program.
    :raise OSError: if no process can be started.
    """
    run = _Run(reactor, timeout)
    reactor.spawnProcess(
        run,
        os.fsencode(arguments[0]),
        [os.fsencode(each) for each in arguments],
        {name.encode(): value.encode() for name, value in environment.items()},
        b"/",
        childFDs={0: content, 1: "r", 2: "r"},
    )
    return run.ended


class _Run(ProcessProtocol):
    """
    One run.

    :ivar ended: fires with :class:`Ended`.
    """

    transport: IProcessTransport

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        self.ended: Deferred[Ended] = Deferred(lambda _: self._terminate())
        self._clock = clock
        self._output = bytearray()
        self._late = False
        self._timer: IDelayedCall = clock.callLater(timeout, self._time_is_over)

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: ARG002 - Twisted's signature
        """Output beyond the bound is read, and forgotten."""
        self._output += data[: _MOST_OUTPUT - len(self._output)]

    def processExited(self, reason: Failure) -> None:
        """See :meth:`twisted.internet.interfaces.IProcessProtocol.processExited`."""
        self._timer.cancel()
        self._timer = self._clock.callLater(_GRACE, self._finish, reason)

    def processEnded(self, reason: Failure) -> None:
        """See :meth:`twisted.internet.interfaces.IProcessProtocol.processEnded`."""
        if self._timer.active():
            self._timer.cancel()
            self._finish(reason)

    def _time_is_over(self) -> None:
        self._late = True
        self._terminate()

    def _terminate(self) -> None:
        if self._timer.active():
            self._timer.cancel()
        self._signal(signal.SIGTERM)
        self._timer = self._clock.callLater(_GRACE, self._signal, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)

    def _finish(self, reason: Failure) -> None:
        # What still holds the output open is not waited for.
        self.transport.loseConnection()
        ending = reason.value
        assert isinstance(ending, ProcessDone | ProcessTerminated)
        status: int | None = ending.exitCode
        if not self.ended.called:
            self.ended.callback(Ended(status, bytes(self._output), self._late))

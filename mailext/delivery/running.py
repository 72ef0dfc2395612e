"""A program that is run: within bounds of time and output, by no shell."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailext.delivery import launch

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
    Run a program in the folder ``/``, in a session of its own.

    :param arguments: its file, an absolute path, and its arguments.
    :param environment: all of its environment.
    :param content: the descriptor of an open file, its standard input. It may
        be closed when this returns.
    :param timeout: seconds; then it is ended, and what it has begun.
    :return: a Deferred of how it ended; it fails with :class:`OSError` if the
        program cannot be run. To cancel it is to end the program.
    :raise OSError: if no process can be started.
    """
    run = _Run(reactor, timeout)
    # -I, -S: whatever is set for Python on this machine is for others.
    launching = [sys.executable, "-I", "-S", launch.__file__, *arguments]
    reactor.spawnProcess(
        run,
        os.fsencode(sys.executable),
        [os.fsencode(each) for each in launching],
        {name.encode(): value.encode() for name, value in environment.items()},
        b"/",
        childFDs={0: content, 1: "r", 2: "r", launch.REPORT: "r"},
    )
    return run.ended


class _Run(ProcessProtocol):
    """
    One run.

    :ivar ended: fires with :class:`Ended`.
    """

    transport: IProcessTransport
    _pid: int
    _timer: IDelayedCall

    def __init__(self, clock: IReactorTime, timeout: float) -> None:
        self.ended: Deferred[Ended] = Deferred(lambda _: self._terminate())
        self._clock = clock
        self._timeout = timeout
        self._output = bytearray()
        self._report = bytearray()
        self._late = False
        self._terminated = False

    def connectionMade(self) -> None:
        """See :meth:`twisted.internet.interfaces.IProcessProtocol.makeConnection`."""
        # It forgets it when the process is gone; its group may live on.
        self._pid = self.transport.pid
        self._timer = self._clock.callLater(self._timeout, self._time_is_over)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Output beyond the bound is read, and forgotten."""
        said = self._report if childFD == launch.REPORT else self._output
        said += data[: _MOST_OUTPUT - len(said)]

    def processExited(self, reason: Failure) -> None:
        """See :meth:`twisted.internet.interfaces.IProcessProtocol.processExited`."""
        self._cancel_timer()
        if self._terminated:
            # Whoever has not gone with it had the same time for it.
            self._signal(signal.SIGKILL)
        self._timer = self._clock.callLater(_GRACE, self._finish, reason)

    def processEnded(self, reason: Failure) -> None:
        """See :meth:`twisted.internet.interfaces.IProcessProtocol.processEnded`."""
        # It may have been finished before, if a child has held its output open.
        if self._timer.active():
            self._timer.cancel()
            self._finish(reason)

    def _time_is_over(self) -> None:
        self._late = True
        self._terminate()

    def _terminate(self) -> None:
        self._cancel_timer()
        self._terminated = True
        self._signal(signal.SIGTERM)
        self._timer = self._clock.callLater(_GRACE, self._signal, signal.SIGKILL)

    def _cancel_timer(self) -> None:
        if self._timer.active():
            self._timer.cancel()

    def _signal(self, number: signal.Signals) -> None:
        # While it is being launched it has no group of its own yet. A program
        # that has taken another user's rights is not ours to end.
        with contextlib.suppress(ProcessExitedAlready, PermissionError):
            self.transport.signalProcess(number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def _finish(self, reason: Failure) -> None:
        # What still holds the output open is not waited for.
        self.transport.loseConnection()
        if self.ended.called:
            return
        if self._report != launch.LAUNCHED and not self._terminated:
            self.ended.errback(_why_not_run(bytes(self._report)))
            return
        ending = reason.value
        assert isinstance(ending, ProcessDone | ProcessTerminated)
        status: int | None = ending.exitCode
        self.ended.callback(Ended(status, bytes(self._output), self._late))


def _why_not_run(report: bytes) -> OSError:
    number = report.removeprefix(launch.LAUNCHED)
    return OSError(int(number), os.strerror(int(number))) if number else OSError("it was not launched")

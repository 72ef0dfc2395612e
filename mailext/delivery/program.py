"""
Programs as a delivery target: what an operator has put behind an address, as
an archive, a list manager or a vacation program.

It is run once for each recipient, by no shell, and reads the message from its
standard input, with the line ends of this machine. The message is complete in
a file before the program begins: it never takes a part for the whole. Its
environment says who it is for and what it demands of its path (R25, RFC 8689
section 6), and nothing else of the server's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore
from twisted.logger import Logger
from zope.interface import implementer

from mailext.delivery.final_fields import LOOP, FinalFields
from mailext.delivery.running import Ended, IProgramReactor, run_program
from mailext.delivery.spool import BodySpool
from mailext.delivery.sysexits import outcome_of_status
from mailext.interfaces import IDelivery, IDeliveryTarget
from mailext.message.harmless import line
from mailext.message.headers import HeaderSection
from mailext.threads import RunInThread
from mailext.values import Envelope, Mailbox, Outcome, Recipient

__all__ = ["Program", "ProgramMeans", "ProgramTarget", "environment_of"]

_log = Logger()

_LATE = Outcome(451, "4.3.0", "The program took too long")
_KILLED = Outcome(451, "4.3.0", "A signal ended the program")
_NOT_TO_BE_RUN = Outcome(451, "4.3.5", "The program cannot be run")
_MOST_SAID = 400
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Program:
    """
    :param arguments: its file, an absolute path, and its arguments.
    :param timeout: how long it may run, in seconds.
    """

    arguments: tuple[str, ...]
    timeout: float


@dataclass(frozen=True, slots=True)
class ProgramMeans:
    """
    What programs are run with.

    :param gate: so many run at one time.
    :param spools: the folder that messages wait in.
    :param in_thread: where files are worked on.
    """

    reactor: IProgramReactor
    gate: DeferredSemaphore
    spools: Path
    in_thread: RunInThread


@implementer(IDeliveryTarget)
@dataclass(frozen=True, slots=True)
class ProgramTarget:
    """Delivers to a program."""

    program: Program
    means: ProgramMeans

    def startDelivery(self, envelope: Envelope, headers: HeaderSection) -> IDelivery:
        """See :meth:`mailext.interfaces.IDeliveryTarget.startDelivery`."""
        return _ProgramDelivery(self.program, self.means, envelope, headers)


def environment_of(envelope: Envelope, recipient: Recipient) -> dict[str, str]:
    """
    All of the environment that a program has. The names are those that
    Postfix gives to programs; ``REQUIRETLS`` is ours.
    """
    address = recipient.address
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "SENDER": str(envelope.reverse_path or ""),
        "RECIPIENT": str(address),
        "ORIGINAL_RECIPIENT": str(recipient.original or address),
        "LOCAL": address.local_part,
        "DOMAIN": address.domain,
        "REQUIRETLS": envelope.tls_demand.word,
    }


@implementer(IDelivery)
class _ProgramDelivery:
    """One message on its way into a program, for one recipient or several."""

    def __init__(
        self, program: Program, means: ProgramMeans, envelope: Envelope, headers: HeaderSection
    ) -> None:
        self._program = program
        self._means = means
        self._envelope = envelope
        self._fields = FinalFields(envelope.reverse_path, headers)
        self._spool = BodySpool(means.spools)
        self._lines = _LineEnds()
        self._in_order = DeferredLock()

    def write(self, data: bytes) -> Deferred[None]:
        """See :meth:`mailext.interfaces.IDelivery.write`."""
        return self._in_order.run(self._means.in_thread, self._spool.extend, [self._lines.converted(data)])

    def commit(self) -> Deferred[Mapping[Mailbox, Outcome]]:
        """See :meth:`mailext.interfaces.IDelivery.commit`."""
        return self._in_order.run(lambda: Deferred.fromCoroutine(self._deliver()))

    def abort(self) -> None:
        """See :meth:`mailext.interfaces.IDelivery.abort`."""
        closed = self._in_order.run(self._means.in_thread, self._spool.close)
        closed.addErrback(lambda failure: _log.failure("A spool could not be closed", failure))

    async def _deliver(self) -> Mapping[Mailbox, Outcome]:
        self._spool.end([self._lines.rest()])
        try:
            return {each.address: await self._deliver_to(each) for each in self._envelope.recipients}
        finally:
            self._spool.close()

    async def _deliver_to(self, recipient: Recipient) -> Outcome:
        if self._fields.have_been_in(recipient.address):
            return LOOP
        return await self._means.gate.run(lambda: Deferred.fromCoroutine(self._run(recipient)))

    async def _run(self, recipient: Recipient) -> Outcome:
        headers = bytes(self._fields.of(recipient)).replace(b"\r\n", b"\n")
        try:
            with await self._means.in_thread(self._content, headers) as content:
                running = run_program(
                    self._means.reactor,
                    self._program.arguments,
                    environment_of(self._envelope, recipient),
                    content.fileno(),
                    self._program.timeout,
                )
            return _outcome_of(await running)
        except OSError as error:
            _log.warn(
                "The program {program} for {recipient} cannot be run: {reason}",
                program=self._program.arguments[0],
                recipient=str(recipient.address),
                reason=error.strerror or str(error),
            )
            return _NOT_TO_BE_RUN

    def _content(self, headers: bytes) -> IO[bytes]:
        """A file with the whole message, at its beginning; this blocks."""
        content = tempfile.TemporaryFile(dir=self._means.spools, buffering=0)  # noqa: SIM115 - closed by the caller
        try:
            self._spool.write_to(content.fileno(), headers)
            content.seek(0)
        except BaseException:
            content.close()
            raise
        return content


def _outcome_of(ended: Ended) -> Outcome:
    if ended.late:
        return _LATE
    if ended.status is None:
        return _KILLED
    outcome = outcome_of_status(ended.status)
    said = line(ended.output.decode("utf-8", "replace"), _MOST_SAID)
    return outcome if outcome.delivered or not said else replace(outcome, text=f"{outcome.text}: {said}")


class _LineEnds:
    """CRLF becomes LF, wherever the pieces are cut."""

    def __init__(self) -> None:
        self._held = b""

    def converted(self, data: bytes) -> bytes:
        data = self._held + data
        self._held = b"\r" if data.endswith(b"\r") else b""
        return data[: len(data) - len(self._held)].replace(b"\r\n", b"\n")

    def rest(self) -> bytes:
        """What was held back, at the end."""
        return self._held

"""Hosts that do not answer are left alone for a while, whichever domain's they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from zope.interface import implementer

from mailext.interfaces import IHopConnection, IHopConnector
from mailext.queue.backoff import DestinationBackoff
from mailext.queue.dispatch import Deferral
from mailext.values import HopError, NextHop, Outcome, TlsFailedError, TlsUse

__all__ = ["HostLeftAloneError", "HostPatience", "PatientConnector"]


class HostLeftAloneError(HopError):
    """
    No connection was tried.

    :ivar deferral: why not, and until when.
    """

    def __init__(self, deferral: Deferral) -> None:
        super().__init__(deferral.outcome)
        self.deferral = deferral


class HostPatience:
    """
    Remembers which hosts did not answer.

    :param backoff: by host and port.
    """

    def __init__(self, backoff: DestinationBackoff) -> None:
        self._backoff = backoff

    def deferral(self, hop: NextHop) -> Deferral | None:
        """See :meth:`mailext.queue.backoff.DestinationBackoff.deferral`."""
        return self._backoff.deferral(_name(hop))

    def unconnected(self, hop: NextHop, error: HopError) -> None:
        """There is no connection."""
        if isinstance(error, TlsFailedError) or not error.outcome.is_temporary:
            self._backoff.reached(_name(hop))
        else:
            self._backoff.failed(_name(hop), error.outcome)

    def answered(self, connection: IHopConnection, outcomes: Iterable[Outcome] = ()) -> bool:
        """
        The envelope of a message was said on a connection.

        :param outcomes: what became of it, if no content is wanted.
        :return: whether the host had an answer to it.
        """
        mute = next((each for each in outcomes if not each.host and each.enhanced == "4.4.2"), None)
        if mute is None:
            self._backoff.reached(_name(connection.hop))
        elif not connection.reused:
            # A host may part with a connection that it has had for long.
            self._backoff.failed(_name(connection.hop), mute)
        return mute is None

    def forget(self) -> None:
        """See :meth:`mailext.queue.backoff.DestinationBackoff.forget`, of all hosts."""
        self._backoff.forget_all()


@implementer(IHopConnector)
class PatientConnector:
    """
    Leaves hosts alone that did not answer: to be asked for each connection
    that is made, and thus behind those who wait for one.

    :param connector: makes connections.
    """

    def __init__(self, connector: IHopConnector, patience: HostPatience) -> None:
        self._connector = connector
        self._patience = patience

    def connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        """See :meth:`IHopConnector.connect`; it may fail with :class:`HostLeftAloneError`."""
        if (deferral := self._patience.deferral(hop)) is not None:
            return fail(HostLeftAloneError(deferral))

        def unconnected(failure: Failure) -> Failure:
            if isinstance(failure.value, HopError):
                self._patience.unconnected(hop, failure.value)
            return failure

        return self._connector.connect(hop, use, satisfies, failed).addErrback(unconnected)


def _name(hop: NextHop) -> str:
    return f"{hop.host}:{hop.port}"

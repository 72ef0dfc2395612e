"""What a connection of IMAP and one of POP3 have in common: the handshake, its times, its end."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IHandshakeListener, IReactorTime
from twisted.protocols.policies import TimeoutMixin
from zope.interface import implementer

from mailext.access.outflow import Outflow
from mailext.access.presence import Presence
from mailext.access.settings import AccessSettings
from mailext.access.transport import IReaderTransport
from mailext.clientid.login import AnyPortal
from mailext.values import Protocol, SessionView

__all__ = ["AccessConnection"]

# How long a client has to take its last line, in seconds.
_FAREWELL_SECONDS = 10.0
# The same for one that is told that the server stops: nobody is to wait for it.
_LAST_SECONDS = 2.0


@implementer(IHandshakeListener)
class AccessConnection(TimeoutMixin):
    """
    Stands before the stock class of its protocol, among the bases of a class.

    :ivar time_limit: the key of ``[limits]`` whose time runs.
    :ivar verb: the command that is under way, for the log.
    """

    # The stock classes give these the types of their defaults.
    timeOut: float  # type: ignore[assignment]
    portal: AnyPortal
    transport: IReaderTransport
    presence: Presence
    outflow: Outflow

    time_limit = "command-timeout"
    verb = "the session"
    is_stopping = False
    is_leaving = False
    is_over = False

    def set_up(
        self, settings: AccessSettings, portal: AnyPortal, clock: IReactorTime, ended: Callable[[], object]
    ) -> None:
        """
        To be called by the constructor.

        :param ended: called without arguments when the connection is gone.
        """
        self.settings = settings
        self.clock = clock
        self.portal = portal
        self.timeOut = settings.command_timeout
        self._ended = ended

    def open(self, protocol: Protocol, drained: Callable[[], object]) -> None:
        """
        There is a connection, and nobody has been greeted yet.

        :param drained: see :class:`~mailext.access.outflow.Outflow`.
        """
        self.presence = Presence(protocol, self.transport, self.settings, self.portal, self.clock)
        self.outflow = Outflow(self.transport, self.clock, self.settings.command_timeout, drained)
        self.outflow.open()

    def await_handshake(self) -> None:
        """TLS begins."""
        self.time_limit = "handshake-timeout"
        self.setTimeout(self.settings.handshake_timeout)

    def handshakeCompleted(self) -> None:
        """TLS has begun (:class:`~twisted.internet.interfaces.IHandshakeListener`)."""
        self.presence.handshake_completed()
        self.time_limit = "command-timeout"
        self.setTimeout(self.settings.command_timeout)

    def sessionView(self) -> SessionView:
        """What checkers may know of this session."""
        return self.presence.view()

    def callLater(self, period: float, func: Callable[[], object]) -> IDelayedCall:
        """What :class:`~twisted.protocols.policies.TimeoutMixin` measures time with."""
        return self.clock.callLater(period, func)

    def cut_off(self) -> None:
        """End the connection at once."""
        self.transport.abortConnection()

    def part(self) -> None:
        """End the connection once the client has taken its last line, or had time to."""
        self.is_leaving = True
        self.setTimeout(_LAST_SECONDS if self.is_stopping else _FAREWELL_SECONDS)
        self.outflow.close()
        self.transport.loseConnection()

    def gone(self) -> None:
        """To be called when the connection is lost, with ``is_over`` set: nobody is here any more."""
        self.presence.end()
        self._ended()

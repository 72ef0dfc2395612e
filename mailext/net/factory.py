"""The factory that stands in for :class:`twisted.mail.smtp.SMTPFactory`."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.mail import smtp

from mailext.clientid.login import AnyPortal
from mailext.counts import ConnectionCounts, LiveConnections
from mailext.net import tls
from mailext.net.esmtp import ESMTP
from mailext.net.settings import ListenerSettings
from mailext.refusal_log import log_connection_refused
from mailext.wire import replies

__all__ = ["SMTPFactory"]


class _Refusal(Protocol):
    """A connection beyond the limits: told so, and closed."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        if tls.is_encrypted(self.transport):
            # Nothing can be told before a handshake, which it may never make.
            ITCPTransport(self.transport).abortConnection()
            return
        self.transport.write(bytes(replies.TOO_MANY_CONNECTIONS))
        self.transport.loseConnection()


class SMTPFactory(smtp.SMTPFactory):
    """
    Makes :class:`~mailext.net.esmtp.ESMTP` protocols.

    As with the stock factory, ``portal`` and ``domain`` reach the protocols,
    and ``buildProtocol`` can be extended to set more on them. ``protocol``
    may be another subclass of ``ESMTP``.

    :param portal: whom logins, also anonymous ones, are made with.
    :param settings: the settings of the listener.
    :param clock: what measures time; None: the reactor.
    :param counts: counts the connections for the limits; given where several
        factories share them.
    """

    protocol = ESMTP

    def __init__(
        self,
        portal: AnyPortal | None = None,
        settings: ListenerSettings | None = None,
        *,
        clock: IReactorTime | None = None,
        counts: ConnectionCounts | None = None,
    ) -> None:
        super().__init__(portal)
        self.settings = settings
        self.clock = clock
        self._live: LiveConnections[ESMTP] = LiveConnections(counts or ConnectionCounts())
        if settings is not None:
            self.domain = settings.hostname.encode("ascii")

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        address = getattr(addr, "host", "")
        limits = self.settings or self.protocol.settings
        if limit := self._live.limit_reached(address, limits):
            told = replies.TOO_MANY_CONNECTIONS
            log_connection_refused(
                limits.name,
                address or "local",
                code=told.code,
                enhanced=told.enhanced or "",
                reason=" ".join(told.lines),
                limit=limit,
            )
            return _Refusal()
        protocol = super().buildProtocol(addr)
        if self.settings is not None:
            protocol.settings = self.settings
            protocol.timeout = self.settings.command_timeout
            protocol.plaintextAuth = self.settings.plaintext_auth
            protocol.challengers = self.settings.challengers
            protocol.ctx = self.settings.tls
        protocol.clock = self.clock
        protocol.ended = self._live.ended
        self._live.begun(protocol, address)
        return cast("Protocol", protocol)

    @property
    def has_connections(self) -> bool:
        """Whether one of its protocols is connected."""
        return bool(self._live)

    def drain(self) -> Deferred[None]:
        """
        End every connection: with 421, and after the message that is coming
        in, if one is.

        :return: a Deferred that fires when the last one is gone.
        """
        drained = self._live.drained()
        for protocol in self._live:
            protocol.retire()
        return drained

    def cut_off(self) -> None:
        """End every connection with 421 at once, whatever is under way."""
        for protocol in self._live:
            protocol.timeoutConnection()

    def end_sessions(self, avatar_id: str) -> None:
        """
        End every connection of one account, which is no longer who it was:
        with 421, and after the message that is coming in, if one is.

        :param avatar_id: who has logged in.
        """
        for protocol in self._live:
            if protocol.sessionView().avatar_id == avatar_id:
                protocol.retire(replies.LOGIN_REVOKED)

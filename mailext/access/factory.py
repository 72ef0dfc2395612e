"""Makes the protocols of one listener, within its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol as TypingProtocol
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol

from mailext import tls_layer
from mailext.access.settings import AccessSettings
from mailext.clientid.login import AnyPortal
from mailext.counts import ConnectionCounts, LiveConnections
from mailext.refusal_log import log_connection_refused
from mailext.values import SessionView

__all__ = ["AccessFactory", "AccessProtocol", "ProtocolMaker", "TooMany"]

_SHUTTING_DOWN = b"The server is shutting down"
_LOGIN_REVOKED = b"The login is no longer valid"
_TOO_MANY = "Too many connections"


class AccessProtocol(TypingProtocol):
    """What is asked of :class:`~mailext.access.imap.IMAP4` and :class:`~mailext.access.pop3.POP3`."""

    def sessionView(self) -> SessionView: ...

    def retire(self, farewell: bytes) -> None: ...

    def cut_off(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TooMany:
    """
    What a protocol says to a connection beyond the limits.

    :param code: BYE or -ERR.
    :param response_code: what stands in brackets behind it.
    """

    code: str
    response_code: str

    @property
    def line(self) -> bytes:
        """The line, for whoever connects."""
        untagged = "* " if self.code == "BYE" else ""
        return f"{untagged}{self.code} [{self.response_code}] {_TOO_MANY}\r\n".encode("ascii")


class ProtocolMaker(TypingProtocol):
    """Makes the protocol of one connection."""

    too_many: TooMany

    def __call__(
        self, settings: AccessSettings, portal: AnyPortal, clock: IReactorTime, ended: Callable[[], object]
    ) -> AccessProtocol: ...


class _Refusal(Protocol):
    """A connection beyond the limits: told so, and closed."""

    def __init__(self, told: bytes) -> None:
        self._told = told

    def connectionMade(self) -> None:
        assert self.transport is not None
        if tls_layer.is_encrypted(self.transport):
            # Nothing can be told before a handshake, which it may never make.
            ITCPTransport(self.transport).abortConnection()
            return
        self.transport.write(self._told)
        self.transport.loseConnection()


class AccessFactory(Factory):
    """
    :param make: a class of protocols.
    :param portal: whom logins are made with.
    :param counts: counts the connections for the limits; factories that stand
        behind one listener one after the other share it.
    """

    noisy = False

    def __init__(
        self,
        make: ProtocolMaker,
        portal: AnyPortal,
        settings: AccessSettings,
        clock: IReactorTime,
        counts: ConnectionCounts,
    ) -> None:
        self._make = make
        self._portal = portal
        self._settings = settings
        self._clock = clock
        self._live: LiveConnections[AccessProtocol] = LiveConnections(counts)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        address = getattr(addr, "host", "")
        limits = self._settings
        if limit := self._live.limit_reached(address, limits):
            told = self._make.too_many
            log_connection_refused(
                limits.name,
                address or "local",
                code=told.code,
                enhanced=told.response_code,
                reason=_TOO_MANY,
                limit=limit,
            )
            return _Refusal(told.line)
        protocol = self._make(self._settings, self._portal, self._clock, lambda: self._live.ended(protocol))
        self._live.begun(protocol, address)
        return cast("Protocol", protocol)

    @property
    def has_connections(self) -> bool:
        """Whether one of its protocols is connected."""
        return bool(self._live)

    def drain(self) -> Deferred[None]:
        """
        End every connection, after the command that is under way.

        :return: a Deferred that fires when the last one is gone.
        """
        drained = self._live.drained()
        for protocol in self._live:
            protocol.retire(_SHUTTING_DOWN)
        return drained

    def cut_off(self) -> None:
        """End every connection at once, whatever is under way."""
        for protocol in self._live:
            protocol.cut_off()

    def end_sessions(self, avatar_id: str) -> None:
        """
        End every connection of one account, which is no longer who it was.

        :param avatar_id: who has logged in.
        """
        for protocol in self._live:
            if protocol.sessionView().avatar_id == avatar_id:
                protocol.retire(_LOGIN_REVOKED)

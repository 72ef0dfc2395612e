"""Connections to next hops, opened and ready for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IReactorUNIX, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from zope.interface import implementer

from mailext.interfaces import IHopConnection, IHopConnector, IPipeliningConnection
from mailext.net.client.opening import open_connection
from mailext.net.client.protocol import MailClient
from mailext.net.client.settings import ClientSettings
from mailext.net.client.verification import TrustRoots
from mailext.values import (
    Envelope,
    HopError,
    HopSession,
    Mailbox,
    NextHop,
    Outcome,
    TlsEvidence,
    TlsFailedError,
    TlsUse,
)

__all__ = ["Connection", "Connector", "Dial", "dialler"]

#: Makes the endpoint of an IP address, or of a name that has to be looked up,
#: and a port; or of the path of a socket.
Dial = Callable[[str, int], IStreamClientEndpoint]


def dialler(reactor: IReactorTCP, timeout: float) -> Dial:
    """
    Connections over TCP, or to a socket of this machine.

    :param timeout: seconds for each.
    """

    def dial(address: str, port: int) -> IStreamClientEndpoint:
        if address.startswith("/"):
            return UNIXClientEndpoint(cast("IReactorUNIX", reactor), address, timeout)
        if isIPv6Address(address):
            return TCP6ClientEndpoint(reactor, address, port, timeout)
        if isIPAddress(address):
            return TCP4ClientEndpoint(reactor, address, port, timeout)
        return HostnameEndpoint(reactor, address, port, timeout)

    return dial


@implementer(IPipeliningConnection)
class Connection:
    """
    A connection that is ready for messages.

    :param client: its protocol, opened.
    """

    def __init__(self, client: MailClient) -> None:
        self.client = client
        self.hop: NextHop = client.hop
        self.session: HopSession = client.connection
        self.address: str = client.address
        self.reused = False

    @property
    def onContentSent(self) -> Callable[[], object]:
        return self.client.content_sent

    @onContentSent.setter
    def onContentSent(self, told: Callable[[], object]) -> None:
        self.client.content_sent = told

    @property
    def evidence(self) -> TlsEvidence | None:
        return self.client.evidence

    @property
    def keywords(self) -> Mapping[str, tuple[str, ...]]:
        return self.client.keywords

    @property
    def usable(self) -> bool:
        return self.client.usable

    @property
    def worn_out(self) -> bool:
        return self.client.worn_out

    def send(
        self, envelope: Envelope, content: Iterable[bytes | Deferred[None]]
    ) -> Deferred[Mapping[Mailbox, Outcome]]:
        return self.client.send(envelope, content)

    def release(self) -> None:
        self.quit()

    def quit(self) -> Deferred[None]:
        return self.client.quit()


class _Clients(Factory):
    """Makes one protocol."""

    noisy = False

    def __init__(self, client: MailClient) -> None:
        self._client = client

    def buildProtocol(self, _: object) -> MailClient:
        return self._client


@implementer(IHopConnector)
class Connector:
    """
    Makes a new connection each time.

    :param dial: makes the endpoints.
    :param roots: the authorities that are trusted.
    """

    def __init__(self, dial: Dial, settings: ClientSettings, roots: TrustRoots, clock: IReactorTime) -> None:
        self._dial = dial
        self._settings = settings
        self._roots = roots
        self._clock = clock

    def connect(
        self,
        hop: NextHop,
        use: TlsUse,
        satisfies: Callable[[IHopConnection], bool],
        failed: Callable[[TlsFailedError], object] = lambda _: None,
    ) -> Deferred[IHopConnection]:
        del satisfies  # a new one is the caller's to judge
        return Deferred.fromCoroutine(self._connect(hop, use, failed))

    async def _connect(
        self, hop: NextHop, use: TlsUse, failed: Callable[[TlsFailedError], object]
    ) -> IHopConnection:
        errors: list[HopError] = []
        for address in hop.addresses or (hop.path or hop.host,):
            try:
                return await self._connect_to(address, hop, use)
            except HopError as error:
                if isinstance(error, TlsFailedError):
                    failed(error)
                errors.append(error)
        # What can be expected to pass, rather than what only fails for TLS; but
        # where TLS may fail, the caller can do without it.
        prefers_tls_failure = use is TlsUse.WHERE_OFFERED and not hop.implicit_tls
        preferred = (error for error in errors if isinstance(error, TlsFailedError) is prefers_tls_failure)
        raise next(preferred, errors[0])

    async def _connect_to(self, address: str, hop: NextHop, use: TlsUse) -> IHopConnection:
        client = MailClient(hop, self._settings, self._roots.verifier(hop, use), self._clock)
        try:
            await self._dial(address, hop.port).connect(_Clients(client))
        except ConnectingCancelledError as error:
            # What an endpoint calls a cancellation is for its caller one like any other.
            raise CancelledError from error
        except (ConnectError, DNSLookupError) as error:
            text = f"Cannot connect to {hop.host} at {address}: {error}"
            raise HopError(Outcome(451, "4.4.1", text)) from error
        try:
            await open_connection(client, self._settings, use)
        except HopError:
            client.quit()
            raise
        except BaseException:
            client.abort()
            raise
        return Connection(client)

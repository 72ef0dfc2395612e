"""The connection under one exchange by HTTPS."""

from __future__ import annotations

from itertools import islice

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from mailext.interfaces import IResolver
from mailext.net.client.connector import Dial
from mailext.net.client.verification import StrictVerifier, TrustRoots
from mailext.routing.hosts import by_turns
from mailext.values import DnsError

__all__ = ["CertificateRefusedError", "HttpsConnection", "HttpsError"]

# How many addresses of a host are tried.
_ADDRESSES = 4


class HttpsError(Exception):
    """
    There is no answer.

    :param temporary: whether there may be one later, for all that is known.
    """

    def __init__(self, reason: str, *, temporary: bool) -> None:
        super().__init__(reason)
        self.temporary = temporary


class CertificateRefusedError(HttpsError):
    """The server has not proved its name."""


class _Guard(ProtocolWrapper):
    """
    Counts what comes in under TLS, and remembers how it ended.

    :param left: how many octets may come in.
    """

    def __init__(self, factory: WrappingFactory[_Guard], wrapped: IProtocol, left: int) -> None:
        super().__init__(factory, wrapped)
        self.left = left
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            self.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Guards(WrappingFactory[_Guard]):
    """Puts a guard before a protocol."""

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, limit: int) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self._limit = limit

    def buildProtocol(self, addr: IAddress | None) -> _Guard:
        return _Guard(self, self.wrappedFactory.buildProtocol(addr), self._limit)


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class HttpsConnection:
    """
    Is made when it is first asked for, and once.

    :param dial: makes the endpoints of addresses.
    :param roots: the authorities that are trusted.
    :param clock: for TLS.
    :param limit: how many octets may come in under TLS.
    """

    def __init__(
        self, dial: Dial, resolver: IResolver, roots: TrustRoots, clock: IReactorTime, limit: int
    ) -> None:
        self._dial = dial
        self._resolver = resolver
        self._roots = roots
        self._verifier: StrictVerifier | None = None
        self._clock = clock
        self._limit = limit
        self._host = ""
        self._port = 0
        self._guard: _Guard | None = None

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See ``IAgentEndpointFactory.endpointForURI``: the one connection there is."""
        self._host, self._port = uri.host.decode("ascii"), uri.port
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See ``IStreamClientEndpoint.connect``; it fails with :class:`HttpsError`."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        error = HttpsError(f"{self._host} has no address", temporary=False)
        self._verifier = verifier = self._made_verifier()
        for address in await self._addresses():
            endpoint = wrapClientTLS(verifier, self._dial(address, self._port), self._clock)
            try:
                guard = await endpoint.connect(_Guards(factory, self._limit))
            except ConnectError as failed:
                error = HttpsError(f"cannot connect to {self._host} at {address}: {failed}", temporary=True)
            else:
                assert isinstance(guard, _Guard)
                self._guard = guard
                return guard.wrappedProtocol
        raise error

    def _made_verifier(self) -> StrictVerifier:
        try:
            return self._roots.strict_verifier(self._host)
        except ValueError as error:
            raise HttpsError(
                f"not a name that a certificate can have: {self._host}", temporary=False
            ) from error

    async def _addresses(self) -> list[str]:
        try:
            answer = await self._resolver.addresses(self._host)
        except DnsError as error:
            raise HttpsError(f"cannot look up {self._host}: {error}", temporary=True) from error
        return list(islice(by_turns(answer.records), _ADDRESSES))

    def abandon(self) -> None:
        """Nobody wants anything of it any more."""
        if self._guard is not None and self._guard.lost is None:
            self._guard.abortConnection()

    @property
    def ended_in_order(self) -> bool:
        """Whether the other side has ended TLS before the connection."""
        lost = self._guard.lost if self._guard is not None else None
        return lost is not None and lost.check(ConnectionDone) is not None

    def explained(self, error: Exception) -> HttpsError:
        """
        :param error: what the exchange failed with.
        :return: the same by what is known of the connection.
        """
        if self._guard is None or self._guard.lost is None:
            return HttpsError(f"{self._host} does not answer by HTTP: {error}", temporary=True)
        if self._guard.left < 0:
            return HttpsError(f"{self._host} sends more than {self._limit} octets", temporary=False)
        if self._verifier is not None and self._verifier.refusal is not None:
            return CertificateRefusedError(f"{self._host}: {self._verifier.refusal}", temporary=False)
        cause = self._guard.lost.value
        if isinstance(cause, SSL.Error):
            return HttpsError(f"no TLS with {self._host}: {_words(cause)}", temporary=True)
        return HttpsError(f"the connection to {self._host} was lost: {cause}", temporary=True)


def _words(error: SSL.Error) -> str:
    found = error.args[0] if error.args else ()
    return "; ".join(str(reason[-1]) for reason in found)

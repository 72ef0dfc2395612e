"""The policy host of our own domains: the web server of one text (RFC 8461 section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.http import NOT_ALLOWED, NOT_FOUND
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from mailext.trust.mta_sts.policy import StsPolicy

__all__ = ["PolicyResource", "policy_site", "within_bounds"]

_PATH = b"/.well-known/mta-sts.txt"
_HOST = "mta-sts."

# What a connection may take: seconds, octets that come in, and others beside it.
_LONGEST_VISIT = 60.0
_LARGEST_VISIT = 1 << 16
_VISITS = 500


class PolicyResource(Resource):
    """
    Serves policies.

    :param policies: by domain.
    """

    isLeaf = True

    def __init__(self, policies: Mapping[str, StsPolicy]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._policies = policies

    def render(self, request: Request) -> bytes:
        """The policy of the domain whose policy host was asked for."""
        text = self._answer(request)
        request.setHeader(b"Server", b"mailext")
        request.setHeader(b"Content-Type", b"text/plain")
        request.setHeader(b"Content-Length", b"%d" % len(text))
        return b"" if request.method == b"HEAD" else text

    def _answer(self, request: Request) -> bytes:
        if request.method not in {b"GET", b"HEAD"}:
            request.setResponseCode(NOT_ALLOWED)
            request.setHeader(b"Allow", b"GET, HEAD")
            return b"There is something to be read here, and nothing else.\n"
        policy = self._policy(request)
        if policy is None:
            request.setResponseCode(NOT_FOUND)
            return b"There is nothing here.\n"
        # Section 8.2: for reverse proxies; senders may not go by it.
        request.setHeader(b"Cache-Control", b"max-age=60")
        return policy.text

    def _policy(self, request: Request) -> StsPolicy | None:
        host = request.getRequestHostname().decode("ascii", "replace").lower().rstrip(".")
        if request.path != _PATH or not host.startswith(_HOST):
            return None
        return self._policies.get(host.removeprefix(_HOST))


def policy_site(policies: Mapping[str, StsPolicy], clock: IReactorTime) -> IProtocolFactory:
    """
    The factory of a web server, in clear: TLS is put around it, and around that
    :func:`within_bounds`.

    :param policies: by domain, in A-labels and lower case.
    """
    return Site(PolicyResource(policies), reactor=clock, parsePOSTFormSubmission=False)


def within_bounds(factory: IProtocolFactory, clock: IReactorTime) -> IProtocolFactory:
    """The same, for so many connections at a time, each for so long and so much."""
    return _Visits(factory, clock.callLater)


class _Visit(ProtocolWrapper):
    """One connection, within bounds."""

    def __init__(self, factory: _Visits, wrapped: IProtocol, call_later: Callable[..., IDelayedCall]) -> None:
        super().__init__(factory, wrapped)
        self._call_later = call_later
        self._left = _LARGEST_VISIT
        self._deadline: IDelayedCall | None = None

    def makeConnection(self, transport: ITransport) -> None:
        super().makeConnection(transport)  # type: ignore[no-untyped-call]
        self._deadline = self._call_later(_LONGEST_VISIT, self.abortConnection)

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Visits(WrappingFactory[_Visit]):
    """Lets in so many at a time."""

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, call_later: Callable[..., IDelayedCall]) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self._call_later = call_later

    def buildProtocol(self, addr: IAddress | None) -> _Visit | None:  # type: ignore[override] # none: it is closed
        if len(self.protocols) >= _VISITS:
            return None
        return _Visit(self, self.wrappedFactory.buildProtocol(addr), self._call_later)

"""
HTTPS, as the client of servers that nobody here knows.

Everything is bounded: the time, the octets of the answer, and how many
exchanges there are at once. The name is looked up by our own resolver, and the
certificate must be valid for it before anything is said. Redirects are not
followed, and nothing is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from mailext.interfaces import IResolver
from mailext.net.client.connector import Dial
from mailext.net.client.verification import TrustRoots
from mailext.net.https_connection import CertificateRefusedError, HttpsConnection, HttpsError

__all__ = ["CertificateRefusedError", "HttpsClient", "HttpsError", "HttpsResponse"]

# How many octets the head of an answer, and what a transfer coding adds, may
# have beside the body.
_BESIDE_BODY = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpsResponse:
    """
    An answer, whole.

    :param code: the status code.
    :param media_type: in lower case, without parameters; empty if not said.
    """

    code: int
    media_type: str
    body: bytes


class HttpsClient:
    """
    :param clock: bounds the time of each exchange.
    :param dial: makes the endpoints of addresses.
    :param roots: the authorities that are trusted.
    :param patience: seconds for an exchange, from the look-up of the name to
        the end of the answer.
    :param limit: how many octets the body of an answer may have.
    :param at_once: how many exchanges there are at a time; others wait.
    """

    def __init__(
        self,
        clock: IReactorTime,
        dial: Dial,
        resolver: IResolver,
        roots: TrustRoots,
        *,
        patience: float = 60.0,
        limit: int = 1 << 16,
        at_once: int = 20,
    ) -> None:
        self._clock = clock
        self._dial = dial
        self._resolver = resolver
        self._roots = roots
        self._patience = patience
        self._limit = limit
        self._turns = DeferredSemaphore(at_once)

    def get(self, url: str) -> Deferred[HttpsResponse]:
        """
        :param url: with a host name in A-labels.
        :return: a Deferred of the answer, whatever its status. It fails with
            :class:`HttpsError` alone, also if it is cancelled.
        """
        return self._turns.run(self._bounded, b"GET", url, Headers(), None)

    def post(self, url: str, media_type: str, body: bytes) -> Deferred[HttpsResponse]:
        """
        :param url: with a host name in A-labels.
        :param media_type: of the body.
        :return: as :meth:`get`.
        """
        headers = Headers({"Content-Type": [media_type]})
        return self._turns.run(self._bounded, b"POST", url, headers, _Given(body))

    def _bounded(
        self, method: bytes, url: str, headers: Headers, body: IBodyProducer | None
    ) -> Deferred[HttpsResponse]:
        def impatient(_result: object, seconds: float) -> NoReturn:
            raise HttpsError(f"no answer within {seconds:g} seconds", temporary=True)

        exchanged = Deferred.fromCoroutine(self._exchange(method, url, headers, body))
        return exchanged.addTimeout(self._patience, self._clock, onTimeoutCancel=impatient)

    async def _exchange(
        self, method: bytes, url: str, headers: Headers, body: IBodyProducer | None
    ) -> HttpsResponse:
        headers.setRawHeaders("User-Agent", ["mailext"])
        connection = HttpsConnection(
            self._dial, self._resolver, self._roots, self._clock, self._limit + _BESIDE_BODY
        )
        agent = Agent.usingEndpointFactory(self._clock, connection)
        received = _Received(connection, self._limit)
        try:
            response = await agent.request(method, url.encode("ascii"), headers, body)
            response.deliverBody(received)
            content = await received.whole
        except HttpsError:
            raise
        except Exception as error:
            raise connection.explained(error) from error
        finally:
            connection.abandon()
        # As octets: what others say of their type need not be text at all.
        said = (response.headers.getRawHeaders(b"Content-Type") or [b""])[0].decode("ascii", "replace")
        return HttpsResponse(response.code, said.partition(";")[0].strip().lower(), content)


@implementer(IBodyProducer)
class _Given:
    """The body of a request, all at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It was all there."""

    def resumeProducing(self) -> None:
        """It was all there."""

    def stopProducing(self) -> None:
        """It was all there."""


class _Received(Protocol):
    """
    Takes the body of an answer.

    :param connection: where it comes from.
    :ivar whole: fires with it.
    """

    def __init__(self, connection: HttpsConnection, limit: int) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._connection = connection
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._limit:
            self._parts.append(data)
        elif not self.whole.called:
            self.whole.errback(HttpsError(f"an answer of more than {self._limit} octets", temporary=False))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        # RFC 9112 section 9.8: an answer that does not tell its length ends
        # where TLS does, and not where the connection just breaks.
        whole = reason.check(ResponseDone) or (
            reason.check(PotentialDataLoss) and self._connection.ended_in_order
        )
        if whole:
            self.whole.callback(b"".join(self._parts))
        else:
            self.whole.errback(reason)

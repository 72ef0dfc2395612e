"""TLS reports over HTTPS (RFC 8460 section 5.4)."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.defer import Deferred

from mailext.net.https import HttpsClient, HttpsError, HttpsResponse
from mailext.tlsrpt.courier import ReportRefusedError

__all__ = ["ReportPosting"]


@dataclass(frozen=True, slots=True)
class ReportPosting:
    """
    Posts reports: a :class:`~mailext.tlsrpt.courier.PostReport`.

    RFC 8460 section 3 lets a submitter overlook a certificate that is not
    valid. This one does not: who is told about a domain's mail is then whom the
    domain meant, and no record of anybody's makes us post to a server that does
    not bear the name in it, say within our own network.
    """

    client: HttpsClient

    def __call__(self, url: str, content: bytes, media_type: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._post(url, content, media_type))

    async def _post(self, url: str, content: bytes, media_type: str) -> None:
        try:
            response: HttpsResponse = await self.client.post(url, media_type, content)
        except HttpsError as error:
            raise ReportRefusedError(str(error)) from error
        if not 200 <= response.code < 300:
            raise ReportRefusedError(f"status {response.code}")

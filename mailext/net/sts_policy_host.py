"""The policy hosts of other domains (RFC 8461 section 3.3)."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from mailext.net.https import CertificateRefusedError, HttpsClient, HttpsError
from mailext.trust.mta_sts.means import StsFetchError
from mailext.values import TlsFailure, TlsResultType

__all__ = ["PolicyHosts"]

_OK = 200
# Too many requests, and whatever is wrong with the server.
_TRY_LATER = frozenset({429, *range(500, 600)})


class PolicyHosts:
    """
    Fetches policies: its :meth:`fetch` is a
    :data:`~mailext.trust.mta_sts.means.FetchPolicy`.

    :param client: knows the bounds of section 3.3: a minute, 64 KiB.
    :param port: of policy hosts.
    """

    def __init__(self, client: HttpsClient, port: int = 443) -> None:
        self._client = client
        self._port = port

    def fetch(self, domain: str) -> Deferred[bytes]:
        """
        :return: a Deferred of the text of a domain's policy; it fails with
            :class:`~mailext.trust.mta_sts.means.StsFetchError`.
        """
        return Deferred.fromCoroutine(self._fetch(domain))

    async def _fetch(self, domain: str) -> bytes:
        place = f"mta-sts.{domain}" if self._port == 443 else f"mta-sts.{domain}:{self._port}"
        url = f"https://{place}/.well-known/mta-sts.txt"
        try:
            response = await self._client.get(url)
        except CertificateRefusedError as error:
            raise _failed(TlsResultType.STS_WEBPKI_INVALID, str(error)) from error
        except HttpsError as error:
            raise _failed(
                TlsResultType.STS_POLICY_FETCH_ERROR, str(error), temporary=error.temporary
            ) from error
        if response.code != _OK:
            # A redirect is none either.
            raise _failed(
                TlsResultType.STS_POLICY_FETCH_ERROR,
                f"{url} is answered with status {response.code}",
                temporary=response.code in _TRY_LATER,
            )
        if response.media_type != "text/plain":
            # Section 3.2: others might have put it there.
            said = response.media_type[:100] or "nothing"
            raise _failed(
                TlsResultType.STS_POLICY_FETCH_ERROR, f"{url} is not of the type text/plain: {said!r}"
            )
        return response.body


def _failed(result: TlsResultType, reason: str, *, temporary: bool = False) -> StsFetchError:
    return StsFetchError(TlsFailure(result, reason), temporary=temporary)

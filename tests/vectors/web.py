"""Hostile visitors of our web servers: what they ask, and the status that they get. They are data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class WebSite(Enum):
    #: ``/metrics``, ``/healthz`` and ``/readyz``.
    WATCH = "the watch"
    #: The MTA-STS policy of ``example.org``.
    POLICIES = "policies"


@dataclass(frozen=True)
class WebVector:
    """
    :param status: of the first answer; 0 where there is none.
    :param holds: octets that the answers must hold.
    """

    id: str
    site: WebSite
    said: bytes
    status: int
    source: str
    holds: bytes = b""


_HTTP = "RFC 9112"
_HOST = b"Host: mta-sts.example.org\r\n\r\n"
_PATH = b"/.well-known/mta-sts.txt"
_POLICY = b"version: STSv1"


def _get(target: bytes, rest: bytes = _HOST) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + rest


#: Of every site: octets that are no request, and requests that nobody should make.
_NO_REQUESTS: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 0, _HTTP),
    "empty-lines": (b"\r\n" * 3, 400, _HTTP),
    "8-bit": (b"\xff\xfe\r\n\r\n", 400, _HTTP),
    "nul": (b"\0\r\n\r\n", 400, _HTTP),
    "smtp": (b"EHLO client.example\r\n", 400, _HTTP),
    "tls": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, _HTTP),
    "one-word": (b"GET\r\n\r\n", 400, _HTTP),
    "http-0.9": (b"GET /\r\n\r\n", 400, _HTTP),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "RFC 9113 section 3.4"),
    "version-9": (b"GET / HTTP/9.9\r\n" + _HOST, 400, _HTTP),
    "line-without-end": (b"GET /" + b"x" * 70000, 0, "CWE-400"),
    "header-without-end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 70000, 0, "CWE-400"),
    "headers-by-the-thousand": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n", 400, "CWE-400"),
    "header-without-colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400, _HTTP),
    "header-name-with-space": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "CWE-444"),
    "header-nul": (b"GET / HTTP/1.1\r\nX: a\0b\r\n" + _HOST, 400, "CWE-444"),
    "length-in-words": (b"GET / HTTP/1.1\r\nContent-Length: many\r\n" + _HOST, 400, "CWE-444"),
    "length-plus": (b"GET / HTTP/1.1\r\nContent-Length: +5\r\n" + _HOST, 400, "CWE-444"),
    "length-underscore": (b"GET / HTTP/1.1\r\nContent-Length: 1_0\r\n" + _HOST, 400, "CWE-444"),
    "two-lengths": (b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n" + _HOST, 400, "CWE-444"),
    "length-and-coding": (
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + _HOST,
        400,
        "CWE-444",
    ),
    "coding-unknown": (b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n" + _HOST, 400, "CWE-444"),
    "chunk-size-in-words": (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + _HOST + b"many\r\n",
        400,
        "CWE-444",
    ),
}

_PLACES: dict[str, bytes] = {
    "parents": b"/../../../../etc/passwd",
    "parents-encoded": b"/%2e%2e/%2e%2e/etc/passwd",
    "absolute": b"//etc/passwd",
    "nul-encoded": b"/metrics%00.txt",
    "encoded-twice": b"/%252e%252e/",
    "backslashes": b"/..\\..\\etc",
    "script": b"/<script>",
    "line-end-encoded": b"/%0d%0aX-Injected:%20yes",
    "long": b"/" + b"x" * 10000,
    "query": b"/?metrics",
    "another-scheme": b"ftp://x/",
    "brackets-open": b"http://[::1/x",
}

VECTORS = (
    *(
        WebVector(f"web-{site.name.lower()}-{name}", site, said, status, source)
        for site in WebSite
        for name, (said, status, source) in _NO_REQUESTS.items()
    ),
    *(
        WebVector(f"web-{site.name.lower()}-place-{name}", site, _get(place), 404, "CWE-22")
        for site in WebSite
        for name, place in _PLACES.items()
    ),
    WebVector("web-watch-good", WebSite.WATCH, _get(b"/healthz"), 200, _HTTP, b"alive"),
    WebVector("web-watch-post", WebSite.WATCH, b"POST /healthz HTTP/1.1\r\n" + _HOST, 405, _HTTP),
    WebVector("web-watch-delete", WebSite.WATCH, b"DELETE /metrics HTTP/1.1\r\n" + _HOST, 501, _HTTP),
    WebVector("web-policies-good", WebSite.POLICIES, _get(_PATH), 200, "RFC 8461 section 3.2", _POLICY),
    WebVector("web-policies-capitals", WebSite.POLICIES, _get(_PATH, b"Host: MTA-STS.Example.ORG\r\n\r\n"), 200, "RFC 9110 section 4.2.3", _POLICY),
    WebVector("web-policies-port", WebSite.POLICIES, _get(_PATH, b"Host: mta-sts.example.org:443\r\n\r\n"), 200, "RFC 9110 section 7.2", _POLICY),
    WebVector("web-policies-final-dot", WebSite.POLICIES, _get(_PATH, b"Host: mta-sts.example.org.\r\n\r\n"), 200, "RFC 3986 section 3.2.2", _POLICY),
    *(
        WebVector(f"web-policies-host-{name}", WebSite.POLICIES, _get(_PATH, b"Host: " + host + b"\r\n\r\n"), 404, "RFC 8461 section 3.2")
        for name, host in {
            "another": b"mta-sts.example.net",
            "none-of-it": b"example.org",
            "twice": b"mta-sts.mta-sts.example.org",
            "address": b"127.0.0.1",
            "8-bit": b"mta-sts.ex\xe4mple.org",
            "path": b"mta-sts.example.org/../x",
            "empty": b"",
        }.items()
    ),
    WebVector("web-policies-host-missing", WebSite.POLICIES, _get(_PATH, b"\r\n"), 404, "RFC 9110 section 7.2"),
    WebVector("web-policies-post", WebSite.POLICIES, b"POST " + _PATH + b" HTTP/1.1\r\n" + _HOST, 405, "RFC 9110 section 9.1"),
    WebVector("web-policies-method-unknown", WebSite.POLICIES, b"BREW " + _PATH + b" HTTP/1.1\r\n" + _HOST, 405, "RFC 9110 section 9.1"),
)  # fmt: skip

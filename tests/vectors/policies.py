"""Hostile MTA-STS: TXT records, policies, and what policy hosts answer. They are data."""

from __future__ import annotations

from dataclasses import dataclass

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n"


@dataclass(frozen=True)
class PolicyVector:
    """
    :param text: as the policy host sends it.
    :param comes_of_it: how the reason begins why it is no policy; of a policy
        its mode, its patterns and its life.
    """

    id: str
    text: bytes
    comes_of_it: str
    source: str


@dataclass(frozen=True)
class AnswerVector:
    """
    :param octets: what the policy host says over TLS, before it ends TLS in order.
    :param comes_of_it: what the reason says why there is no policy; ``policy``
        where there is one.
    :param temporary: whether it may be otherwise later.
    """

    id: str
    octets: bytes
    comes_of_it: str
    temporary: bool
    source: str


_READ = "enforce mx.example.com 604800"
_GRAMMAR = "RFC 8461 section 3.2"


def _changed(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new)


_TEXTS: dict[str, tuple[bytes, str]] = {
    "good": (GOOD, _READ),
    "line-feeds": (GOOD.replace(b"\r\n", b"\n"), _READ),
    "carriage-returns": (GOOD.replace(b"\r\n", b"\r"), "not a field"),
    "no-last-line-end": (GOOD[:-2], _READ),
    "two-last-line-ends": (GOOD + b"\r\n", "not a field"),
    "line-end-before": (b"\r\n" + GOOD, "not a field"),
    "byte-order-mark": (b"\xef\xbb\xbf" + GOOD, "not a field"),
    "utf-16": (GOOD.decode().encode("utf-16"), "not UTF-8"),
    "latin1": (GOOD + b"note: caf\xe9\r\n", "not UTF-8"),
    "utf8-note": (GOOD + "note: café\r\n".encode(), _READ),
    "overlong-utf8": (GOOD + b"note: \xc0\xaf\r\n", "not UTF-8"),
    "surrogate": (GOOD + b"note: \xed\xa0\x80\r\n", "not UTF-8"),
    "nul-in-value": (_changed(b"mx.example.com", b"mx.example.com\0.evil"), "not a field"),
    "nul-in-name": (_changed(b"mode:", b"mo\0de:"), "not a field"),
    "nul-behind": (GOOD + b"\0", "not a field"),
    "escape": (_changed(b"enforce", b"\x1b[2Jenforce"), "not a field"),
    "delete": (_changed(b"enforce", b"enforce\x7f"), "not a field"),
    "next-line": (_changed(b"enforce", b"enforce\xc2\x85mode: none"), "not a mode"),
    "line-separator": (_changed(b"enforce", "enforce\u2028mode: none".encode()), "not a mode"),
    "vertical-tab": (_changed(b"enforce", b"enforce\x0bmode: none"), "not a field"),
    "folded": (_changed(b"mode: enforce", b"mode:\r\n enforce"), "not a field"),
    "html": (b"<!DOCTYPE html>\r\n<html>", "not a field"),
    "json": (b'{"version": "STSv1"}', "not a field"),
    "equals-signs": (GOOD.replace(b": ", b"="), "not a field"),
    "nothing": (b"", "no version"),
    "space": (b" ", "not a field"),
    "version-missing": (_changed(b"version: STSv1\r\n", b""), "no version"),
    "version-2": (_changed(b"STSv1", b"STSv2"), "not a version"),
    "version-in-lower-case": (_changed(b"STSv1", b"stsv1"), "not a version"),
    "version-twice": (b"version: STSv2\r\n" + GOOD, "not a version"),
    "mode-missing": (_changed(b"mode: enforce\r\n", b""), "no mode"),
    "mode-unknown": (_changed(b"enforce", b"reject"), "not a mode"),
    "mode-in-capitals": (_changed(b"enforce", b"ENFORCE"), "not a mode"),
    "mode-twice-none-last": (GOOD + b"mode: none\r\n", _READ),
    "mode-twice-none-first": (b"mode: none\r\n" + GOOD, "none mx.example.com 604800"),
    "mode-name-in-capitals": (_changed(b"mode", b"MODE"), "no mode"),
    "max-age-missing": (_changed(b"max_age: 604800\r\n", b""), "no max_age"),
    "max-age-0": (_changed(b"604800", b"0"), "enforce mx.example.com 0"),
    "max-age-greatest": (_changed(b"604800", b"31557600"), "enforce mx.example.com 31557600"),
    "max-age-beyond": (_changed(b"604800", b"31557601"), "not a max_age"),
    "max-age-of-400-digits": (_changed(b"604800", b"9" * 400), "not a max_age"),
    "max-age-negative": (_changed(b"604800", b"-1"), "not a max_age"),
    "max-age-plus": (_changed(b"604800", b"+1"), "not a max_age"),
    "max-age-underscore": (_changed(b"604800", b"1_0"), "not a max_age"),
    "max-age-exponent": (_changed(b"604800", b"1e9"), "not a max_age"),
    "max-age-arabic": (_changed(b"604800", "\u0661".encode()), "not a max_age"),
    "max-age-words": (_changed(b"604800", b"forever"), "not a max_age"),
    "max-age-twice": (GOOD + b"max_age: 1\r\n", _READ),
    "mx-missing": (_changed(b"mx: mx.example.com\r\n", b""), "no mx"),
    "mx-empty": (_changed(b"mx: mx.example.com", b"mx:"), "not a field"),
    "mx-star-alone": (_changed(b"mx.example.com", b"*"), "not a pattern"),
    "mx-two-stars": (_changed(b"mx.example.com", b"*.*.example.com"), "not a pattern"),
    "mx-star-within-label": (_changed(b"mx.example.com", b"m*.example.com"), "not a pattern"),
    "mx-star-in-the-middle": (_changed(b"mx.example.com", b"mx.*.com"), "not a pattern"),
    "mx-star-of-everything": (_changed(b"mx.example.com", b"*.com"), "enforce *.com 604800"),
    "mx-dot-before": (_changed(b"mx.example.com", b".example.com"), "not a pattern"),
    "mx-dot-behind": (_changed(b"mx.example.com", b"mx.example.com."), "not a pattern"),
    "mx-two-dots": (_changed(b"mx.example.com", b"mx..example.com"), "not a pattern"),
    "mx-two-hosts": (_changed(b"mx.example.com", b"mx.example.com, b.example.com"), "not a pattern"),
    "mx-ipv6": (_changed(b"mx.example.com", b"[2001:db8::1]"), "not a pattern"),
    "mx-u-label": (_changed(b"mx.example.com", "bücher.example".encode()), "not a pattern"),
    "mx-regular-expression": (_changed(b"mx.example.com", b"(a+)+$"), "not a pattern"),
    "mx-hyphen-first": (_changed(b"mx.example.com", b"-mx.example.com"), "not a pattern"),
    "mx-label-too-long": (_changed(b"mx.example.com", b"x" * 64 + b".com"), "not a pattern"),
    "mx-name-too-long": (_changed(b"mx.example.com", b"x." * 127 + b"com"), "not a pattern"),
    "mx-in-capitals": (_changed(b"mx.example.com", b"MX.Example.COM"), _READ),
    "mx-by-the-thousand": (GOOD + b"mx: b.example.com\r\n" * 3000, "enforce mx.example.com" + " b.example.com" * 3000 + " 604800"),
    "field-name-too-long": (GOOD + b"x" * 33 + b": y\r\n", "not a field"),
    "field-name-8-bit": (GOOD + "é: y\r\n".encode(), "not a field"),
    "field-name-empty": (GOOD + b": y\r\n", "not a field"),
    "field-value-missing": (GOOD + b"x:\r\n", "not a field"),
    "line-of-60000-octets": (GOOD + b"x: " + b"y" * 60000 + b"\r\n", _READ),
    "backtracking": (GOOD + b"x:" + b" \t" * 20000 + b"\r\n", "not a field"),
}  # fmt: skip

POLICIES = tuple(
    PolicyVector(f"mta-sts-policy-{name}", text, comes_of_it, _GRAMMAR)
    for name, (text, comes_of_it) in _TEXTS.items()
)

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_HTTP = "RFC 9112"
_FETCH = "RFC 8461 section 3.3"


def _with_length(body: bytes, head: bytes = _HEAD) -> bytes:
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


_ANSWERS: dict[str, tuple[bytes, str, bool, str]] = {
    "good": (_with_length(GOOD), "policy", False, _FETCH),
    "without-length": (_HEAD + b"\r\n" + GOOD, "policy", False, _HTTP),
    "http-1.0": (_with_length(GOOD).replace(b"HTTP/1.1", b"HTTP/1.0"), "policy", False, _HTTP),
    "chunked": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD), "policy", False, _HTTP),
    **{
        f"status-{status}": (_with_length(GOOD, b"HTTP/1.1 %d x\r\nContent-Type: text/plain\r\nLocation: https://evil.example/\r\n" % status), f"status {status}", status in (429, 500, 502, 503, 599), _FETCH)
        for status in (201, 202, 203, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 429, 451, 500, 502, 503, 599)
    },
    **{
        f"type-{name}": (_with_length(GOOD, b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n"), "not of the type text/plain", False, "RFC 8461 section 3.2")
        for name, kind in {"html": b"text/html", "empty": b"", "longer": b"text/plainer", "octets": b"application/octet-stream", "reversed": b"plain/text", "escape": b"\x1b[2J", "8-bit": b"\xff\xfe", "long": b"x" * 5000}.items()
    },
    "type-missing": (_with_length(GOOD, b"HTTP/1.1 200 OK\r\n"), "not of the type text/plain", False, "RFC 8461 section 3.2"),
    "type-twice": (_with_length(GOOD, _HEAD + b"Content-Type: text/html\r\n"), "policy", False, "RFC 9110 section 8.3"),
    "too-big": (_with_length(b"x" * 65537), "more than 65536 octets", False, _FETCH),
    "too-big-without-length": (_HEAD + b"\r\n" + b"x" * 65537, "more than 65536 octets", False, _FETCH),
    "too-big-in-chunks": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"2000\r\n" + b"x" * 8192 + b"\r\n" for _ in range(9)) + b"0\r\n\r\n", "more than 65536 octets", False, _FETCH),
    "length-too-long": (_HEAD + b"Content-Length: 1000\r\n\r\n" + GOOD, "", True, _HTTP),
    "length-negative": (_HEAD + b"Content-Length: -1\r\n\r\n" + GOOD, "", True, _HTTP),
    "length-in-words": (_HEAD + b"Content-Length: many\r\n\r\n" + GOOD, "", True, _HTTP),
    "length-plus": (_HEAD + b"Content-Length: +71\r\n\r\n" + GOOD, "", True, _HTTP),
    "length-underscore": (_HEAD + b"Content-Length: 7_1\r\n\r\n" + GOOD, "", True, _HTTP),
    "length-twice": (_HEAD + b"Content-Length: 10\r\nContent-Length: 71\r\n\r\n" + GOOD, "", True, "CWE-444"),
    "chunk-size-in-words": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n" + GOOD, "", True, _HTTP),
    "chunk-size-negative": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + GOOD, "", True, _HTTP),
    "chunks-without-end": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nversi\r\n", "", True, _HTTP),
    "coding-unknown": (_HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + GOOD, "", True, _HTTP),
    "status-line-missing": (GOOD, "", True, _HTTP),
    "status-in-words": (b"HTTP/1.1 fine OK\r\n\r\n", "", True, _HTTP),
    "status-99999": (b"HTTP/1.1 99999 OK\r\nContent-Length: 0\r\n\r\n", "status 99999", False, _HTTP),
    "version-9": (b"HTTP/9.9 200 OK\r\n\r\n" + GOOD, "not of the type", False, _HTTP),
    "smtp": (b"220 mx.example.com ESMTP\r\n", "", True, _HTTP),
    "nul": (b"\0" * 1000, "", True, _HTTP),
    "nothing": (b"", "", True, _HTTP),
    "head-cut-short": (_HEAD, "", True, _HTTP),
    "head-too-long": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 30000, "", False, _FETCH),
    "head-line-too-long": (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000, "", False, _FETCH),
    "hints-without-end": (b"HTTP/1.1 103 Early\r\n\r\n" * 8000, "more than 131072 octets", False, _HTTP),
    "switching-protocols": (b"HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n" + GOOD, "", True, _HTTP),
}  # fmt: skip

ANSWERS = tuple(
    AnswerVector(f"policy-host-{name}", octets, comes_of_it, temporary, source)
    for name, (octets, comes_of_it, temporary, source) in _ANSWERS.items()
)

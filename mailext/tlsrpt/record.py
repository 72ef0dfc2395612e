"""
Where a domain wants its reports: the TXT record ``_smtp._tls`` (RFC 8460
section 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT

from mailext.interfaces import IResolver
from mailext.values import DnsAnswer, Mailbox
from mailext.wire.grammar import parse_mailbox

__all__ = ["Destination", "HttpsDestination", "MailDestination", "parse_record", "published_destinations"]

_VERSION = "v=TLSRPTv1"
_SPACE = " \t"
_EXTENSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)")
_RUA = re.compile(r"rua=(\S(?:.*\S)?)", re.DOTALL)
# RFC 3986 section 2. Commas, exclamation points and semicolons are to be encoded.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@$&'()*+=%]+")


@dataclass(frozen=True, slots=True)
class MailDestination:
    """Reports go to an address."""

    address: Mailbox

    def __str__(self) -> str:
        return f"mailto:{self.address}"


@dataclass(frozen=True, slots=True)
class HttpsDestination:
    """Reports are posted to a URL."""

    url: str

    def __str__(self) -> str:
        return self.url


Destination: TypeAlias = MailDestination | HttpsDestination


def parse_record(text: str) -> tuple[Destination, ...]:
    """
    :param text: the TXT record, its strings put together.
    :return: where reports are wanted, in the order of the record; URIs of
        schemes that are not known are left out.
    :raise ValueError: saying what is wrong with the record.
    """
    version, *fields = _split(text, ";")
    if version != _VERSION:
        raise ValueError(f"the record does not begin with {_VERSION};")
    if fields and not fields[-1]:
        fields.pop()
    wanted: list[Destination] = []
    asked = False
    for field in fields:
        if match := _RUA.fullmatch(field):
            asked = True
            wanted += (found for uri in _split(match[1], ",") if (found := _destination(uri)) is not None)
        elif not _EXTENSION.fullmatch(field):
            raise ValueError(f"not a field: {field!r}")
    if not asked:
        raise ValueError("the record has no field rua")
    return tuple(wanted)


def _split(text: str, delimiter: str) -> list[str]:
    """What stands between the delimiters, without white space beside them."""
    first, *others = text.split(delimiter)
    if not others:
        return [first]
    *between, last = others
    return [first.rstrip(_SPACE), *(part.strip(_SPACE) for part in between), last.lstrip(_SPACE)]


def _destination(uri: str) -> Destination | None:
    if not _URI.fullmatch(uri):
        raise ValueError(f"not a URI: {uri!r}")
    try:
        parts = urlsplit(uri)
        if parts.scheme == "mailto":
            return MailDestination(parse_mailbox(unquote(parts.path, errors="strict")))
        is_host = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError as error:
        raise ValueError(f"not where a report can go: {uri!r}: {error}") from error
    if parts.scheme != "https":
        return None
    if not is_host:
        raise ValueError(f"not where a report can go: {uri!r}")
    return HttpsDestination(uri)


async def published_destinations(resolver: IResolver, domain: str) -> tuple[Destination, ...]:
    """
    :param domain: in A-labels.
    :return: where a domain wants its reports; nothing where it wants none, or
        says so in a way that cannot be understood.
    :raise mailext.values.DnsError: if that is not known now.
    """
    answer: DnsAnswer[Rdata] = await resolver.lookup(f"_smtp._tls.{domain}", RdataType.TXT)
    texts = [
        b"".join(record.strings).decode("utf-8", "replace")
        for record in answer.records
        if isinstance(record, TXT)
    ]
    # RFC 8460 section 3: others are none of ours; several of ours are none.
    ours = [text for text in texts if text.startswith(f"{_VERSION};")]
    if len(ours) != 1:
        return ()
    try:
        return parse_record(ours[0])
    except ValueError:
        return ()

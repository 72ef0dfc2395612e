"""ENVELOPE and BODYSTRUCTURE (RFC 3501 section 7.4.2), as octets for the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.message import Message
from email.utils import getaddresses

from mailext.access.mime import LONGEST_FIELD, Octets, Part, parameters_of

__all__ = ["body_structure", "envelope", "string"]

_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,1000}")
_NIL = b"NIL"
_LONGEST_ADDRESSES = 32 * 1024


def string(text: str | bytes | None) -> bytes:
    """A ``nstring``: quoted where it can be, else a literal."""
    if text is None:
        return _NIL
    octets = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if _QUOTABLE.fullmatch(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    # RFC 3501 section 9: of all octets only NUL cannot be in a literal.
    octets = octets.replace(b"\0", b"")
    return b"{%d}\r\n%b" % (len(octets), octets)


def envelope(message: Part) -> bytes:
    """
    :param message: a message, not a part of one.
    """
    sender_default = message.first(b"from")
    fields = [
        string(message.first(b"date")),
        string(message.first(b"subject")),
        _addresses(sender_default),
        # Empty fields, too, are defaulted.
        _addresses(message.first(b"sender") or sender_default),
        _addresses(message.first(b"reply-to") or sender_default),
        *(_addresses(", ".join(message.header.values(name)) or None) for name in (b"to", b"cc", b"bcc")),
        string(message.first(b"in-reply-to")),
        string(message.first(b"message-id")),
    ]
    return b"(" + b" ".join(fields) + b")"


def _addresses(value: str | None) -> bytes:
    try:
        parsed = getaddresses([(value or "")[:_LONGEST_ADDRESSES]])
    except (ValueError, IndexError, RecursionError):
        # Comments within comments, as an attacker writes them.
        return _NIL
    found = [(name, address) for name, address in parsed if name or address]
    if not found:
        return _NIL
    return b"(" + b"".join(_address(name, address) for name, address in found) + b")"


def _address(name: str, address: str) -> bytes:
    local_part, at, domain = address.rpartition("@")
    if not at:
        # A host of NIL would begin a group.
        local_part, domain = address, ""
    return b"(%b NIL %b %b)" % (string(name or None), string(local_part), string(domain))


def body_structure(octets: Octets, part: Part, *, extended: bool) -> bytes:
    """
    :param extended: whether it is for BODYSTRUCTURE, with what BODY does not
        tell.
    """
    if part.is_multipart:
        described = b"".join(body_structure(octets, child, extended=extended) for child in part.children)
        fields = [described + b" " + string(part.type.sub)]
        if extended:
            fields += [_pairs(part.type.parameters), *_further(part)]
        return b"(" + b" ".join(fields) + b")"
    main, sub = part.type.main, part.type.sub
    if main == "multipart" or (main == "message" and sub == "rfc822" and not part.is_message):
        # Without parts it cannot be described as what it says it is.
        main, sub = "application", "octet-stream"
    fields = [
        string(main),
        string(sub),
        _pairs(part.type.parameters),
        string(part.first(b"content-id")),
        string(part.first(b"content-description")),
        string((part.first(b"content-transfer-encoding") or "7bit").lower()),
        b"%d" % (part.end - part.body),
    ]
    if part.is_message:
        within = part.children[0]
        fields += [envelope(within), body_structure(octets, within, extended=extended)]
    if part.is_message or main == "text":
        fields.append(b"%d" % octets[part.body : part.end].count(b"\n"))
    if extended:
        fields += [string(part.first(b"content-md5")), *_further(part)]
    return b"(" + b" ".join(fields) + b")"


def _further(part: Part) -> Iterable[bytes]:
    yield _disposition(part.first(b"content-disposition"))
    yield string(part.first(b"content-language"))
    yield string(part.first(b"content-location"))


def _disposition(value: str | None) -> bytes:
    message = Message()
    if value:
        message["Content-Disposition"] = value[:LONGEST_FIELD]
    kind = message.get_content_disposition()
    if not kind:
        return _NIL
    return b"(%b %b)" % (string(kind), _pairs(parameters_of(message, "content-disposition")))


def _pairs(parameters: Mapping[str, str]) -> bytes:
    if not parameters:
        return _NIL
    words = (string(word) for pair in parameters.items() for word in pair)
    return b"(" + b" ".join(words) + b")"

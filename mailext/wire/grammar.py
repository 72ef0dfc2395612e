"""
What the arguments of commands may be: RFC 5321 section 4.1.2 with RFC 6531,
and the grammars of the extensions.

Every function takes the octets or the text of one argument and returns what it
means, or raises :class:`GrammarError`. Nothing is decoded twice, and no
character below SP gets through.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from functools import lru_cache

from mailext.values import ClientIdentity, Mailbox

__all__ = [
    "GrammarError",
    "NonAsciiAddressError",
    "decode_base64",
    "decode_xtext",
    "encode_unicode_xtext",
    "encode_xtext",
    "has_control",
    "mailbox_of",
    "parse_bdat",
    "parse_client_identity",
    "parse_client_name",
    "parse_forward_path",
    "parse_mailbox",
    "parse_number",
    "parse_parameters",
    "parse_reverse_path",
    "split_path",
]


class GrammarError(ValueError):
    """The argument is not what the grammar wants."""


class NonAsciiAddressError(GrammarError):
    """The address is well-formed, but only SMTPUTF8 allows it."""


_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]"
_LABEL = r"[A-Za-z0-9_\x80-\U0010ffff](?:[A-Za-z0-9_\x80-\U0010ffff-]*[A-Za-z0-9_\x80-\U0010ffff])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[A-Za-z0-9:.-]+\]"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'

_MAILBOX = re.compile(
    rf"(?:(?P<dots>{_ATEXT}+(?:\.{_ATEXT}+)*)|(?P<quoted>{_QUOTED}))@(?P<domain>{_NAME}|{_LITERAL})"
)
_SOURCE_ROUTE = re.compile(rf"@{_NAME}(?:,@{_NAME})*:")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PATH = re.compile(
    rb'[ \t]*<(?P<path>(?:[^"\\<> \t]|"(?:[^"\\]|\\.)*")*)>(?:[ \t]+(?P<parameters>.*))?', re.DOTALL
)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?")
_C1_CONTROL = re.compile(r"[\x80-\x9f\u2028\u2029]")
_CLIENT_NAME = re.compile(r"[!-~\xa0-\U0010ffff]{1,255}")
_NUMBER = re.compile(rb"[0-9]{1,20}")
_BDAT = re.compile(rb"([0-9]{1,20})(?:[ \t]+([Ll][Aa][Ss][Tt]))?")
# C5, C6, draft-storey-smtp-client-id-13 sections 4 and 5.
_CLIENT_IDENTITY = re.compile(rb"([A-Za-z0-9-]{1,16}) ([!-~]{1,128})")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_XTEXT = re.compile(r"(?:[!-*,-<>-~\x80-\U0010ffff]|\+[0-7][0-9A-F])*")
_XCHAR = re.compile(r"\+([0-7][0-9A-F])")
_NOT_XCHAR = re.compile(r"[^!-*,-<>-~\x80-\U0010ffff]")
# RFC 6533 section 3: EmbeddedUnicodeChar, and what must not stand for itself.
_EMBEDDED_OR_SPECIAL = re.compile(r"\\x\{[0-9A-Fa-f]+\}|[^!-~]|[+=\\]")
_MAXIMUM_DOMAIN = 255
_MAXIMUM_LABEL = 63


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise GrammarError("not UTF-8") from None


def has_control(octets: bytes) -> bool:
    """Whether there is a control character other than HT."""
    return _CONTROL.search(octets) is not None


def parse_number(octets: bytes) -> int:
    """A decimal number of 1 to 20 ASCII digits."""
    if not _NUMBER.fullmatch(octets):
        raise GrammarError("not a number")
    return int(octets)


def split_path(argument: bytes, keyword: bytes) -> tuple[bytes, bytes]:
    """
    Split the argument of MAIL or RCPT.

    :param keyword: ``FROM`` or ``TO``.
    :return: what stands between the angle brackets, and the parameters.
    """
    head, colon, tail = argument.partition(b":")
    match = _PATH.fullmatch(tail)
    if not colon or head.upper() != keyword or match is None or has_control(tail):
        raise GrammarError("not a path")
    return match["path"], match["parameters"] or b""


# A message says each of its addresses several times, and the next one again.
@lru_cache(maxsize=1024)
def parse_mailbox(text: str) -> Mailbox:
    """``Mailbox`` of RFC 5321 section 4.1.2, with the characters of RFC 6531."""
    match = _MAILBOX.fullmatch(text)
    if match is None or _C1_CONTROL.search(text):
        raise GrammarError("not a mailbox")
    local, domain = match["dots"], match["domain"]
    if local is None:
        local = _QUOTED_PAIR.sub(r"\1", match["quoted"][1:-1])
    if domain.startswith("["):
        _check_literal(domain[1:-1])
    elif len(domain) > _MAXIMUM_DOMAIN or any(len(part) > _MAXIMUM_LABEL for part in domain.split(".")):
        raise GrammarError("domain too long")
    return Mailbox(local, domain)


def mailbox_of(octets: bytes) -> Mailbox | None:
    """The ``Mailbox`` that octets spell, None where they spell none."""
    try:
        return parse_mailbox(_text(octets))
    except GrammarError:
        return None


def _check_literal(content: str) -> None:
    try:
        if content[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(content[5:])
        else:
            ipaddress.IPv4Address(content)
    except ValueError:
        raise GrammarError("not an address literal") from None


def _parse_path(octets: bytes, smtputf8: bool) -> Mailbox:  # noqa: FBT001
    text = _text(octets)
    # RFC 5321 section 4.1.1.3: a source route is accepted and ignored.
    if text.startswith("@") and (route := _SOURCE_ROUTE.match(text)):
        text = text[route.end() :]
    mailbox = parse_mailbox(text)
    if not smtputf8 and not octets.isascii():
        raise NonAsciiAddressError("non-ASCII address without SMTPUTF8")
    return mailbox


def parse_reverse_path(octets: bytes, *, smtputf8: bool) -> Mailbox | None:
    """
    The reverse-path, without its angle brackets.

    :param smtputf8: whether SMTPUTF8 allows non-ASCII addresses.
    :return: None for the null reverse-path.
    """
    return _parse_path(octets, smtputf8) if octets else None


def parse_forward_path(octets: bytes, *, smtputf8: bool) -> Mailbox:
    """
    The forward-path, without its angle brackets. ``postmaster`` alone has the
    empty domain (RFC 5321 section 4.1.1.3).
    """
    if octets.lower() == b"postmaster":
        return Mailbox(octets.decode("ascii"), "")
    return _parse_path(octets, smtputf8)


def parse_parameters(octets: bytes) -> list[tuple[str, bytes | None]]:
    """
    ``Mail-parameters`` or ``Rcpt-parameters``.

    :return: keyword in upper case and value, in their order; the value is
        None where there is no ``=``.
    """
    parameters: list[tuple[str, bytes | None]] = []
    for word in octets.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise GrammarError("not a parameter")
        parameters.append((match[1].decode("ascii").upper(), match[2]))
    return parameters


def parse_client_name(octets: bytes) -> str:
    """
    The argument of EHLO, HELO or LHLO. Its form is not checked against that of
    a domain, for too many clients give something else; but it is one word.
    """
    name = _text(octets)
    if not _CLIENT_NAME.fullmatch(name) or _C1_CONTROL.search(name):
        raise GrammarError("not a name")
    return name


def parse_bdat(octets: bytes) -> tuple[int, bool]:
    """The size of a chunk, and whether it is the last (RFC 3030 section 2)."""
    match = _BDAT.fullmatch(octets)
    if match is None:
        raise GrammarError("not a chunk size")
    return int(match[1]), match[2] is not None


def parse_client_identity(octets: bytes) -> ClientIdentity:
    """
    The argument of CLIENTID.

    Types compare without regard to case. A token is opaque and exact, save
    that a valid UUID compares in lower case.
    """
    match = _CLIENT_IDENTITY.fullmatch(octets)
    if match is None:
        raise GrammarError("not a client identity")
    token = match[2].decode("ascii")
    if _UUID.fullmatch(token):
        token = str(uuid.UUID(token))
    return ClientIdentity(match[1].decode("ascii").upper(), token)


def decode_base64(octets: bytes) -> bytes:
    """Base64 of RFC 4648 section 4, strictly: no other character, full padding."""
    try:
        decoded = base64.b64decode(octets, validate=True)
    except binascii.Error:
        raise GrammarError("not base64") from None
    # Non-canonical trailing bits would give one credential several spellings.
    if base64.b64encode(decoded) != octets:
        raise GrammarError("not canonical base64")
    return decoded


def decode_xtext(octets: bytes) -> str:
    """
    ``xtext`` (RFC 3461 section 4), and what RFC 6533 section 3 adds to it:
    characters beyond ASCII stand for themselves.

    :raise GrammarError: also where a control character comes out.
    """
    text = _text(octets)
    if not _XTEXT.fullmatch(text):
        raise GrammarError("not xtext")
    decoded = _XCHAR.sub(lambda match: chr(int(match[1], 16)), text)
    if not decoded.isprintable():
        raise GrammarError("control character in xtext")
    return decoded


def encode_unicode_xtext(text: str) -> str:
    """
    ``utf-8-addr-xtext`` (RFC 6533 section 3): ASCII, whatever the text holds.
    A character that is embedded in it already stays as it is.
    """
    return _EMBEDDED_OR_SPECIAL.sub(lambda match: _embedded(match[0]), text)


def _embedded(text: str) -> str:
    return text if len(text) > 1 else f"\\x{{{ord(text):X}}}"


def encode_xtext(text: str) -> str:
    """The ``xtext`` of printable characters."""
    return _NOT_XCHAR.sub(lambda match: f"+{ord(match[0]):02X}", text)

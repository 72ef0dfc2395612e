"""
The one table of extensions.

For each: its EHLO keyword, when it is advertised and with what arguments, its
parameters of MAIL and RCPT, by how much it lengthens their lines, and where
it is specified. The EHLO reply, the parser of MAIL and RCPT and the reference
page of the documentation come from here.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mailext.values import BodyType, MailOptions, Notify, RcptOptions, Ret
from mailext.wire.grammar import (
    GrammarError,
    decode_xtext,
    encode_unicode_xtext,
    parse_mailbox,
    parse_number,
)
from mailext.wire.limits import SessionLimits

__all__ = [
    "EXTENSIONS",
    "MAIL_PARAMETERS",
    "RCPT_PARAMETERS",
    "Extension",
    "Offer",
    "advertised",
]


@dataclass(frozen=True, slots=True)
class Offer:
    """
    What the server has to offer at this point of a session.

    :param tls: whether the session is under TLS.
    :param starttls: whether TLS could be begun.
    :param mechanisms: the SASL mechanisms.
    :param plaintext_auth: whether AUTH is offered outside of TLS too.
    :param clientid: whether CLIENTID is enabled here.
    :param dsn: whether reports are sent as DSN asks for them.
    :param limits: the limits of the session.
    """

    tls: bool = False
    starttls: bool = False
    mechanisms: tuple[str, ...] = ()
    plaintext_auth: bool = False
    clientid: bool = False
    dsn: bool = False
    limits: SessionLimits = field(default_factory=SessionLimits)

    @property
    def auth(self) -> bool:
        """Whether AUTH is to be had."""
        return bool(self.mechanisms) and (self.tls or self.plaintext_auth)


MailParameter = Callable[[MailOptions, bytes | None], MailOptions]
RcptParameter = Callable[[RcptOptions, bytes | None], RcptOptions]


@dataclass(frozen=True, slots=True)
class Extension:
    """
    One row of the table.

    :param keyword: the EHLO keyword.
    :param section: where it is specified.
    :param arguments: the arguments of the keyword under an offer, None where
        it is not advertised.
    :param mail: its parameters of MAIL, each with the function that adds its
        value to the options or raises ``GrammarError``.
    :param rcpt: its parameters of RCPT, likewise.
    :param mail_growth: octets that it adds to the greatest MAIL line.
    :param rcpt_growth: octets that it adds to the greatest RCPT line.
    """

    keyword: str
    section: str
    arguments: Callable[[Offer], tuple[str, ...] | None] = lambda offer: ()  # noqa: ARG005 - whatever is offered
    mail: Mapping[str, MailParameter] = field(default_factory=dict)
    rcpt: Mapping[str, RcptParameter] = field(default_factory=dict)
    mail_growth: int = 0
    rcpt_growth: int = 0


def _required(value: bytes | None) -> bytes:
    if value is None:
        raise GrammarError("the parameter needs a value")
    return value


def _no_value(value: bytes | None) -> None:
    if value is not None:
        raise GrammarError("the parameter takes no value")


def _size(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, size=parse_number(_required(value)))


def _body(options: MailOptions, value: bytes | None) -> MailOptions:
    try:
        return replace(options, body=BodyType(_required(value).decode("ascii", "replace").upper()))
    except ValueError as error:
        raise GrammarError(str(error)) from None


def _smtputf8(options: MailOptions, value: bytes | None) -> MailOptions:
    _no_value(value)
    return replace(options, smtputf8=True)


def _requiretls(options: MailOptions, value: bytes | None) -> MailOptions:
    # R2, RFC 8689 section 2: the parameter has no value.
    _no_value(value)
    return replace(options, requiretls=True)


def _auth(options: MailOptions, value: bytes | None) -> MailOptions:
    # RFC 4954 section 5.
    if _required(value) == b"<>":
        return replace(options, auth="")
    mailbox = decode_xtext(_required(value))
    parse_mailbox(mailbox)
    return replace(options, auth=mailbox)


def _ret(options: MailOptions, value: bytes | None) -> MailOptions:
    try:
        return replace(options, ret=Ret(_required(value).decode("ascii", "replace").upper()))
    except ValueError as error:
        raise GrammarError(str(error)) from None


_MAXIMUM_ENVID = 100
_MAXIMUM_ORCPT = 500
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_UTF_8 = "utf-8;"
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]+;.+")


def _envid(options: MailOptions, value: bytes | None) -> MailOptions:
    # RFC 3461 section 4.4: printable ASCII, SMTPUTF8 or not.
    envid = _required(value)
    if len(envid) > _MAXIMUM_ENVID or not envid.isascii():
        raise GrammarError("not an ENVID")
    return replace(options, envid=decode_xtext(envid))


def _notify(options: RcptOptions, value: bytes | None) -> RcptOptions:
    # RFC 3461 section 4.1: NEVER stands alone.
    words = _required(value).decode("ascii", "replace").upper().split(",")
    try:
        notify = frozenset(map(Notify, words))
    except ValueError as error:
        raise GrammarError(str(error)) from None
    if len(notify) != len(words) or (Notify.NEVER in notify and len(notify) > 1):
        raise GrammarError("NOTIFY contradicts itself")
    return replace(options, notify=notify)


def _is_character(digits: str) -> bool:
    # RFC 6533 section 3: no surrogates, and nothing beyond the last code point;
    # and a control character is no better than one that stands for itself.
    point = int(digits, 16)
    return point <= sys.maxunicode and unicodedata.category(chr(point)) not in ("Cc", "Cs")


def _orcpt(options: RcptOptions, value: bytes | None) -> RcptOptions:
    # RFC 3461 section 4.2.
    if len(_required(value)) > _MAXIMUM_ORCPT:
        raise GrammarError("ORCPT too long")
    orcpt = decode_xtext(_required(value))
    if not _ADDRESS_TYPE.fullmatch(orcpt):
        raise GrammarError("ORCPT has no address type")
    if orcpt[: len(_UTF_8)].lower() == _UTF_8:
        if not all(map(_is_character, _EMBEDDED.findall(orcpt))):
            raise GrammarError("ORCPT embeds what is no character of an address")
        # To a next hop without SMTPUTF8 it is said so, and must fit there too.
        if len(encode_unicode_xtext(orcpt[len(_UTF_8) :])) > _MAXIMUM_ORCPT - len(_UTF_8):
            raise GrammarError("ORCPT too long")
    return replace(options, orcpt=orcpt)


EXTENSIONS: tuple[Extension, ...] = (
    Extension("PIPELINING", "RFC 2920"),
    Extension(
        "SIZE",
        "RFC 1870",
        arguments=lambda offer: (str(offer.limits.message_size),),
        mail={"SIZE": _size},
        mail_growth=26,
    ),
    Extension("8BITMIME", "RFC 6152", mail={"BODY": _body}, mail_growth=17),
    Extension("SMTPUTF8", "RFC 6531", mail={"SMTPUTF8": _smtputf8}, mail_growth=10),
    Extension("ENHANCEDSTATUSCODES", "RFC 2034"),
    Extension("CHUNKING", "RFC 3030"),
    # Where no reports are sent the keyword would promise too much; yet clients
    # give the parameters unasked, and losing them would be worse.
    Extension(
        "DSN",
        "RFC 3461",
        arguments=lambda offer: () if offer.dsn else None,
        mail={"RET": _ret, "ENVID": _envid},
        rcpt={"NOTIFY": _notify, "ORCPT": _orcpt},
        mail_growth=9 + 7 + _MAXIMUM_ENVID,
        rcpt_growth=36 + 7 + _MAXIMUM_ORCPT,
    ),
    Extension(
        "LIMITS",
        "RFC 9422",
        arguments=lambda offer: (f"RCPTMAX={offer.limits.recipients}",),
    ),
    Extension(
        "STARTTLS", "RFC 3207", arguments=lambda offer: () if offer.starttls and not offer.tls else None
    ),
    Extension(
        "AUTH",
        "RFC 4954",
        arguments=lambda offer: offer.mechanisms if offer.auth else None,
        mail={"AUTH": _auth},
        mail_growth=500,
    ),
    # C1 to C4, draft-storey-smtp-client-id-13 sections 2 and 3.
    Extension(
        "CLIENTID",
        "draft-storey-smtp-client-id-13",
        arguments=lambda offer: () if offer.clientid and offer.tls else None,
    ),
    # R1, R2, RFC 8689 section 2.
    Extension(
        "REQUIRETLS",
        "RFC 8689",
        arguments=lambda offer: () if offer.tls else None,
        mail={"REQUIRETLS": _requiretls},
        mail_growth=11,
    ),
)

MAIL_PARAMETERS: Mapping[str, MailParameter] = {
    name: parameter for extension in EXTENSIONS for name, parameter in extension.mail.items()
}
RCPT_PARAMETERS: Mapping[str, RcptParameter] = {
    name: parameter for extension in EXTENSIONS for name, parameter in extension.rcpt.items()
}


def advertised(offer: Offer) -> dict[str, tuple[str, ...]]:
    """The keywords of an EHLO reply under an offer, with their arguments."""
    offered = ((extension.keyword, extension.arguments(offer)) for extension in EXTENSIONS)
    return {keyword: arguments for keyword, arguments in offered if arguments is not None}

"""
Command lines: what a verb and its argument mean under a given offer.

Whether a command may come now is not asked here but in
:mod:`mailext.wire.states`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from mailext.values import MailOptions, RcptOptions
from mailext.wire import grammar, replies
from mailext.wire.events import AuthCommand, MailCommand, RcptCommand
from mailext.wire.extensions import EXTENSIONS, MAIL_PARAMETERS, RCPT_PARAMETERS, Offer
from mailext.wire.grammar import GrammarError, NonAsciiAddressError
from mailext.wire.limits import COMMAND_LINE, SASL_LINE
from mailext.wire.replies import Reply
from mailext.wire.states import Command

__all__ = [
    "LONGEST_LINE",
    "CommandError",
    "decode_response",
    "line_limit",
    "parse_auth",
    "parse_mail",
    "parse_rcpt",
]

_LINE_LIMITS = {
    Command.MAIL: COMMAND_LINE + sum(extension.mail_growth for extension in EXTENSIONS),
    Command.RCPT: COMMAND_LINE + sum(extension.rcpt_growth for extension in EXTENSIONS),
    Command.AUTH: SASL_LINE,
}
LONGEST_LINE = max(_LINE_LIMITS.values())
Options = TypeVar("Options", MailOptions, RcptOptions)

_MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}")


class CommandError(Exception):
    """
    The command is refused.

    :ivar reply: what the client is told.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def line_limit(command: Command | None) -> int:
    """
    The greatest length of a command's line with its CRLF, in octets.

    :param command: None for a verb that is not known here.
    """
    return COMMAND_LINE if command is None else _LINE_LIMITS.get(command, COMMAND_LINE)


def _split(argument: bytes, keyword: bytes, refusal: Reply) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    try:
        path, octets = grammar.split_path(argument, keyword)
    except GrammarError:
        raise CommandError(refusal) from None
    try:
        return path, grammar.parse_parameters(octets)
    except GrammarError:
        raise CommandError(replies.BAD_ARGUMENTS) from None


def _options(
    options: Options,
    parameters: list[tuple[str, bytes | None]],
    known: Mapping[str, Callable[[Options, bytes | None], Options]],
) -> Options:
    for name, value in parameters:
        if (parameter := known.get(name)) is None:
            raise CommandError(replies.UNKNOWN_PARAMETER)
        try:
            options = parameter(options, value)
        except GrammarError:
            raise CommandError(replies.BAD_ARGUMENTS) from None
    if len({name for name, _ in parameters}) < len(parameters):
        raise CommandError(replies.BAD_ARGUMENTS)
    return options


def _need_ascii(parameters: list[tuple[str, bytes | None]]) -> None:
    if any(value is not None and not value.isascii() for _, value in parameters):
        raise CommandError(replies.BAD_ARGUMENTS)


def parse_mail(argument: bytes, offer: Offer) -> MailCommand:
    """The argument of MAIL."""
    path, parameters = _split(argument, b"FROM", replies.BAD_SENDER_SYNTAX)
    if not offer.tls:
        with_requiretls, parameters = parameters, [p for p in parameters if p[0] != "REQUIRETLS"]
        tls_missing = len(parameters) < len(with_requiretls)
    else:
        tls_missing = False
    options = _options(MailOptions(), parameters, MAIL_PARAMETERS)
    if not options.smtputf8:
        _need_ascii(parameters)
    try:
        reverse_path = grammar.parse_reverse_path(path, smtputf8=options.smtputf8)
    except NonAsciiAddressError:
        raise CommandError(replies.NON_ASCII_ADDRESS) from None
    except GrammarError:
        raise CommandError(replies.BAD_SENDER_SYNTAX) from None
    if tls_missing:
        # R3, RFC 8689 section 2: whatever its value.
        raise CommandError(replies.TLS_NEEDED_FOR_REQUIRETLS)
    if options.size is not None and options.size > offer.limits.message_size:
        raise CommandError(replies.MESSAGE_TOO_BIG)
    return MailCommand(reverse_path, options)


def parse_rcpt(argument: bytes, *, smtputf8: bool) -> RcptCommand:
    """
    The argument of RCPT.

    :param smtputf8: whether MAIL said SMTPUTF8.
    """
    path, parameters = _split(argument, b"TO", replies.BAD_RECIPIENT_SYNTAX)
    options = _options(RcptOptions(), parameters, RCPT_PARAMETERS)
    if not smtputf8:
        _need_ascii(parameters)
    try:
        forward_path = grammar.parse_forward_path(path, smtputf8=smtputf8)
    except NonAsciiAddressError:
        raise CommandError(replies.NON_ASCII_ADDRESS) from None
    except GrammarError:
        raise CommandError(replies.BAD_RECIPIENT_SYNTAX) from None
    return RcptCommand(forward_path, options)


def parse_auth(argument: bytes, offer: Offer) -> AuthCommand:
    """The argument of AUTH (RFC 4954 section 4)."""
    name, space, response = argument.partition(b" ")
    if not _MECHANISM.fullmatch(name):
        raise CommandError(replies.BAD_ARGUMENTS)
    mechanism = name.decode("ascii").upper()
    if mechanism not in offer.mechanisms:
        raise CommandError(replies.UNKNOWN_MECHANISM)
    if not space:
        return AuthCommand(mechanism, None)
    # "=" is an initial response of no octets.
    return AuthCommand(mechanism, b"" if response == b"=" else decode_response(response))


def decode_response(octets: bytes) -> bytes:
    """A response of the client within a SASL exchange."""
    try:
        return grammar.decode_base64(octets)
    except GrammarError:
        raise CommandError(replies.NOT_BASE64) from None

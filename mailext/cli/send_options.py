"""
The options of ``mailext send``: those that programs give to ``sendmail``, and
those of a client that sends through a server.
"""

from __future__ import annotations

import re
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from mailext.config.problems import COMMAND_LINE, ConfigurationError, Problem
from mailext.private_files import secret_from
from mailext.values import ClientIdentity, Notify, Ret, TlsDemand
from mailext.wire.grammar import GrammarError, parse_client_identity

__all__ = ["TlsChoice", "add_send_options", "refuse_server_options"]

# What sendmail takes, and what has no meaning here.
_FLAGS_WITHOUT_EFFECT = ("-G", "-m", "-n", "-U", "-v")
_OPTIONS_WITHOUT_EFFECT = ("-A", "-B", "-e", "-L", "-O", "-p")
_ENVID = re.compile(r"[ -~]{1,100}")


class TlsChoice(StrEnum):
    """How TLS begins with the server."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


def add_send_options(parser: ArgumentParser) -> None:
    """Add arguments and options."""
    parser.add_argument("recipients", metavar="RECIPIENT", nargs="*")
    _add_envelope(parser)
    _add_demands(parser)
    _add_reports(parser)
    _add_server(parser)
    _add_without_effect(parser)


def refuse_server_options(arguments: Namespace) -> None:
    """:raise ConfigurationError: if options say how to use a server, and none is named."""
    given = {
        "--user": arguments.user,
        "--password-file": arguments.password,
        "--tls": arguments.tls,
        "--trust-roots": arguments.roots,
        "--clientid": arguments.identity,
        "--clientid-required": arguments.clientid_required or None,
    }
    problems = [
        Problem(COMMAND_LINE, option, "there is no --server")
        for option, value in given.items()
        if value is not None
    ]
    if problems:
        raise ConfigurationError(problems)


def _add_envelope(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "-r",
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help="the reverse-path, empty for none (the address of the From field without it)",
    )
    parser.add_argument(
        "-F", dest="full_name", metavar="NAME", default="", help="the author's name, where From is missing"
    )
    parser.add_argument(
        "-t", dest="read_recipients", action="store_true", help="send to those in To, Cc and Bcc, too"
    )
    parser.add_argument(
        "-i",
        dest="ignore_dots",
        action="store_true",
        help="a line that is a dot does not end the message; also -oi",
    )


def _add_demands(parser: ArgumentParser) -> None:
    tags = parser.add_mutually_exclusive_group()
    tags.add_argument(
        "--requiretls",
        dest="demand",
        action="store_const",
        const=TlsDemand.REQUIRE,
        default=TlsDemand.NONE,
        help="verified TLS all the way, or not at all (RFC 8689)",
    )
    tags.add_argument(
        "--tls-optional",
        dest="demand",
        action="store_const",
        const=TlsDemand.OPTIONAL,
        help="deliver even where TLS cannot be had (RFC 8689)",
    )


def _add_reports(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-N",
        "--dsn-notify",
        dest="notify",
        metavar="WHEN",
        type=_notify,
        default=frozenset(),
        help="report never, or on success, failure, delay (by commas; RFC 3461)",
    )
    parser.add_argument(
        "-R", "--dsn-return", dest="ret", metavar="full|hdrs", type=_ret, help="what a report returns"
    )
    parser.add_argument(
        "-V", "--dsn-envid", dest="envid", metavar="ID", type=_envid, help="names the message in reports"
    )


def _add_server(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("through a server, without a configuration")
    group.add_argument("--server", metavar="HOST[:PORT]", help="port 587 without one, or 465")
    group.add_argument("--user", metavar="NAME", help="log in")
    group.add_argument(
        "--password-file",
        dest="password",
        metavar="FILE",
        type=_secret,
        help="its first line is the password",
    )
    group.add_argument(
        "--tls",
        choices=[choice.value for choice in TlsChoice],
        help="how TLS begins; starttls if not said, implicit for port 465",
    )
    group.add_argument(
        "--trust-roots",
        dest="roots",
        metavar="FILE",
        type=Path,
        help="PEM file of the authorities that are trusted (the system's without it)",
    )
    group.add_argument(
        "--clientid",
        dest="identity",
        metavar="TYPE:@FILE",
        type=_identity,
        help="say CLIENTID before the login; the first line of FILE is the token",
    )
    group.add_argument(
        "--clientid-required",
        action="store_true",
        help="do not log in where the server does not take it",
    )


def _add_without_effect(parser: ArgumentParser) -> None:
    for flag in _FLAGS_WITHOUT_EFFECT:
        parser.add_argument(flag, dest="_", action="store_true", help=SUPPRESS)
    for option in _OPTIONS_WITHOUT_EFFECT:
        parser.add_argument(option, dest="_", help=SUPPRESS)
    parser.add_argument("-o", action=_SendmailOption, help=SUPPRESS)
    parser.add_argument("-b", dest="_", choices=["m"], help=SUPPRESS)


class _SendmailOption(Action):
    """``-oX`` of sendmail: of them all ``-oi`` alone, in its longer forms, means anything here."""

    def __call__(
        self,
        parser: ArgumentParser,  # noqa: ARG002 - the signature of an action
        namespace: Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        if values in ("i", "itrue"):
            namespace.ignore_dots = True


def _notify(text: str) -> frozenset[Notify]:
    words = text.upper().split(",")
    try:
        notify = frozenset(map(Notify, words))
    except ValueError:
        raise ArgumentTypeError(f"not never, success, failure, delay: {text!r}") from None
    # RFC 3461 section 4.1.
    if Notify.NEVER in notify and len(notify) > 1:
        raise ArgumentTypeError("never stands alone")
    return notify


def _ret(text: str) -> Ret:
    try:
        return Ret(text.upper())
    except ValueError:
        raise ArgumentTypeError(f"not full or hdrs: {text!r}") from None


def _envid(text: str) -> str:
    if not _ENVID.fullmatch(text):
        raise ArgumentTypeError("an envelope id is 1 to 100 printable characters of ASCII")
    return text


def _secret(name: str) -> str:
    try:
        return secret_from(Path(name))
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _identity(text: str) -> ClientIdentity:
    kind, separator, name = text.partition(":@")
    if not separator:
        # It is not repeated: it might be a token (C24).
        raise ArgumentTypeError("not TYPE:@FILE")
    token = _secret(name)
    try:
        return parse_client_identity(f"{kind} {token}".encode("ascii", "replace"))
    except GrammarError:
        raise ArgumentTypeError(f"not an identity type, or no token in {name}") from None

"""``mailext licence``."""

from __future__ import annotations

import secrets
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, cast

from mailext.cli.asking import ask
from mailext.cli.grammar import Parser, asking, subcommand, subcommands
from mailext.cli.output import Output, Sheet, minute
from mailext.config.model import Configuration
from mailext.control.licence_requests import AddLicence, ListLicences, RevokeLicence

if TYPE_CHECKING:
    from mailext.control.licences import LicenceJson

__all__ = ["add_to"]

# 160 bits: nobody guesses it, and somebody can type it.
_TOKEN_OCTETS = 20


def add_to(parser: Parser) -> None:
    """The subcommands of ``licence``."""
    group = subcommands(parser)
    _add_options(subcommand(group, "add", "set up a licence", asking(add)))
    subcommand(group, "list", "list the licences", asking(list_all))
    revoking = subcommand(group, "revoke", "take a licence back for good", asking(revoke))
    revoking.add_argument("id", metavar="ID", help="the licence's id")


def _add_options(parser: Parser) -> None:
    parser.add_argument("address", metavar="ADDRESS", nargs="?", help="for this account only")
    parser.add_argument("--type", default="LICENSE", help="the identity type (LICENSE)")
    parser.add_argument("--label", default="", metavar="TEXT", help="a name for it")
    parser.add_argument("--from", dest="valid_from", metavar="TIME", help="when it begins (now)")
    parser.add_argument("--until", dest="valid_until", metavar="TIME", help="when it ends (never)")
    parser.add_argument(
        "--token-stdin", action="store_true", help="read the token from standard input; made up without it"
    )


def add(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``licence add``. A token that was made up is shown, this once."""
    made_up = None if arguments.token_stdin else secrets.token_hex(_TOKEN_OCTETS)
    token = made_up or sys.stdin.readline().rstrip("\r\n")
    asked = ask(
        configuration,
        AddLicence(
            type=arguments.type,
            token=token,
            address=arguments.address,
            label=arguments.label,
            valid_from=arguments.valid_from,
            valid_until=arguments.valid_until,
        ),
    )
    licence = cast("LicenceJson", asked)
    whose = licence["account"] or "any account"
    text = f"added licence {licence['id']} for {whose}"
    if made_up:
        text += f"\nthe client presents, and nobody will be told again: CLIENTID {licence['type']} {made_up}"
    output.tell({**licence, "token": made_up}, text)
    return 0


def list_all(arguments: Namespace, configuration: Configuration, output: Output) -> int:  # noqa: ARG001 - all
    """``licence list``."""
    licences = cast("list[LicenceJson]", ask(configuration, ListLicences()))
    rows = [
        [
            each["id"],
            each["account"] or "any",
            each["label"] or each["type"],
            each["state"],
            _validity(each),
            minute(each["lastUsed"] or "never"),
        ]
        for each in licences
    ]
    columns = ["id", "account", "label", "state", "valid", "last used"]
    output.show(licences, Sheet(columns, rows, "no licences"))
    return 0


def _validity(licence: LicenceJson) -> str:
    until = f" until {minute(licence['validUntil'])}" if licence["validUntil"] else ""
    return f"from {minute(licence['validFrom'])}{until}"


def revoke(arguments: Namespace, configuration: Configuration, output: Output) -> int:
    """``licence revoke ID``."""
    licence = cast("LicenceJson", ask(configuration, RevokeLicence(arguments.id)))
    output.tell(licence, f"revoked licence {licence['id']}")
    return 0
